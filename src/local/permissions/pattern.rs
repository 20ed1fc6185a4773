//! Patterns of policies: `*` for any text, `?` for any letter, and `${*}`, `${?}`, `${$}` for these letters themselves.

/// A piece of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// This letter.
    Letter(char),
    /// Any letter.
    Any,
    /// Any text.
    Text,
}

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// A text and nothing else, as most are.
    Exact(String),
    /// With something that stands for others.
    Wild(Vec<Piece>),
}

impl Pattern {
    /// Reads a pattern. Variables that depend on the caller are not known.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        Self::read(text, true)
    }

    /// Reads a text in which `*` and `?` are themselves.
    pub(super) fn exact(text: &str) -> Result<Self, String> {
        Self::read(text, false)
    }

    fn read(text: &str, wild: bool) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some(inside) = rest.strip_prefix("${") {
                let (variable, after) = inside
                    .split_once('}')
                    .ok_or_else(|| format!("{text:?} has a `${{` without a `}}`"))?;
                let mut letters = variable.chars();
                match (letters.next(), letters.next()) {
                    (Some(letter @ ('*' | '?' | '$')), None) => pieces.push(Piece::Letter(letter)),
                    _ => {
                        return Err(format!(
                            "the policy variable ${{{variable}}} is not known to the local cloud"
                        ));
                    }
                }
                rest = after;
                continue;
            }
            pieces.push(match first {
                '*' if wild => Piece::Text,
                '?' if wild => Piece::Any,
                letter => Piece::Letter(letter),
            });
            rest = &rest[first.len_utf8()..];
        }
        let letter = |piece: &Piece| match piece {
            Piece::Letter(letter) => Some(*letter),
            Piece::Any | Piece::Text => None,
        };
        let exact: Option<String> = pieces.iter().map(letter).collect();
        Ok(exact.map_or(Self::Wild(pieces), Self::Exact))
    }

    /// Whether it matches a whole text.
    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == text,
            Self::Wild(pieces) => matches(pieces, text),
        }
    }
}

fn matches(pieces: &[Piece], text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    let (mut piece, mut letter) = (0, 0);
    // Where to go on when what follows the last `*` does not match: it takes one letter more.
    let mut again: Option<(usize, usize)> = None;
    while letter < letters.len() {
        match pieces.get(piece) {
            Some(Piece::Text) => {
                again = Some((piece + 1, letter));
                piece += 1;
                continue;
            }
            Some(Piece::Any) => {
                piece += 1;
                letter += 1;
                continue;
            }
            Some(Piece::Letter(wanted)) if *wanted == letters[letter] => {
                piece += 1;
                letter += 1;
                continue;
            }
            _ => {}
        }
        let Some((after, taken)) = again else { return false };
        again = Some((after, taken + 1));
        (piece, letter) = (after, taken + 1);
    }
    pieces[piece..].iter().all(|piece| *piece == Piece::Text)
}

/// A pattern of resources: each of the five parts of an ARN before the last one by itself, so that no `*` reaches over a colon
/// there; or everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Arns {
    Everything,
    Parts(Vec<Pattern>),
}

/// Colons of an ARN that part it.
const PARTS: usize = 6;

impl Arns {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Everything);
        }
        let parts: Vec<&str> = text.splitn(PARTS, ':').collect();
        if parts.len() != PARTS || parts[0] != "arn" {
            return Err(format!("{text:?} is neither an ARN nor `*`"));
        }
        parts
            .into_iter()
            .map(Pattern::parse)
            .collect::<Result<_, _>>()
            .map(Self::Parts)
    }

    pub(super) fn matches(&self, arn: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Parts(patterns) => {
                let parts: Vec<&str> = arn.splitn(PARTS, ':').collect();
                parts.len() == PARTS && patterns.iter().zip(parts).all(|(pattern, part)| pattern.matches(part))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_texts_and_letters() {
        for (pattern, text, wanted) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbb", false),
            ("a*b*c", "axbxbxc", true),
            ("*ab", "aab", true),
            ("?", "ä", true),
            ("??", "a", false),
            ("shop-r*", "shop-r12", true),
            ("shop-r*", "shop2-r12", false),
            ("${*}", "*", true),
            ("${*}", "a", false),
            ("${$}{x}", "${x}", true),
        ] {
            assert_eq!(
                Pattern::parse(pattern).unwrap().matches(text),
                wanted,
                "{pattern} {text}"
            );
        }
        assert!(!Pattern::exact("a*").unwrap().matches("ab"));
        assert!(Pattern::exact("a*").unwrap().matches("a*"));
        for bad in ["${aws:username}", "${", "${}"] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_star_does_not_reach_into_another_part_of_an_arn() {
        let arns = |text: &str| Arns::parse(text).unwrap();
        let arn = "arn:aws:elasticbeanstalk:eu-central-1:1:environment/shop/shop-r1";
        assert!(arns("*").matches(arn));
        assert!(arns("arn:aws:elasticbeanstalk:*:*:environment/shop/*").matches(arn));
        assert!(arns("arn:*:*:*:*:*").matches(arn));
        assert!(!arns("arn:aws:elasticbeanstalk:*:environment/shop/*:x").matches(arn));
        assert!(!arns("arn:aws:elasticbeanstalk:*:*:environment/store/*").matches(arn));
        // Actions for which IAM knows no resource are allowed on everything or not at all.
        assert!(!arns("arn:*:*:*:*:*").matches("*"));
        let rule = "arn:aws:elasticloadbalancing:r:1:listener-rule/app/front/1/2/3:4";
        assert!(arns("arn:aws:elasticloadbalancing:r:1:listener-rule/app/front/*").matches(rule));
        for bad in ["", "arn:aws:s3", "bucket/*", "urn:a:b:c:d:e"] {
            assert!(Arns::parse(bad).is_err(), "{bad}");
        }
    }
}
