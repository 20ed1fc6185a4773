//! Policy documents, and what they allow.

use serde_json::{Map, Value};

use super::asked::{Asked, Target};
use super::condition::Condition;
use super::pattern::{Arns, Pattern};

/// An identity-based policy.
#[derive(Clone, Debug)]
pub struct Policy {
    statements: Vec<Statement>,
}

/// What a policy says of something asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is allowed.
    Allowed,
    /// Nothing allows it.
    NotAllowed,
    /// A statement forbids it, whatever others allow.
    Forbidden,
}

/// A document that is no policy, or one that the local cloud could only guess at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct PolicyError {
    /// Which statement, or the policy itself.
    at: String,
    /// What is wrong.
    what: String,
}

#[derive(Clone, Debug)]
struct Statement {
    allows: bool,
    actions: Chosen<Pattern>,
    resources: Chosen<Arns>,
    conditions: Vec<Condition>,
}

/// Some, or all but some.
#[derive(Clone, Debug)]
enum Chosen<T> {
    These(Vec<T>),
    AllBut(Vec<T>),
}

impl<T> Chosen<T> {
    fn has(&self, matches: impl Fn(&T) -> bool) -> bool {
        match self {
            Self::These(these) => these.iter().any(matches),
            Self::AllBut(but) => !but.iter().any(matches),
        }
    }
}

impl Policy {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// When it is not a policy, or says something that the local cloud does not know.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let whole = |what: String| PolicyError {
            at: "the policy".to_owned(),
            what,
        };
        let document: Value = serde_json::from_str(text).map_err(|error| whole(format!("is no JSON: {error}")))?;
        let Some(document) = document.as_object() else {
            return Err(whole("is no JSON object".to_owned()));
        };
        only(document, &["Version", "Id", "Statement"]).map_err(whole)?;
        if document.get("Version").and_then(Value::as_str) != Some("2012-10-17") {
            return Err(whole("must have the \"Version\" \"2012-10-17\"".to_owned()));
        }
        let statements = match document.get("Statement") {
            Some(Value::Array(statements)) => statements.iter().collect(),
            Some(one @ Value::Object(_)) => vec![one],
            _ => return Err(whole("has no list \"Statement\"".to_owned())),
        };
        let read = |(index, value): (usize, &Value)| {
            Statement::parse(value).map_err(|what| {
                let sid = value.get("Sid").and_then(Value::as_str);
                let sid = sid.map_or_else(String::new, |sid| format!(" ({sid})"));
                PolicyError {
                    at: format!("statement {}{sid}", index + 1),
                    what,
                }
            })
        };
        Ok(Self {
            statements: statements.into_iter().enumerate().map(read).collect::<Result<_, _>>()?,
        })
    }

    /// What it says of something asked for.
    #[must_use]
    pub fn verdict(&self, asked: &Asked) -> Verdict {
        // Actions are the same in small and capital letters.
        let action = asked.action.to_ascii_lowercase();
        let mut verdict = Verdict::NotAllowed;
        for statement in &self.statements {
            if !statement.is_about(&action, asked) {
                continue;
            }
            if !statement.allows {
                return Verdict::Forbidden;
            }
            verdict = Verdict::Allowed;
        }
        verdict
    }
}

impl Statement {
    fn parse(value: &Value) -> Result<Self, String> {
        let statement = value.as_object().ok_or("it is no JSON object")?;
        if statement.contains_key("Principal") || statement.contains_key("NotPrincipal") {
            return Err(
                "it names a principal, as the policy of a resource does; give that of a user or role".to_owned(),
            );
        }
        only(
            statement,
            &[
                "Sid",
                "Effect",
                "Action",
                "NotAction",
                "Resource",
                "NotResource",
                "Condition",
            ],
        )?;
        let allows = match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err("its \"Effect\" is neither \"Allow\" nor \"Deny\"".to_owned()),
        };
        Ok(Self {
            allows,
            actions: chosen(statement, "Action", "NotAction", action)?,
            resources: chosen(statement, "Resource", "NotResource", Arns::parse)?,
            conditions: conditions(statement.get("Condition"))?,
        })
    }

    fn is_about(&self, action: &str, asked: &Asked) -> bool {
        let on = || match &asked.target {
            Target::Resource(arn) => self.resources.has(|arns| arns.matches(arn)),
            // Only a statement on everything is about what is not there, when it forbids; any is, when it allows.
            Target::Nothing => self.allows || self.resources.has(|arns| *arns == Arns::Everything),
        };
        self.actions.has(|pattern| pattern.matches(action))
            && on()
            && self.conditions.iter().all(|condition| condition.holds(&asked.context))
    }
}

/// In small letters, as what is asked for is compared.
fn action(text: &str) -> Result<Pattern, String> {
    if text != "*" && !text.contains(':') {
        return Err(format!("{text:?} is no action; write `service:Operation`"));
    }
    Pattern::parse(&text.to_ascii_lowercase())
}

fn chosen<T>(
    statement: &Map<String, Value>,
    these: &str,
    all_but: &str,
    read: fn(&str) -> Result<T, String>,
) -> Result<Chosen<T>, String> {
    let list = |value: &Value, name: &str| {
        let texts = texts(value).ok_or_else(|| format!("its \"{name}\" is neither a text nor a list of texts"))?;
        texts.iter().map(|text| read(text)).collect::<Result<Vec<T>, String>>()
    };
    match (statement.get(these), statement.get(all_but)) {
        (Some(value), None) => Ok(Chosen::These(list(value, these)?)),
        (None, Some(value)) => Ok(Chosen::AllBut(list(value, all_but)?)),
        _ => Err(format!("it needs either \"{these}\" or \"{all_but}\"")),
    }
}

fn conditions(value: Option<&Value>) -> Result<Vec<Condition>, String> {
    let mut all = Vec::new();
    let Some(value) = value else { return Ok(all) };
    let operators = value.as_object().ok_or("its \"Condition\" is no JSON object")?;
    for (operator, keys) in operators {
        let keys = keys
            .as_object()
            .ok_or_else(|| format!("its condition \"{operator}\" is no JSON object"))?;
        for (key, values) in keys {
            let values = texts(values).ok_or_else(|| format!("its condition on {key} has no texts to compare with"))?;
            all.push(Condition::parse(operator, key, &values)?);
        }
    }
    Ok(all)
}

/// A text, a truth, or a list of them.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Bool(truth) => Some(vec![truth.to_string()]),
        Value::Array(list) => list.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

fn only(object: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("\"{key}\" is not known")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKET: &str = "arn:aws:s3:::releases/journal/1.json";

    fn policy(statements: &str) -> Result<Policy, PolicyError> {
        Policy::parse(&format!(
            "{{\"Version\": \"2012-10-17\", \"Statement\": [{statements}]}}"
        ))
    }

    fn verdict(statements: &str, action: &str, resource: &str) -> Verdict {
        policy(statements).unwrap().verdict(&Asked::of(action, resource))
    }

    #[test]
    fn nothing_is_allowed_that_no_statement_allows() {
        let allow = r#"{"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::releases/*"}"#;
        assert_eq!(verdict(allow, "s3:GetObject", BUCKET), Verdict::Allowed);
        assert_eq!(verdict(allow, "S3:getobject", BUCKET), Verdict::Allowed);
        assert_eq!(verdict(allow, "s3:PutObject", BUCKET), Verdict::NotAllowed);
        assert_eq!(
            verdict(allow, "s3:GetObject", "arn:aws:s3:::other/x"),
            Verdict::NotAllowed
        );
        let deny = r#"{"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}"#;
        let both = format!("{allow}, {deny}");
        assert_eq!(verdict(&both, "s3:GetObject", BUCKET), Verdict::Allowed);
        assert_eq!(verdict(&both, "route53:GetChange", "*"), Verdict::Forbidden);
        let others = r#"{"Effect": "Allow", "Action": ["s3:GetObject"], "NotResource": ["arn:aws:s3:::releases/*"]}"#;
        assert_eq!(verdict(others, "s3:GetObject", BUCKET), Verdict::NotAllowed);
        assert_eq!(
            verdict(others, "s3:GetObject", "arn:aws:s3:::other/x"),
            Verdict::Allowed
        );
    }

    #[test]
    fn a_statement_needs_all_of_its_conditions() {
        let statements = r#"{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*", "Condition": {
            "StringEquals": {"s3:if-none-match": "*"}, "Bool": {"s3:ObjectCreationOperation": true}}}"#;
        let policy = policy(statements).unwrap();
        let asked = Asked::of("s3:PutObject", BUCKET);
        assert_eq!(policy.verdict(&asked), Verdict::NotAllowed);
        let asked = asked.with("s3:if-none-match", "*");
        assert_eq!(policy.verdict(&asked), Verdict::NotAllowed);
        let asked = asked.with("s3:ObjectCreationOperation", "true");
        assert_eq!(policy.verdict(&asked), Verdict::Allowed);
    }

    #[test]
    fn what_is_not_there_is_left_to_the_service() {
        let nothing = Asked {
            target: Target::Nothing,
            ..Asked::of("elasticbeanstalk:TerminateEnvironment", "")
        };
        let allow = r#"{"Effect": "Allow", "Action": "elasticbeanstalk:*",
            "Resource": "arn:aws:elasticbeanstalk:*:*:environment/shop/*"}"#;
        assert_eq!(policy(allow).unwrap().verdict(&nothing), Verdict::Allowed);
        let other = r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}"#;
        assert_eq!(policy(other).unwrap().verdict(&nothing), Verdict::NotAllowed);
    }

    #[test]
    fn a_policy_that_is_not_understood_is_refused_and_the_place_named() {
        let fine = r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}"#;
        for (statement, wanted) in [
            (
                r#"{"Effect": "allow", "Action": "s3:GetObject", "Resource": "*"}"#,
                "neither \"Allow\"",
            ),
            (r#"{"Effect": "Allow", "Resource": "*"}"#, "either \"Action\""),
            (
                r#"{"Effect": "Allow", "Action": "GetObject", "Resource": "*"}"#,
                "no action",
            ),
            (
                r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "bucket"}"#,
                "neither an ARN",
            ),
            (r#"{"Effect": "Allow", "Action": 3, "Resource": "*"}"#, "neither a text"),
            (
                r#"{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}"#,
                "principal",
            ),
            (
                r#"{"Effect": "Allow", "Actions": "s3:*", "Resource": "*"}"#,
                "\"Actions\" is not known",
            ),
            (
                r#"{"Sid": "Own", "Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "::1"}}}"#,
                "operator IpAddress",
            ),
        ] {
            let error = policy(&format!("{fine}, {statement}")).unwrap_err().to_string();
            assert!(error.contains(wanted), "{statement}: {error}");
            assert!(error.starts_with("statement 2"), "{error}");
        }
        for (text, wanted) in [
            ("", "no JSON"),
            ("[]", "no JSON object"),
            (r#"{"Statement": []}"#, "2012-10-17"),
            (r#"{"Version": "2008-10-17", "Statement": []}"#, "2012-10-17"),
            (r#"{"Version": "2012-10-17"}"#, "no list"),
        ] {
            let error = Policy::parse(text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
