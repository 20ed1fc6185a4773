//! The escapes of addresses.

/// A text in which `%` and two digits stand for a byte. What is no escape stays as it is.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%');
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let byte = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
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
