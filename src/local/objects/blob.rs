//! Bodies of objects: tiny ones in memory, others as files.
//!
//! A file is written under a temporary name and renamed when it is complete, under a number that is never used again. It
//! goes away with its last user ([`Blob`] is counted), except when its name was given out of the store: then nobody here can
//! know who still reads it, and it stays. A tiny body becomes a file when its name is given out: most of them are entries of
//! journals, which nobody ever wants as a file.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Range;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use s3s::stream::{ByteStream, RemainingLength};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncSeekExt, AsyncWriteExt, ReadBuf};

use crate::local::memory::Plain;

/// Bodies up to this size are read and written in one go, without a helper thread: it is faster, and with a clock that
/// tests turn by hand it keeps the order of events.
const SMALL: usize = 1 << 20;
/// Bodies up to this size stay in memory.
const TINY: usize = 32 << 10;
/// How much of a larger body is read from its file at once.
const PIECE: usize = 256 << 10;

/// Bodies that an earlier store has kept, by their files, as far as they were found again.
pub(super) type Found = BTreeMap<String, Arc<Blob>>;

/// The folder that holds the files.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    next: AtomicU64,
    /// Whether the files stay from now on, whoever still uses them.
    closed: Arc<AtomicBool>,
}

impl Folder {
    /// Makes the folder unless it is there. Files that an earlier store left in it are kept and their numbers not reused.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        // Others on this machine have no business with what is in there.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let mut highest = 0;
        for entry in fs::read_dir(path)? {
            let name = entry?.file_name();
            let number = name.to_string_lossy();
            let number = number.split('.').next().and_then(|stem| stem.parse::<u64>().ok());
            highest = highest.max(number.unwrap_or(0));
        }
        Ok(Self {
            // Others are given these paths and may have another current folder.
            path: std::path::absolute(path)?,
            next: AtomicU64::new(highest + 1),
            closed: Arc::default(),
        })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A body that an earlier store has kept in this folder. Objects that shared one there share it again, so that its file
    /// goes with the last of them.
    pub(super) fn kept(&self, body: KeptBody, found: &mut Found) -> Arc<Blob> {
        if let Ok(number) = body.file.parse::<u64>() {
            self.next.fetch_max(number.saturating_add(1), Ordering::Relaxed);
        }
        let path = self.path.join(&body.file);
        let blob = found.entry(body.file).or_insert_with(|| {
            Arc::new(Blob {
                path,
                size: body.size,
                tiny: body.tiny.map(|Plain(content)| content.into()),
                given_out: Mutex::new(false),
                closed: Arc::clone(&self.closed),
            })
        });
        Arc::clone(blob)
    }

    /// Lets all files stay as they are: the next store in this folder goes on with them.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Starts a new file.
    pub(super) fn writer(&self) -> Writer {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Writer {
            partial: self.path.join(format!("{number:012}.partial")),
            complete: self.path.join(format!("{number:012}")),
            pending: Vec::new(),
            file: None,
            size: 0,
            closed: Arc::clone(&self.closed),
        }
    }
}

/// A file being written. Dropped before it is finished, it is removed.
#[derive(Debug)]
pub(super) struct Writer {
    partial: PathBuf,
    complete: PathBuf,
    pending: Vec<u8>,
    file: Option<tokio::fs::File>,
    size: u64,
    closed: Arc<AtomicBool>,
}

impl Writer {
    /// Appends to the file.
    pub(super) async fn write(&mut self, content: &[u8]) -> io::Result<()> {
        self.size += content.len() as u64;
        self.pending.extend_from_slice(content);
        if self.pending.len() > SMALL {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tokio::fs::File::create_new(&self.partial).await?),
        };
        file.write_all(&self.pending).await?;
        self.pending.clear();
        Ok(())
    }

    /// Completes the file.
    pub(super) async fn finish(mut self) -> io::Result<Arc<Blob>> {
        if self.file.is_some() {
            self.flush().await?;
        }
        if let Some(mut file) = self.file.take() {
            file.flush().await?;
            return self.complete();
        }
        self.finish_small()
    }

    /// Completes a body of which nothing was flushed yet.
    fn finish_small(mut self) -> io::Result<Arc<Blob>> {
        let content = std::mem::take(&mut self.pending);
        if content.len() > TINY {
            fs::write(&self.partial, content)?;
            return self.complete();
        }
        Ok(Arc::new(self.blob(Some(content.into()))))
    }

    /// Writes a small file whole.
    pub(super) fn write_whole(mut self, content: &[u8]) -> io::Result<Arc<Blob>> {
        self.size = content.len() as u64;
        self.pending = content.to_vec();
        self.finish_small()
    }

    fn complete(self) -> io::Result<Arc<Blob>> {
        fs::rename(&self.partial, &self.complete)?;
        Ok(Arc::new(self.blob(None)))
    }

    fn blob(&self, tiny: Option<Bytes>) -> Blob {
        Blob {
            path: self.complete.clone(),
            size: self.size,
            tiny,
            given_out: Mutex::new(false),
            closed: Arc::clone(&self.closed),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.file.is_some() || !self.pending.is_empty() {
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// A body as it is kept when the store ends.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeptBody {
    /// The name of its file.
    file: String,
    size: u64,
    tiny: Option<Plain>,
}

/// A complete body, with as many owners as use it.
#[derive(Debug)]
pub(super) struct Blob {
    path: PathBuf,
    size: u64,
    /// The whole body, if it is not in a file.
    tiny: Option<Bytes>,
    given_out: Mutex<bool>,
    closed: Arc<AtomicBool>,
}

impl Blob {
    /// Its length in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Its file, whether it is there or is only made when somebody asks for it.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its file, if it is in one.
    pub(super) fn file(&self) -> Option<&Path> {
        self.tiny.is_none().then_some(&*self.path)
    }

    /// Whether all of it is there.
    pub(super) fn is_whole(&self) -> bool {
        let file = self.file();
        file.is_none_or(|file| fs::metadata(file).is_ok_and(|found| found.len() == self.size))
    }

    /// How it is kept when the store ends.
    pub(super) fn kept(&self) -> KeptBody {
        let name = self.path.file_name().unwrap_or_default();
        KeptBody {
            file: name.to_string_lossy().into_owned(),
            size: self.size,
            tiny: self.tiny.as_ref().map(|content| Plain(content.to_vec())),
        }
    }

    /// Lets its file stay when it goes: somebody has its name.
    pub(super) fn stays(&self) {
        *self.given_out.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Gives the name of its file out of the store; from now on the file stays.
    pub(super) fn give_out(&self) -> io::Result<PathBuf> {
        let mut given_out = self.given_out.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(content) = &self.tiny
            && !*given_out
        {
            fs::write(&self.path, content)?;
        }
        *given_out = true;
        Ok(self.path.clone())
    }

    /// Reads it whole.
    pub(super) fn content(&self) -> io::Result<Vec<u8>> {
        match &self.tiny {
            Some(content) => Ok(content.to_vec()),
            None => fs::read(&self.path),
        }
    }

    /// Opens it for reading a range of it.
    pub(super) async fn read(self: &Arc<Self>, range: Range<u64>) -> io::Result<BlobStream> {
        let length = range.end.saturating_sub(range.start);
        let source = if self.size <= SMALL as u64 {
            let content = match &self.tiny {
                Some(content) => content.clone(),
                None => Bytes::from(fs::read(&self.path)?),
            };
            // A file of at most SMALL bytes has a length that fits.
            let slice = usize::try_from(range.start).unwrap_or(0)..usize::try_from(range.end).unwrap_or(0);
            if slice.end > content.len() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Source::Whole(content.slice(slice))
        } else {
            let mut file = tokio::fs::File::open(&self.path).await?;
            file.seek(io::SeekFrom::Start(range.start)).await?;
            Source::File(file)
        };
        Ok(BlobStream {
            source,
            remaining: length,
            _blob: Arc::clone(self),
        })
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        if self.tiny.is_none()
            && !self.closed.load(Ordering::Relaxed)
            && !*self.given_out.get_mut().unwrap_or_else(PoisonError::into_inner)
            && let Err(error) = fs::remove_file(&self.path)
        {
            // The data folder may be gone already when the whole cloud goes.
            tracing::debug!(path = %self.path.display(), %error, "could not remove the body of an object");
        }
    }
}

#[derive(Debug)]
enum Source {
    Whole(Bytes),
    File(tokio::fs::File),
}

/// The content of a file, piece by piece. Holds the file as long as it is read.
#[derive(Debug)]
pub(super) struct BlobStream {
    source: Source,
    remaining: u64,
    _blob: Arc<Blob>,
}

impl Stream for BlobStream {
    type Item = Result<Bytes, s3s::StdError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.remaining == 0 {
            return Poll::Ready(None);
        }
        let remaining = usize::try_from(self.remaining).unwrap_or(usize::MAX);
        let piece = match &mut self.source {
            Source::Whole(content) => std::mem::take(content),
            Source::File(file) => {
                let mut space = vec![0; PIECE.min(remaining)];
                let mut buffer = ReadBuf::new(&mut space);
                ready!(Pin::new(file).poll_read(context, &mut buffer))?;
                let filled = buffer.filled().len();
                space.truncate(filled);
                Bytes::from(space)
            }
        };
        if piece.is_empty() {
            return Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())));
        }
        self.remaining = self.remaining.saturating_sub(piece.len() as u64);
        Poll::Ready(Some(Ok(piece)))
    }
}

impl ByteStream for BlobStream {
    fn remaining_length(&self) -> RemainingLength {
        RemainingLength::new_exact(usize::try_from(self.remaining).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    async fn content(blob: &Arc<Blob>, range: Range<u64>) -> Vec<u8> {
        let pieces: Vec<Bytes> = blob.read(range).await.unwrap().try_collect().await.unwrap();
        pieces.concat()
    }

    async fn write(folder: &Folder, text: &[u8]) -> Arc<Blob> {
        let mut writer = folder.writer();
        for piece in text.chunks(100_000) {
            writer.write(piece).await.unwrap();
        }
        writer.finish().await.unwrap()
    }

    fn files(path: &Path) -> usize {
        fs::read_dir(path).unwrap().count()
    }

    #[tokio::test]
    async fn small_and_large_bodies_are_read_back_whole_and_in_part() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::open(home.path()).unwrap();
        for size in [0, 1, TINY, TINY + 1, SMALL, SMALL + 1, 3 * SMALL + 7] {
            let text: Vec<u8> = (0..size).map(|index| u8::try_from(index % 251).unwrap()).collect();
            let blob = write(&folder, &text).await;
            assert_eq!(blob.size(), size as u64);
            assert!(content(&blob, 0..size as u64).await == text, "{size}");
            let middle = size / 3..size - size / 3;
            let range = middle.start as u64..middle.end as u64;
            assert!(content(&blob, range).await == text[middle], "{size}");
        }
    }

    #[tokio::test]
    async fn files_go_with_their_last_user_unless_their_name_was_given_out() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::open(home.path()).unwrap();
        let blob = write(&folder, &[1; TINY + 1]).await;
        let reading = blob.read(0..3).await.unwrap();
        drop(blob);
        assert_eq!(files(home.path()), 1);
        drop(reading);
        assert_eq!(files(home.path()), 0);

        let blob = write(&folder, &[2; TINY + 1]).await;
        let path = blob.give_out().unwrap();
        drop(blob);
        assert_eq!(fs::read(path).unwrap(), [2; TINY + 1]);

        let mut abandoned = folder.writer();
        abandoned.write(&vec![0; 2 * SMALL]).await.unwrap();
        assert_eq!(files(home.path()), 2);
        drop(abandoned);
        assert_eq!(files(home.path()), 1);
    }

    #[tokio::test]
    async fn a_tiny_body_is_a_file_only_when_its_name_was_given_out() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::open(home.path()).unwrap();
        let (kept, given) = (write(&folder, b"kept").await, write(&folder, b"given").await);
        assert_eq!(files(home.path()), 0);
        let path = given.give_out().unwrap();
        assert_eq!(given.give_out().unwrap(), path, "the second one who asks gets the same");
        drop((kept, given));
        assert_eq!(files(home.path()), 1);
        assert_eq!(fs::read(path).unwrap(), b"given");
        let lost = write(&folder, b"lost").await;
        drop(home);
        lost.give_out().unwrap_err();
    }

    #[tokio::test]
    async fn a_second_store_in_the_same_folder_does_not_overwrite_the_first() {
        let home = tempfile::tempdir().unwrap();
        let first = write(&Folder::open(home.path()).unwrap(), &[1; TINY + 1]).await;
        let second = write(&Folder::open(home.path()).unwrap(), &[2; TINY + 1]).await;
        assert_eq!(content(&first, 0..5).await, [1; 5]);
        assert_eq!(content(&second, 0..5).await, [2; 5]);
    }
}
