//! Values of headers that are judged before an operation is: those of which only some mean something, and dates.

use http::HeaderMap;
use http::header::{HeaderName, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE};
use s3s::dto::{Timestamp, TimestampFormat};
use s3s::{S3Error, S3ErrorCode, S3Result};

/// A header with the values that it may have, and what is answered to others.
struct Choice {
    header: &'static str,
    values: &'static [&'static str],
    code: fn() -> S3ErrorCode,
    message: &'static str,
}

const fn argument(header: &'static str, values: &'static [&'static str], message: &'static str) -> Choice {
    Choice {
        header,
        values,
        code: || S3ErrorCode::InvalidArgument,
        message,
    }
}

/// Source: the API's model, and for codes and messages answers of AWS as they were recorded.
static CHOICES: [Choice; 7] = [
    argument(
        "x-amz-acl",
        &[
            "private",
            "public-read",
            "public-read-write",
            "authenticated-read",
            "aws-exec-read",
            "bucket-owner-read",
            "bucket-owner-full-control",
            "log-delivery-write",
        ],
        "The canned access control list is none that there is",
    ),
    // Nothing here is locked.
    argument(
        "x-amz-bypass-governance-retention",
        &[],
        "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.",
    ),
    argument(
        "x-amz-metadata-directive",
        &["COPY", "REPLACE"],
        "Unknown metadata directive.",
    ),
    argument(
        "x-amz-object-ownership",
        &["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"],
        "Invalid x-amz-object-ownership header: ",
    ),
    argument(
        "x-amz-server-side-encryption",
        &["AES256", "aws:kms", "aws:kms:dsse"],
        "The encryption method specified is not supported",
    ),
    Choice {
        header: "x-amz-storage-class",
        values: &[
            "STANDARD",
            "REDUCED_REDUNDANCY",
            "STANDARD_IA",
            "ONEZONE_IA",
            "INTELLIGENT_TIERING",
            "GLACIER",
            "GLACIER_IR",
            "DEEP_ARCHIVE",
        ],
        code: || S3ErrorCode::InvalidStorageClass,
        message: "The storage class you specified is not valid",
    },
    argument(
        "x-amz-tagging-directive",
        &["COPY", "REPLACE"],
        "Unknown tagging directive.",
    ),
];

/// Refuses a header with a value that means nothing.
pub(super) fn check(headers: &HeaderMap) -> S3Result<()> {
    for choice in &CHOICES {
        for given in headers.get_all(choice.header) {
            let given = String::from_utf8_lossy(given.as_bytes());
            if !choice.values.contains(&given.as_ref()) {
                // This one shows the value.
                let shown = if choice.message.ends_with(": ") {
                    given.as_ref()
                } else {
                    ""
                };
                let message = format!("{}{shown}", choice.message);
                return Err(S3Error::with_message((choice.code)(), message));
            }
        }
    }
    Ok(())
}

/// Takes off conditions on a date that is none, which are passed over (RFC 9110, sections 13.1.3 and 13.1.4). The library would
/// refuse them.
pub(super) fn pass_over_dates(headers: &mut HeaderMap) {
    const DATES: [HeaderName; 2] = [IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE];
    for name in DATES {
        let sound = headers.get(&name).is_none_or(|value| {
            let text = value.to_str().ok();
            text.is_some_and(|text| Timestamp::parse(TimestampFormat::HttpDate, text).is_ok())
        });
        if !sound {
            headers.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_means_nothing_is_refused_with_the_code_of_its_header() {
        for (header, value, code) in [
            ("x-amz-acl", "private", "ok"),
            ("x-amz-acl", "fake", "InvalidArgument"),
            ("x-amz-storage-class", "STANDARD_IA", "ok"),
            ("x-amz-storage-class", "OUTPOSTS", "InvalidStorageClass"),
            ("x-amz-object-ownership", "", "InvalidArgument"),
            ("x-amz-metadata-directive", "copy", "InvalidArgument"),
            ("x-amz-server-side-encryption", "rot13", "InvalidArgument"),
            ("x-amz-bypass-governance-retention", "false", "InvalidArgument"),
            ("x-amz-meta-acl", "fake", "ok"),
        ] {
            let headers = HeaderMap::from_iter([(HeaderName::from_static(header), value.parse().unwrap())]);
            let told = check(&headers).map_or_else(|error| error.code().as_str().to_owned(), |()| "ok".to_owned());
            assert_eq!(told, code, "{header}: {value}");
        }
        let headers = HeaderMap::from_iter([(
            HeaderName::from_static("x-amz-object-ownership"),
            "Random".parse().unwrap(),
        )]);
        let told = check(&headers).unwrap_err();
        assert_eq!(told.message(), Some("Invalid x-amz-object-ownership header: Random"));
    }

    #[test]
    fn a_date_that_is_none_is_passed_over() {
        for (value, is_kept) in [
            ("Fri, 27 Nov 2026 08:00:00 GMT", true),
            ("yesterday", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::from_iter([(IF_MODIFIED_SINCE, value.parse().unwrap())]);
            pass_over_dates(&mut headers);
            assert_eq!(headers.contains_key(IF_MODIFIED_SINCE), is_kept, "{value}");
        }
    }
}
