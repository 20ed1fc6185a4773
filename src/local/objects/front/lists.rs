//! Listings of objects.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::dto::*;
use s3s::{S3Result, s3_error};

use super::super::listing::{Line, Listing, url_encoded};
use super::super::object::Object as StoredObject;
use super::{Front, convert};

/// The most lines of a page, and how many it has unless the client asks for fewer (API reference, ListObjectsV2).
const LONGEST_PAGE: i32 = 1000;

/// A page in the library's types.
struct Shown {
    contents: Vec<Object>,
    prefixes: Vec<CommonPrefix>,
    last: Option<String>,
}

/// How many lines a client wants, by the parameter of that name.
pub(super) fn limit(name: &str, wanted: Option<i32>) -> S3Result<i32> {
    let wanted = wanted.unwrap_or(LONGEST_PAGE);
    if wanted < 0 {
        return Err(s3_error!(
            InvalidArgument,
            "Argument {name} must be an integer between 0 and 2147483647"
        ));
    }
    Ok(wanted.min(LONGEST_PAGE))
}

/// Refuses a way to write keys that there is not.
pub(super) fn check_encoding(encoding: Option<&EncodingType>) -> S3Result<()> {
    if encoding.is_some_and(|encoding| encoding.as_str() != EncodingType::URL) {
        return Err(s3_error!(
            InvalidArgument,
            "Invalid Encoding Method specified in Request"
        ));
    }
    Ok(())
}

/// Writes a key as the client wants it.
pub(super) fn written(text: &str, encoding: Option<&EncodingType>) -> String {
    encoding.map_or_else(|| text.to_owned(), |_| url_encoded(text))
}

impl Front {
    fn page(
        &self,
        bucket: &str,
        listing: Listing<'_>,
        encoding: Option<&EncodingType>,
        owner: bool,
    ) -> S3Result<Shown> {
        let owner = owner.then(|| Owner {
            id: Some(self.store.account().to_owned()),
            ..Owner::default()
        });
        let mut state = self.store.state();
        let page = listing.of(&state.bucket(bucket)?.objects);
        let mut contents = Vec::new();
        let mut prefixes = Vec::new();
        for line in &page.lines {
            match line {
                Line::Key(key, object) => contents.push(shown(key, object, encoding, owner.clone())),
                Line::CommonPrefix(prefix) => prefixes.push(CommonPrefix {
                    prefix: Some(written(prefix, encoding)),
                }),
            }
        }
        Ok(Shown {
            contents,
            prefixes,
            last: page.last,
        })
    }

    pub(super) fn do_list_objects_v2(&self, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
        let limit = limit("max-keys", input.max_keys)?;
        check_encoding(input.encoding_type.as_ref())?;
        let token = input.continuation_token.as_deref().map(read_token).transpose()?;
        let delimiter = input.delimiter.filter(|delimiter| !delimiter.is_empty());
        let prefix = input.prefix.unwrap_or_default();
        let listing = Listing {
            prefix: &prefix,
            delimiter: delimiter.as_deref(),
            after: token.as_deref().or(input.start_after.as_deref()).unwrap_or_default(),
            limit: usize::try_from(limit).unwrap_or(0),
        };
        let encoding = input.encoding_type;
        let page = self.page(
            &input.bucket,
            listing,
            encoding.as_ref(),
            input.fetch_owner.unwrap_or(false),
        )?;
        let count = page.contents.len() + page.prefixes.len();
        Ok(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(written(&prefix, encoding.as_ref())),
            max_keys: Some(limit),
            key_count: i32::try_from(count).ok(),
            continuation_token: input.continuation_token,
            is_truncated: Some(page.last.is_some()),
            next_continuation_token: page.last.as_deref().map(token_after),
            contents: Some(page.contents),
            common_prefixes: Some(page.prefixes),
            delimiter: delimiter.map(|delimiter| written(&delimiter, encoding.as_ref())),
            start_after: input.start_after.map(|key| written(&key, encoding.as_ref())),
            encoding_type: encoding,
            ..ListObjectsV2Output::default()
        })
    }

    pub(super) fn do_list_objects(&self, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
        let limit = limit("max-keys", input.max_keys)?;
        check_encoding(input.encoding_type.as_ref())?;
        let delimiter = input.delimiter.filter(|delimiter| !delimiter.is_empty());
        let prefix = input.prefix.unwrap_or_default();
        let marker = input.marker.unwrap_or_default();
        let listing = Listing {
            prefix: &prefix,
            delimiter: delimiter.as_deref(),
            after: &marker,
            limit: usize::try_from(limit).unwrap_or(0),
        };
        let encoding = input.encoding_type;
        let page = self.page(&input.bucket, listing, encoding.as_ref(), true)?;
        Ok(ListObjectsOutput {
            name: Some(input.bucket),
            prefix: Some(written(&prefix, encoding.as_ref())),
            marker: Some(written(&marker, encoding.as_ref())),
            max_keys: Some(limit),
            is_truncated: Some(page.last.is_some()),
            contents: Some(page.contents),
            common_prefixes: Some(page.prefixes),
            // Without a delimiter the client takes the last key, as in AWS.
            next_marker: page
                .last
                .filter(|_| delimiter.is_some())
                .map(|last| written(&last, encoding.as_ref())),
            delimiter: delimiter.map(|delimiter| written(&delimiter, encoding.as_ref())),
            encoding_type: encoding,
            ..ListObjectsOutput::default()
        })
    }
}

fn shown(key: &str, object: &Arc<StoredObject>, encoding: Option<&EncodingType>, owner: Option<Owner>) -> Object {
    Object {
        key: Some(written(key, encoding)),
        e_tag: Some(convert::entity_tag(&object.entity_tag)),
        size: i64::try_from(object.blob.size()).ok(),
        last_modified: Some(convert::moment(object.modified)),
        checksum_algorithm: Some(vec![ChecksumAlgorithm::from_static(object.checksum.algorithm.name())]),
        checksum_type: Some(convert::kind(&object.checksum)),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        owner,
        ..Object::default()
    }
}

/// What a client sends to go on after a name.
pub(super) fn token_after(last: &str) -> String {
    URL_SAFE_NO_PAD.encode(last)
}

pub(super) fn read_token(token: &str) -> S3Result<String> {
    URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))
}
