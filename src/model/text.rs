//! Small helpers for texts.

/// The longest value of a tag.
const LONGEST_TAG: usize = 256;

/// `1 instance`, `3 instances`.
#[must_use]
pub fn plural(amount: u64, noun: &str) -> String {
    if amount == 1 {
        format!("1 {noun}")
    } else {
        format!("{amount} {noun}s")
    }
}

/// Bytes in small hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A text as the value of a tag can hold it: names of applications and labels of versions may hold more (source: "Tagging resources
/// in your Elastic Beanstalk environments": letters, numbers, spaces and `_ . : / = + - @`, at most 256 of them).
#[must_use]
pub fn tag_value(text: &str) -> String {
    let fit = |c: char| {
        if is_of_tags(c) { c } else { '_' }
    };
    text.chars().take(LONGEST_TAG).map(fit).collect()
}

/// Whether a key or a value of a tag may hold it.
#[must_use]
pub fn is_of_tags(c: char) -> bool {
    c.is_alphanumeric() || " _.:/=+-@".contains(c)
}

/// Whether a text looks like the name of a region: `eu-west-1`, `us-gov-east-1`.
#[must_use]
pub fn is_region(text: &str) -> bool {
    let is_word = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_lowercase());
    let Some((words, number)) = text.rsplit_once('-') else {
        return false;
    };
    words.contains('-')
        && words.split('-').all(is_word)
        && !number.is_empty()
        && number.chars().all(|c| c.is_ascii_digit())
}

/// The known key a user most likely meant, if it looks like a slip.
#[must_use]
pub fn closest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    let key = plain(key);
    // One wrong letter in three is a slip; more is another word.
    let allowed = (key.chars().count() / 3).max(1);
    known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(&key, &plain(known)), *known))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, known)| known)
}

/// The label and the region of a name that Elastic Beanstalk gives: `shop.eu-west-1.elasticbeanstalk.com`.
#[must_use]
pub fn label_and_region(name: &str) -> Option<(&str, &str)> {
    let (label, region) = name.strip_suffix(".elasticbeanstalk.com")?.rsplit_once('.')?;
    is_region(region).then_some((label, region))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_look_alike() {
        for region in ["eu-west-1", "us-gov-east-1", "ap-southeast-12", "eusc-de-east-1"] {
            assert!(is_region(region), "{region}");
        }
        for other in [
            "",
            "mars",
            "eu-west",
            "eu_west_1",
            "eu-west-1 ",
            "EU-WEST-1",
            "eu-1",
            "-eu-west-1",
            "eu-west-1a",
            "eu--west-1",
            "eu-west-",
        ] {
            assert!(!is_region(other), "{other:?}");
        }
    }

    #[test]
    fn tags_hold_what_they_may() {
        assert_eq!(
            tag_value("shop (EU)/production/7/0a1b2c3d"),
            "shop _EU_/production/7/0a1b2c3d"
        );
        assert_eq!(tag_value("1.0~rc1#42"), "1.0_rc1_42");
        assert_eq!(tag_value("Größe 42+b@c=d:e-f_g"), "Größe 42+b@c=d:e-f_g");
        assert_eq!(tag_value(&"ä".repeat(300)).chars().count(), 256);
    }
}
