//! Decodes `aws-chunked` bodies: the content in pieces with their lengths, and trailing headers with checksums.
//!
//! Pieces are passed on as they come; a client may well send its whole body as one. Signatures of pieces are skipped, as
//! are those of requests.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::Frame;

/// A line that says the length of a piece, or a trailing header, is never longer in a sound request.
const LONGEST_LINE: usize = 4096;
/// More trailing headers than any client sends.
const MOST_TRAILERS: usize = 32;

/// Why a body is not a sound `aws-chunked` one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ChunkError {
    #[error("the aws-chunked body has a chunk without a sound length")]
    Length,
    #[error("the aws-chunked body has a chunk that does not end where its length says")]
    End,
    #[error("the aws-chunked body has a trailing header that is no header")]
    Trailer,
    #[error("the aws-chunked body has a line that is too long")]
    TooLong,
    #[error("the aws-chunked body ends in the middle of a chunk")]
    Cut,
}

/// Trailing headers, filled once the body has been read to its end.
#[derive(Clone, Debug, Default)]
pub(super) struct Trailers(Arc<Mutex<HeaderMap>>);

impl Trailers {
    /// A trailing header's value.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let headers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    }

    fn add(&self, name: HeaderName, value: HeaderValue) -> Result<(), ChunkError> {
        let mut headers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        headers.append(name, value);
        if headers.len() > MOST_TRAILERS {
            return Err(ChunkError::TooLong);
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the line with the length of a piece.
    Length,
    /// Inside a piece, so many bytes before its end.
    Content(u64),
    /// Between a piece and the end of its line.
    End,
    /// After the last piece.
    Trailers,
    /// After the empty line that ends the trailing headers.
    Done,
}

#[derive(Debug)]
struct Decoder {
    place: Place,
    line: BytesMut,
    trailers: Trailers,
}

impl Decoder {
    fn new(trailers: Trailers) -> Self {
        Self {
            place: Place::Length,
            line: BytesMut::new(),
            trailers,
        }
    }

    /// Takes what it can from the input. Returns content when it meets some, `None` when the input is used up.
    fn step(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, ChunkError> {
        while !input.is_empty() {
            if let Place::Content(left) = self.place {
                let length = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                let content = input.split_to(length);
                let left = left - length as u64;
                self.place = if left == 0 { Place::End } else { Place::Content(left) };
                return Ok(Some(content));
            }
            if self.place == Place::Done {
                input.clear();
                break;
            }
            let Some(line) = self.take_line(input)? else { break };
            self.read_line(&line)?;
        }
        Ok(None)
    }

    fn take_line(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, ChunkError> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let part = input.split_to(end.map_or(input.len(), |index| index + 1));
        self.line.extend_from_slice(&part);
        if self.line.len() > LONGEST_LINE {
            return Err(ChunkError::TooLong);
        }
        if end.is_none() {
            return Ok(None);
        }
        let line = self.line.split().freeze();
        let length = line
            .strip_suffix(b"\r\n")
            .or(line.strip_suffix(b"\n"))
            .map_or(0, <[u8]>::len);
        Ok(Some(line.slice(..length)))
    }

    fn read_line(&mut self, line: &[u8]) -> Result<(), ChunkError> {
        match self.place {
            Place::Length => {
                // What follows a semicolon is the signature of the piece.
                let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
                let digits = std::str::from_utf8(digits).map_err(|_| ChunkError::Length)?;
                let length = u64::from_str_radix(digits.trim(), 16).map_err(|_| ChunkError::Length)?;
                self.place = if length == 0 {
                    Place::Trailers
                } else {
                    Place::Content(length)
                };
            }
            Place::End if line.is_empty() => self.place = Place::Length,
            Place::End => return Err(ChunkError::End),
            Place::Trailers if line.is_empty() => self.place = Place::Done,
            Place::Trailers => {
                let colon = line.iter().position(|byte| *byte == b':').ok_or(ChunkError::Trailer)?;
                let (name, value) = line.split_at(colon);
                let name = HeaderName::from_bytes(name.trim_ascii()).map_err(|_| ChunkError::Trailer)?;
                let value = HeaderValue::from_bytes(value[1..].trim_ascii()).map_err(|_| ChunkError::Trailer)?;
                self.trailers.add(name, value)?;
            }
            Place::Content(_) | Place::Done => {}
        }
        Ok(())
    }

    /// Called at the end of the input. Some clients leave out the empty line after the trailing headers.
    fn finish(&mut self) -> Result<(), ChunkError> {
        match self.place {
            Place::Done => Ok(()),
            Place::Trailers if self.line.is_empty() => Ok(()),
            Place::Trailers => {
                let line = self.line.split().freeze();
                self.read_line(line.trim_ascii_end())
            }
            _ => Err(ChunkError::Cut),
        }
    }
}

/// A body without its `aws-chunked` encoding.
#[derive(Debug)]
pub(super) struct Decoded<B> {
    body: B,
    input: Bytes,
    decoder: Decoder,
    ended: bool,
}

impl<B> Decoded<B> {
    /// Decodes a body; its trailing headers go to `trailers`.
    pub(super) fn new(body: B, trailers: Trailers) -> Self {
        Self {
            body,
            input: Bytes::new(),
            decoder: Decoder::new(trailers),
            ended: false,
        }
    }
}

impl<B> http_body::Body for Decoded<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<s3s::StdError>,
{
    type Data = Bytes;
    type Error = s3s::StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        loop {
            if let Some(content) = this.decoder.step(&mut this.input)? {
                return Poll::Ready(Some(Ok(Frame::data(content))));
            }
            if this.ended {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        this.input = data;
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => {
                    this.ended = true;
                    this.decoder.finish()?;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes a text that arrives in pieces of the given size.
    fn decode(text: &str, size: usize) -> Result<(String, Trailers), ChunkError> {
        let trailers = Trailers::default();
        let mut decoder = Decoder::new(trailers.clone());
        let mut content = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            let mut input = Bytes::copy_from_slice(piece);
            while let Some(data) = decoder.step(&mut input)? {
                content.extend_from_slice(&data);
            }
        }
        decoder.finish()?;
        Ok((String::from_utf8(content).unwrap(), trailers))
    }

    #[test]
    fn content_and_trailers_are_found_however_the_body_is_cut() {
        let signature = "a".repeat(64);
        for text in [
            "5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n".to_owned(),
            "b\r\nhello world\r\n0\r\nx-amz-checksum-crc32: DUoRhQ==\r\n".to_owned(),
            "B\r\nhello world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==".to_owned(),
            format!(
                "b;chunk-signature={signature}\r\nhello world\r\n0;chunk-signature={signature}\r\n\
                 x-amz-checksum-crc32:DUoRhQ==\r\nx-amz-trailer-signature:{signature}\r\n\r\n"
            ),
        ] {
            for size in [1, 2, 7, 1000] {
                let (content, trailers) = decode(&text, size).unwrap();
                assert_eq!(content, "hello world");
                assert_eq!(trailers.get("x-amz-checksum-crc32").as_deref(), Some("DUoRhQ=="));
            }
        }
        let (content, trailers) = decode("0\r\n\r\n", 1).unwrap();
        assert_eq!((content.as_str(), trailers.get("x-amz-checksum-crc32")), ("", None));
    }

    #[test]
    fn damaged_bodies_are_refused() {
        let long = "0".repeat(LONGEST_LINE + 1);
        for (text, expected) in [
            ("", ChunkError::Cut),
            ("5\r\nhel", ChunkError::Cut),
            ("5\r\nhello\r\n", ChunkError::Cut),
            ("4\r\nhello\r\n0\r\n\r\n", ChunkError::End),
            ("x\r\nhello\r\n0\r\n\r\n", ChunkError::Length),
            ("0\r\nno header\r\n\r\n", ChunkError::Trailer),
            (long.as_str(), ChunkError::TooLong),
        ] {
            for size in [1, 3, 10_000] {
                assert_eq!(decode(text, size).unwrap_err(), expected, "{text:.20?}");
            }
        }
    }
}
