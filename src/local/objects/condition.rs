//! Conditional requests, decided against what is there at the moment of the change.

use s3s::dto::ETagCondition;
use s3s::{S3Result, s3_error};

use super::errors;

/// What must hold of the object that a write replaces or a delete removes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Condition {
    if_match: Option<ETagCondition>,
    must_be_absent: bool,
}

impl Condition {
    /// From the headers of a write. `If-None-Match` may only be `*`, as in AWS.
    pub(super) fn of_write(if_match: Option<ETagCondition>, if_none_match: Option<&ETagCondition>) -> S3Result<Self> {
        let must_be_absent = match if_none_match {
            None => false,
            Some(condition) if condition.is_any() => true,
            Some(_) => {
                return Err(errors::not_implemented(
                    "If-None-Match with an entity tag on a write; only *",
                ));
            }
        };
        if must_be_absent && if_match.is_some() {
            return Err(errors::not_implemented(
                "If-Match together with If-None-Match on a write",
            ));
        }
        if if_match.as_ref().is_some_and(ETagCondition::is_any) {
            return Err(errors::not_implemented(
                "If-Match: * on a write; only an entity tag, as S3",
            ));
        }
        Ok(Self {
            if_match,
            must_be_absent,
        })
    }

    /// From the headers of a delete.
    pub(super) fn of_delete(if_match: Option<ETagCondition>) -> Self {
        Self {
            if_match,
            must_be_absent: false,
        }
    }

    /// Decides whether a write may replace the object with this entity tag; `None` when there is no object.
    pub(super) fn allows_write(&self, present: Option<&str>) -> S3Result<()> {
        match (&self.if_match, present) {
            (_, Some(_)) if self.must_be_absent => Err(errors::precondition_failed()),
            (Some(_), None) => Err(errors::no_such_key()),
            (Some(condition), Some(tag)) if !matches(condition, tag) => Err(errors::precondition_failed()),
            _ => Ok(()),
        }
    }

    /// Decides whether a delete may remove the object with this entity tag; `None` when there is no object.
    pub(super) fn allows_delete(&self, present: Option<&str>) -> S3Result<()> {
        match (&self.if_match, present) {
            (Some(condition), Some(tag)) if !matches(condition, tag) => Err(errors::precondition_failed()),
            (Some(_), None) => Err(errors::no_such_key()),
            _ => Ok(()),
        }
    }
}

/// Refuses what cannot be the id of a version, whatever there is.
pub(super) fn check_version(wanted: Option<&str>) -> S3Result<()> {
    // Nobody but S3 knows more of them than their length and their letters.
    let is_sound = |id: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_');
        id == "null" || id.len() == 32 && id.bytes().all(is_letter)
    };
    if wanted.is_none_or(is_sound) {
        return Ok(());
    }
    Err(s3_error!(InvalidArgument, "Invalid version id specified"))
}

/// Earlier versions are not kept: only that of the object that there is can be asked for.
pub(super) fn refuse_other_version(wanted: Option<&str>, newest: Option<&str>) -> S3Result<()> {
    match wanted {
        None | Some("null") => Ok(()),
        Some(wanted) if newest == Some(wanted) => Ok(()),
        Some(_) => Err(errors::not_implemented("earlier versions of objects")),
    }
}

/// Whether an object with this entity tag satisfies an `If-Match`.
pub(super) fn matches(condition: &ETagCondition, tag: &str) -> bool {
    condition.as_etag().is_none_or(|wanted| wanted.value() == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> Option<ETagCondition> {
        Some(text.parse().unwrap())
    }

    fn code(result: S3Result<()>) -> String {
        result.map_or_else(|error| error.code().as_str().to_owned(), |()| "ok".to_owned())
    }

    #[test]
    fn writes_are_decided_as_in_aws() {
        let any = tag("*");
        for (if_match, if_none_match, present, expected) in [
            (None, None, None, "ok"),
            (None, None, Some("a"), "ok"),
            (None, any.clone(), None, "ok"),
            (None, any.clone(), Some("a"), "PreconditionFailed"),
            (tag("\"a\""), None, Some("a"), "ok"),
            (tag("\"b\""), None, Some("a"), "PreconditionFailed"),
            (tag("\"a\""), None, None, "NoSuchKey"),
        ] {
            let condition = Condition::of_write(if_match, if_none_match.as_ref()).unwrap();
            assert_eq!(
                code(condition.allows_write(present)),
                expected,
                "{condition:?} {present:?}"
            );
        }
        for (if_match, if_none_match) in [(None, tag("\"a\"")), (any.clone(), None), (tag("\"a\""), any)] {
            let refused = Condition::of_write(if_match, if_none_match.as_ref()).unwrap_err();
            assert_eq!(refused.code().as_str(), "NotImplemented");
        }
    }

    #[test]
    fn what_is_no_version_id_is_told_from_one_that_is_not_there() {
        for (id, expected) in [
            (None, "ok"),
            (Some("null"), "ok"),
            (Some("HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"), "ok"),
            (Some("bad"), "InvalidArgument"),
            (Some(""), "InvalidArgument"),
            (Some("HPniJFCxqTsMuIH9KX8K8wEjNUgmABC/"), "InvalidArgument"),
        ] {
            assert_eq!(code(check_version(id)), expected, "{id:?}");
        }
    }

    #[test]
    fn deletes_look_at_the_entity_tag_only_when_asked() {
        for (if_match, present, expected) in [
            (None, None, "ok"),
            (None, Some("a"), "ok"),
            (tag("\"a\""), Some("a"), "ok"),
            (tag("\"b\""), Some("a"), "PreconditionFailed"),
            (tag("*"), Some("a"), "ok"),
            (tag("\"a\""), None, "NoSuchKey"),
        ] {
            assert_eq!(code(Condition::of_delete(if_match).allows_delete(present)), expected);
        }
    }
}
