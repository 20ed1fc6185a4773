//! The policy document.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::grants::{GRANTS, Grant, On};
use super::{Duty, Form, Scope};

/// Keys of conditions with their values, by operator.
type Conditions = BTreeMap<&'static str, BTreeMap<&'static str, Vec<String>>>;

/// An IAM policy.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

/// A statement, which allows something.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: &'static str,
    effect: &'static str,
    action: &'static [&'static str],
    resource: Vec<Text>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    condition: Conditions,
}

/// A text in which CloudFormation may have to put something.
#[derive(Clone, Debug)]
struct Text {
    text: String,
    substitute: bool,
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.substitute {
            return serializer.serialize_str(&self.text);
        }
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("Fn::Sub", &self.text)?;
        map.end()
    }
}

/// What these duties need in this configuration.
#[must_use]
pub fn policy(scope: &Scope, duties: &[Duty]) -> Policy {
    let wanted = |grant: &&Grant| grant.duties.iter().any(|duty| duties.contains(duty)) && grant.is_needed(scope);
    Policy {
        version: "2012-10-17",
        statement: GRANTS
            .iter()
            .filter(wanted)
            .map(|grant| statement(grant, scope))
            .collect(),
    }
}

fn statement(grant: &Grant, scope: &Scope) -> Statement {
    let text = |text: String| Text {
        substitute: scope.form() == Form::CloudFormation && text.contains("${"),
        text,
    };
    Statement {
        sid: grant.sid,
        effect: "Allow",
        action: grant.actions,
        resource: scope.resources(grant.on).into_iter().map(text).collect(),
        condition: conditions(grant.on, scope),
    }
}

fn conditions(on: On, scope: &Scope) -> Conditions {
    if on != On::Records {
        return BTreeMap::new();
    }
    const NAMES: &str = "route53:ChangeResourceRecordSetsNormalizedRecordNames";
    const ACTIONS: &str = "route53:ChangeResourceRecordSetsActions";
    let allowed = BTreeMap::from([
        (ACTIONS, vec!["CREATE".to_owned(), "DELETE".to_owned()]),
        (NAMES, scope.record_names()),
    ]);
    // "All of none" is true, so that there must be some.
    let there = BTreeMap::from([(ACTIONS, vec!["false".to_owned()]), (NAMES, vec!["false".to_owned()])]);
    BTreeMap::from([("ForAllValues:StringEquals", allowed), ("Null", there)])
}
