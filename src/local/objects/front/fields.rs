//! Fields that many of the library's types have by the same names, and for which it has no type of its own.

/// What a write says of its object.
macro_rules! description {
    ($input:ident) => {
        $crate::local::objects::object::Description {
            content_type: Some(super::convert::content_type($input.content_type)),
            cache_control: $input.cache_control,
            content_disposition: $input.content_disposition,
            content_encoding: $input.content_encoding,
            content_language: $input.content_language,
            expires: $input.expires,
            metadata: super::writes::metadata($input.metadata)?,
        }
    };
}

/// An answer with the five fields of a checksum, one for each algorithm.
macro_rules! with_checksum {
    ($checksum:ident, $Answer:ident { $($field:ident: $value:expr,)* $(..$rest:expr)? }) => {
        $Answer {
            checksum_crc32: $checksum.checksum_crc32,
            checksum_crc32c: $checksum.checksum_crc32c,
            checksum_crc64nvme: $checksum.checksum_crc64nvme,
            checksum_sha1: $checksum.checksum_sha1,
            checksum_sha256: $checksum.checksum_sha256,
            $($field: $value,)*
            $(..$rest)?
        }
    };
}

/// What a read asks for.
macro_rules! asked {
    ($input:ident) => {
        super::reads::Asked {
            bucket: &$input.bucket,
            key: &$input.key,
            version: $input.version_id.as_deref(),
            part: $input.part_number,
            if_match: $input.if_match.as_ref(),
            if_none_match: $input.if_none_match.as_ref(),
            if_modified_since: $input.if_modified_since.as_ref(),
            if_unmodified_since: $input.if_unmodified_since.as_ref(),
            range: $input.range,
            checksum_mode: $input.checksum_mode.as_ref(),
            instead: super::reads::Instead {
                content_type: $input.response_content_type.clone(),
                cache_control: $input.response_cache_control.clone(),
                content_disposition: $input.response_content_disposition.clone(),
                content_encoding: $input.response_content_encoding.clone(),
                content_language: $input.response_content_language.clone(),
                expires: $input.response_expires.clone(),
            },
        }
    };
}

/// What is told of an object, with its content and without.
macro_rules! told {
    ($told:expr, $Answer:ident { $($field:ident: $value:expr),* $(,)? }) => {{
        let super::reads::Told { object, span, content_range, checksum, description } = $told;
        with_checksum!(
            checksum,
            $Answer {
                checksum_type: checksum.checksum_type,
                content_length: i64::try_from(span.end.saturating_sub(span.start)).ok(),
                accept_ranges: Some("bytes".to_owned()),
                content_range: content_range,
                e_tag: Some(super::convert::entity_tag(&object.entity_tag)),
                last_modified: Some(super::convert::moment(object.modified)),
                metadata: super::reads::metadata(&object),
                version_id: object.version.clone(),
                content_type: description.content_type,
                cache_control: description.cache_control,
                content_disposition: description.content_disposition,
                content_encoding: description.content_encoding,
                content_language: description.content_language,
                expires: description.expires,
                $($field: $value,)*
                ..$Answer::default()
            }
        )
    }};
}

pub(super) use {asked, description, told, with_checksum};
