//! Statements of a function's policy: kept and shown. Every call is allowed whatever they say.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Functions, fault};
use crate::local::automation::Account;
use crate::local::automation::call::{JsonAnswer, JsonRequest, Outcome};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    statement_id: String,
    action: String,
    principal: String,
    source_arn: Option<String>,
    source_account: Option<String>,
}

impl Functions {
    pub(super) fn add_permission(&mut self, name: &str, request: &JsonRequest, account: &mut Account) -> Outcome {
        let input: Statement = request.input("InvalidParameterValueException")?;
        let revision_id = account.ids.uuid("revision");
        let function = self.find_mut(name, account)?;
        if function.policy.contains_key(&input.statement_id) {
            return Err(fault(
                409,
                "ResourceConflictException",
                format!(
                    "The statement id ({}) provided already exists. Please provide a new statement id, or remove the existing statement.",
                    input.statement_id
                ),
            ));
        }
        let principal = match input.principal.as_str() {
            "*" => json!("*"),
            service if service.contains('.') => json!({ "Service": service }),
            account => json!({ "AWS": account }),
        };
        let mut condition = Map::new();
        if let Some(arn) = &input.source_arn {
            condition.insert("ArnLike".to_owned(), json!({ "AWS:SourceArn": arn }));
        }
        if let Some(source) = &input.source_account {
            condition.insert("StringEquals".to_owned(), json!({ "AWS:SourceAccount": source }));
        }
        let mut statement = json!({
            "Sid": input.statement_id,
            "Effect": "Allow",
            "Principal": principal,
            "Action": input.action,
            "Resource": function.wanted.arn,
        });
        if !condition.is_empty() {
            statement["Condition"] = Value::Object(condition);
        }
        let text = statement.to_string();
        function.policy.insert(input.statement_id, statement);
        function.revision_id = revision_id;
        Ok(JsonAnswer::document(201, &json!({ "Statement": text })))
    }

    pub(super) fn get_policy(&self, name: &str, account: &Account) -> Outcome {
        let function = self.find(name, account)?;
        if function.policy.is_empty() {
            return Err(fault(
                404,
                "ResourceNotFoundException",
                "The resource you requested does not exist.",
            ));
        }
        let statements: Vec<&Value> = function.policy.values().collect();
        let policy = json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements });
        let document = json!({ "Policy": policy.to_string(), "RevisionId": function.revision_id });
        Ok(JsonAnswer::document(200, &document))
    }

    pub(super) fn remove_permission(&mut self, name: &str, statement: &str, account: &mut Account) -> Outcome {
        let revision_id = account.ids.uuid("revision");
        let function = self.find_mut(name, account)?;
        if function.policy.remove(statement).is_none() {
            return Err(fault(
                404,
                "ResourceNotFoundException",
                format!("Statement {statement} is not found in resource policy."),
            ));
        }
        function.revision_id = revision_id;
        Ok(JsonAnswer::empty(204))
    }
}
