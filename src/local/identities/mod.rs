//! IAM, as far as Elastic Beanstalk's clients need it: roles, instance profiles, and who is calling.
//!
//! `eb create` makes the instance profile and the service role of an account that has none. They are kept and listed; what
//! they allow is not looked at here. No I/O, no clock, like the account, which owns it. Shapes and codes follow the service's
//! API model (2010-05-08).

mod errors;
mod profiles;
mod remember;
mod roles;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::ids::{self, Ids};
use super::query::{AwsError, Parameters, Xml};
use crate::model::Timestamp;

/// The namespace of all documents.
pub(crate) const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";
/// The version of its API, by which its calls are told from others.
pub(crate) const VERSION: &str = "2010-05-08";

/// Items on one page, and on the longest (source: `MaxItems`).
const PAGE: usize = 100;
const LONGEST_PAGE: usize = 1000;

/// Roles and instance profiles of one account.
#[derive(Clone, Debug)]
pub(crate) struct Identities {
    account_id: String,
    ids: Ids,
    roles: BTreeMap<String, Role>,
    profiles: BTreeMap<String, Profile>,
}

/// A role.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Role {
    path: String,
    id: String,
    /// Who may assume it: JSON.
    trust: String,
    description: Option<String>,
    /// How long a session may last, in seconds.
    session: usize,
    tags: BTreeMap<String, String>,
    /// ARNs of managed policies.
    attached: BTreeSet<String>,
    /// Policies of its own: JSON, by name.
    own: BTreeMap<String, String>,
    created: Timestamp,
}

/// An instance profile: a role for instances.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Profile {
    path: String,
    id: String,
    role: Option<String>,
    created: Timestamp,
}

/// A result to write, nothing, or an error.
type Reply = Result<Option<Xml>, AwsError>;

/// Writes a result.
fn result(content: impl FnOnce(&mut Xml)) -> Reply {
    let mut xml = Xml::default();
    content(&mut xml);
    Ok(Some(xml))
}

impl Identities {
    /// None at first, as in an account that Elastic Beanstalk was never used in.
    pub(crate) fn new(account_id: &str, seed: u64) -> Self {
        Self {
            account_id: account_id.to_owned(),
            ids: Ids::new(seed),
            roles: BTreeMap::new(),
            profiles: BTreeMap::new(),
        }
    }

    /// Carries out an operation.
    pub(crate) fn handle(&mut self, action: &str, parameters: &Parameters, now: Timestamp) -> Reply {
        match action {
            "AddRoleToInstanceProfile" => self.add_role_to_instance_profile(parameters),
            "AttachRolePolicy" => self.attach_role_policy(parameters),
            "CreateInstanceProfile" => self.create_instance_profile(parameters, now),
            "CreateRole" => self.create_role(parameters, now),
            "DeleteInstanceProfile" => self.delete_instance_profile(parameters),
            "DeleteRole" => self.delete_role(parameters),
            "DeleteRolePolicy" => self.delete_role_policy(parameters),
            "DetachRolePolicy" => self.detach_role_policy(parameters),
            "GetInstanceProfile" => self.get_instance_profile(parameters),
            "GetRole" => self.get_role(parameters),
            "GetUser" => self.get_user(parameters),
            "ListAttachedRolePolicies" => self.list_attached_role_policies(parameters),
            "ListInstanceProfiles" => self.list_instance_profiles(parameters),
            "ListRoles" => self.list_roles(parameters),
            "PutRolePolicy" => self.put_role_policy(parameters),
            "RemoveRoleFromInstanceProfile" => self.remove_role_from_instance_profile(parameters),
            other => Err(errors::not_implemented(other)),
        }
    }

    /// `GetUser`: everybody is the same user here.
    fn get_user(&self, parameters: &Parameters) -> Reply {
        if let Some(name) = parameters.text("UserName").filter(|name| *name != USER) {
            return Err(errors::no_entity(&format!(
                "The user with name {name} cannot be found."
            )));
        }
        result(|xml| {
            xml.element("User", |xml| {
                xml.text("Path", "/");
                xml.text("UserName", USER);
                xml.text("UserId", USER_ID);
                xml.text("Arn", self.arn("user", "/", USER));
                xml.text("CreateDate", Timestamp::from_millis(0));
            });
        })
    }

    /// The path of a role.
    pub(crate) fn role_path(&self, name: &str) -> Option<&str> {
        Some(&self.roles.get(name)?.path)
    }

    /// The path of an instance profile.
    pub(crate) fn profile_path(&self, name: &str) -> Option<&str> {
        Some(&self.profiles.get(name)?.path)
    }

    fn arn(&self, kind: &str, path: &str, name: &str) -> String {
        format!("arn:aws:iam::{}:{kind}{path}{name}", self.account_id)
    }

    /// Ids of roles begin with `AROA`, those of instance profiles with `AIPA`.
    fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}{}", self.ids.text(prefix, ids::UPPER, 17))
    }
}

/// The user that everybody is, for IAM, for STS and where something is denied.
pub(crate) const USER: &str = "local";
/// Its id.
pub(crate) const USER_ID: &str = "AIDALOCALCLOUDUSER0001";

/// A path, or the one without any folders.
fn path(parameters: &Parameters) -> String {
    parameters.text("Path").unwrap_or("/").to_owned()
}

/// Items by name, and the marker of the next page.
type Page<'a, T> = (Vec<(&'a String, &'a T)>, Option<&'a String>);

/// Cuts one page out of names in their order. The marker is the last name that was shown.
fn page<'a, T>(
    parameters: &Parameters,
    all: &'a BTreeMap<String, T>,
    path_of: impl Fn(&T) -> &str,
) -> Result<Page<'a, T>, AwsError> {
    let size = parameters.number("MaxItems", 1..=LONGEST_PAGE)?.unwrap_or(PAGE);
    let (after, prefix) = (parameters.text("Marker"), parameters.text("PathPrefix").unwrap_or("/"));
    let mut found: Vec<_> = all
        .iter()
        .filter(|(name, _)| after.is_none_or(|after| name.as_str() > after))
        .filter(|(_, item)| path_of(item).starts_with(prefix))
        .collect();
    let more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| more).map(|(name, _)| *name);
    Ok((found, next))
}

/// Writes whether there is more, and where it begins.
fn write_next(xml: &mut Xml, next: Option<&String>) {
    xml.text("IsTruncated", next.is_some());
    xml.optional("Marker", next);
}

#[cfg(test)]
mod tests;
