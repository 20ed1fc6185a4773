//! Conditions of statements.

use super::asked::Context;
use super::pattern::Pattern;

/// A condition on one key.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    key: String,
    test: Test,
    /// For keys with several values: whether all of them must pass, or one.
    over: Option<Over>,
    /// A key that the request does not have passes.
    if_exists: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    All,
    Any,
}

#[derive(Clone, Debug)]
enum Test {
    /// The value is one of these.
    Is(Vec<Pattern>),
    /// The value is none of these.
    IsNot(Vec<Pattern>),
    /// The value is one of these, in whatever mixture of small and capital letters; the patterns are in small ones.
    IsInAnyCase(Vec<Pattern>),
    /// Whether the key is missing.
    Missing(bool),
}

/// Keys that the local cloud knows the values of. The last two are followed by a slash and the key of a tag.
const SINGLE: [&str; 12] = [
    "elasticbeanstalk:fromapplicationversion",
    "elasticbeanstalk:fromconfigurationtemplate",
    "elasticbeanstalk:fromenvironment",
    "elasticbeanstalk:fromplatform",
    "elasticbeanstalk:fromsolutionstack",
    "elasticbeanstalk:inapplication",
    "iam:passedtoservice",
    "s3:delimiter",
    "s3:if-match",
    "s3:if-none-match",
    "s3:objectcreationoperation",
    "s3:prefix",
];

/// Those of them that have several values.
const SEVERAL: [&str; 4] = [
    "aws:tagkeys",
    "route53:changeresourcerecordsetsactions",
    "route53:changeresourcerecordsetsnormalizedrecordnames",
    "route53:changeresourcerecordsetsrecordtypes",
];

/// Begins the key of a tag that a request sets.
const REQUEST_TAG: &str = "aws:requesttag/";

impl Condition {
    /// Reads a condition: an operator, a key, and the values to compare with.
    pub(super) fn parse(operator: &str, key: &str, values: &[String]) -> Result<Self, String> {
        let (over, name) = match operator.split_once(':') {
            Some(("ForAllValues", name)) => (Some(Over::All), name),
            Some(("ForAnyValue", name)) => (Some(Over::Any), name),
            Some(_) => return Err(unknown(operator)),
            None => (None, operator),
        };
        let (name, if_exists) = match name.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let test = match name {
            "StringEquals" => Test::Is(patterns(values, Pattern::exact)?),
            "StringNotEquals" => Test::IsNot(patterns(values, Pattern::exact)?),
            "StringLike" | "ArnLike" | "ArnEquals" => Test::Is(patterns(values, Pattern::parse)?),
            "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => Test::IsNot(patterns(values, Pattern::parse)?),
            "StringEqualsIgnoreCase" | "Bool" => {
                Test::IsInAnyCase(patterns(values, |value| Pattern::exact(&value.to_ascii_lowercase()))?)
            }
            "Null" if over.is_none() && !if_exists => match values {
                [one] if one == "true" => Test::Missing(true),
                [one] if one == "false" => Test::Missing(false),
                _ => return Err("`Null` compares with \"true\" or \"false\"".to_owned()),
            },
            _ => return Err(unknown(operator)),
        };
        let known = key.to_ascii_lowercase();
        let several = SEVERAL.contains(&known.as_str());
        let single = SINGLE.contains(&known.as_str()) || known.starts_with(REQUEST_TAG);
        if !several && !single {
            return Err(format!("the local cloud does not know the condition key {key}"));
        }
        if several && over.is_none() && !matches!(test, Test::Missing(_)) {
            return Err(format!(
                "{key} has several values: compare it with `ForAllValues:{operator}` or `ForAnyValue:{operator}`"
            ));
        }
        Ok(Self {
            key: known,
            test,
            over,
            if_exists,
        })
    }

    /// Whether a request meets it.
    pub(super) fn holds(&self, context: &Context) -> bool {
        let values = context.values(&self.key);
        if let Test::Missing(missing) = self.test {
            return values.is_none() == missing;
        }
        let Some(values) = values else {
            // What is not there equals nothing and differs from everything; all of none pass, and none of none.
            return self.if_exists
                || match self.over {
                    Some(Over::All) => true,
                    Some(Over::Any) => false,
                    None => matches!(self.test, Test::IsNot(_)),
                };
        };
        let mut passed = values.iter().map(|value| self.passes(value));
        match self.over {
            Some(Over::Any) => passed.any(|passed| passed),
            Some(Over::All) | None => passed.all(|passed| passed),
        }
    }

    fn passes(&self, value: &str) -> bool {
        let among = |patterns: &[Pattern], value: &str| patterns.iter().any(|pattern| pattern.matches(value));
        match &self.test {
            Test::Is(patterns) => among(patterns, value),
            Test::IsNot(patterns) => !among(patterns, value),
            Test::IsInAnyCase(patterns) => among(patterns, &value.to_ascii_lowercase()),
            Test::Missing(_) => false,
        }
    }
}

fn patterns(values: &[String], read: fn(&str) -> Result<Pattern, String>) -> Result<Vec<Pattern>, String> {
    values.iter().map(|value| read(value)).collect()
}

fn unknown(operator: &str) -> String {
    format!("the local cloud does not know the condition operator {operator}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &str = "route53:ChangeResourceRecordSetsNormalizedRecordNames";

    fn holds(operator: &str, key: &str, values: &[&str], context: &[(&str, &str)]) -> bool {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        let condition = Condition::parse(operator, key, &values).unwrap();
        let context = context
            .iter()
            .fold(Context::default(), |context, (key, value)| context.with(key, *value));
        condition.holds(&context)
    }

    #[test]
    fn one_value_is_compared_with_all_that_are_allowed() {
        let prefix = [("s3:prefix", "journal/shop/")];
        for (operator, values, with, without) in [
            ("StringEquals", vec!["a", "journal/shop/"], true, false),
            ("StringEquals", vec!["journal/*"], false, false),
            ("StringLike", vec!["journal/*"], true, false),
            ("StringLikeIfExists", vec!["other/*"], false, true),
            ("StringNotEquals", vec!["journal/shop/"], false, true),
            ("StringNotEquals", vec!["other"], true, true),
            ("StringNotLike", vec!["journal/*"], false, true),
            ("StringEqualsIgnoreCase", vec!["JOURNAL/shop/"], true, false),
            ("Null", vec!["true"], false, true),
            ("Null", vec!["false"], true, false),
        ] {
            assert_eq!(
                holds(operator, "S3:Prefix", &values, &prefix),
                with,
                "{operator} {values:?}"
            );
            assert_eq!(
                holds(operator, "s3:prefix", &values, &[]),
                without,
                "{operator} {values:?} without"
            );
        }
    }

    #[test]
    fn of_several_values_all_or_one_must_pass() {
        let two = [(NAMES, "www.example.com"), (NAMES, "_cutover.www.example.com")];
        let both = ["www.example.com", "_cutover.www.example.com"];
        assert!(holds("ForAllValues:StringEquals", NAMES, &both, &two));
        assert!(!holds("ForAllValues:StringEquals", NAMES, &both[..1], &two));
        assert!(holds("ForAllValues:StringEquals", NAMES, &both, &[]));
        assert!(holds("ForAnyValue:StringEquals", NAMES, &both[..1], &two));
        assert!(!holds("ForAnyValue:StringEquals", NAMES, &both, &[]));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (operator, key, values) in [
            ("IpAddress", "s3:prefix", ["10.0.0.0/8"]),
            ("ForSomeValues:StringEquals", NAMES, ["a"]),
            ("StringEquals", "aws:SourceIp", ["a"]),
            ("StringEquals", NAMES, ["a"]),
            ("Null", "s3:prefix", ["perhaps"]),
            ("StringEquals", "s3:prefix", ["${aws:username}"]),
        ] {
            let values = values.map(str::to_owned);
            assert!(Condition::parse(operator, key, &values).is_err(), "{operator} {key}");
        }
    }
}
