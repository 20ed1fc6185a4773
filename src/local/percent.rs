//! The escapes of addresses.

/// A text in which `%` and two digits stand for a byte. What is no escape stays as it is.
pub(super) fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_and_other_signs_stay() {
        assert_eq!(decoded("arn%3Aaws%3Alambda"), "arn:aws:lambda");
        assert_eq!(decoded("%24LATEST"), "$LATEST");
        assert_eq!(decoded("50%"), "50%");
        assert_eq!(decoded("%zz%4"), "%zz%4");
        assert_eq!(decoded("%+4"), "%+4", "a sign is no digit");
        assert_eq!(decoded("J%C3%B6rg"), "J\u{f6}rg");
    }
}
