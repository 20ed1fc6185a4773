//! Packages: from an upload or an object to a file that can be unpacked.

use std::io::Cursor;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::function::Code;
use super::invalid;
use crate::local::automation::Account;
use crate::local::automation::call::not_implemented;
use crate::local::fault::Fault;

/// The largest package that can be uploaded with a call (source: quotas of Lambda).
const MOST_DIRECT: usize = 50 << 20;

/// Where the code comes from.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct CodeInput {
    zip_file: Option<String>,
    #[serde(rename = "S3Bucket")]
    bucket: Option<String>,
    #[serde(rename = "S3Key")]
    key: Option<String>,
    #[serde(rename = "S3ObjectVersion")]
    object_version: Option<String>,
    image_uri: Option<String>,
}

/// What the names of buckets of packages begin and end with; the region is between.
const BUCKET: (&str, &str) = ("awslambda-", "-tasks");
/// Keys of packages begin with this.
const PACKAGES: &str = "snapshots/";

/// The bucket of packages. On AWS it belongs to Lambda; here it is one of the account's.
pub(super) fn bucket(account: &Account) -> String {
    format!("{}{}{}", BUCKET.0, account.region, BUCKET.1)
}

/// Whether an object is a package that a function was made from, to which `GetFunction` gives a link.
pub(in crate::local) fn is_package(bucket: &str, key: &str) -> bool {
    bucket.starts_with(BUCKET.0) && bucket.ends_with(BUCKET.1) && key.starts_with(PACKAGES)
}

/// Reads the package, and checks that it is one.
pub(super) fn read(input: &CodeInput, account: &Account) -> Result<Vec<u8>, Fault> {
    if input.image_uri.is_some() {
        return Err(not_implemented("functions from container images; give it a ZIP file"));
    }
    let content = match (&input.zip_file, &input.bucket, &input.key) {
        (Some(text), None, None) => decoded(text)?,
        (None, Some(bucket), Some(key)) => {
            if input.object_version.is_some() {
                return Err(not_implemented("versions of S3 objects as a function's code"));
            }
            fetched(bucket, key, account)?
        }
        (Some(_), _, _) => {
            return Err(invalid(
                "Please do not provide other FunctionCode parameters when providing a ZipFile.",
            ));
        }
        _ => return Err(invalid("Please provide a source for function code.")),
    };
    if zip::ZipArchive::new(Cursor::new(&content)).is_err() {
        return Err(invalid(
            "Could not unzip uploaded file. Please check your file, then try to upload again.",
        ));
    }
    Ok(content)
}

/// Keeps a package.
pub(super) fn keep(content: &[u8], name: &str, account: &mut Account) -> Result<(Code, PathBuf), Fault> {
    let key = format!("{PACKAGES}{}/{name}-{}", account.id, account.ids.uuid("package"));
    let bucket = bucket(account);
    account.storage.ensure_bucket(&bucket);
    account.storage.put(&bucket, &key, content);
    let file = account.storage.object(&bucket, &key).map(|object| object.file);
    let file = file.ok_or_else(|| {
        super::fault(
            500,
            "ServiceException",
            "The package could not be kept; look for room on the disk.",
        )
    })?;
    let code = Code {
        sha256: STANDARD.encode(Sha256::digest(content)),
        size: content.len(),
        key,
    };
    Ok((code, file))
}

fn decoded(text: &str) -> Result<Vec<u8>, Fault> {
    let content = STANDARD
        .decode(text)
        .map_err(|error| invalid(format!("ZipFile is not Base64: {error}")))?;
    if content.len() > MOST_DIRECT {
        return Err(super::fault(
            413,
            "RequestEntityTooLargeException",
            format!("A package that is uploaded with the call has {MOST_DIRECT} bytes at most; upload it to S3."),
        ));
    }
    Ok(content)
}

fn fetched(bucket: &str, key: &str, account: &Account) -> Result<Vec<u8>, Fault> {
    let failed = |code: &str, message: &str| {
        invalid(format!(
            "Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {message}"
        ))
    };
    if !account.storage.has_bucket(bucket) {
        return Err(failed("NoSuchBucket", "The specified bucket does not exist"));
    }
    let content = account.storage.content(bucket, key);
    content.ok_or_else(|| failed("NoSuchKey", "The specified key does not exist."))
}
