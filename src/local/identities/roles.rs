//! Roles and their policies.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::{Identities, Reply, Role, errors, page, path, result, write_next};
use crate::local::query::{AwsError, Parameters, Xml};
use crate::model::Timestamp;

/// Longest session that a role is given unless somebody says otherwise, and what they may say (source: `MaxSessionDuration`).
const SESSION_SECONDS: usize = 3600;
const SESSIONS: RangeInclusive<usize> = 3600..=43_200;

impl Identities {
    pub(super) fn create_role(&mut self, parameters: &Parameters, now: Timestamp) -> Reply {
        let name = parameters.required("RoleName")?.to_owned();
        let trust = document(parameters, "AssumeRolePolicyDocument")?;
        let session = parameters.number("MaxSessionDuration", SESSIONS)?;
        for outside in ["PermissionsBoundary", "MaxSigninSessionDuration"] {
            if parameters.text(outside).is_some() {
                return Err(errors::not_implemented(&format!("{outside} of CreateRole")));
            }
        }
        if self.roles.contains_key(&name) {
            return Err(errors::exists(&format!("Role with name {name}")));
        }
        let role = Role {
            path: path(parameters),
            id: self.id("AROA"),
            trust,
            description: parameters.text("Description").map(str::to_owned),
            session: session.unwrap_or(SESSION_SECONDS),
            tags: tags(parameters)?,
            attached: BTreeSet::new(),
            own: BTreeMap::new(),
            created: now,
        };
        let result = result(|xml| {
            xml.element("Role", |xml| {
                self.write_role(xml, &name, &role);
                write_tags(xml, &role);
            });
        });
        self.roles.insert(name, role);
        result
    }

    pub(super) fn get_role(&self, parameters: &Parameters) -> Reply {
        let name = parameters.required("RoleName")?;
        let role = self.roles.get(name).ok_or_else(|| errors::no_role(name))?;
        result(|xml| {
            xml.element("Role", |xml| {
                self.write_role(xml, name, role);
                write_tags(xml, role);
            });
        })
    }

    pub(super) fn list_roles(&self, parameters: &Parameters) -> Reply {
        let (roles, next) = page(parameters, &self.roles, |role| &role.path)?;
        result(|xml| {
            write_next(xml, next);
            xml.list("Roles", roles, |xml, (name, role)| self.write_role(xml, name, role));
        })
    }

    pub(super) fn delete_role(&mut self, parameters: &Parameters) -> Reply {
        let name = parameters.required("RoleName")?;
        let role = self.role(parameters)?;
        if !role.attached.is_empty() {
            return Err(errors::conflict("detach all policies"));
        }
        if !role.own.is_empty() {
            return Err(errors::conflict("delete policies"));
        }
        if self
            .profiles
            .values()
            .any(|profile| profile.role.as_deref() == Some(name))
        {
            return Err(errors::conflict("remove roles from instance profile"));
        }
        self.roles.remove(name);
        Ok(None)
    }

    pub(super) fn attach_role_policy(&mut self, parameters: &Parameters) -> Reply {
        let arn = parameters.required("PolicyArn")?.to_owned();
        let role = self.role(parameters)?;
        // There are AWS's own policies, and no others.
        if !arn.starts_with("arn:aws:iam::aws:policy/") {
            return Err(errors::no_policy(&arn));
        }
        role.attached.insert(arn);
        Ok(None)
    }

    pub(super) fn detach_role_policy(&mut self, parameters: &Parameters) -> Reply {
        let arn = parameters.required("PolicyArn")?;
        if !self.role(parameters)?.attached.remove(arn) {
            return Err(errors::no_entity(&format!("Policy {arn} was not found.")));
        }
        Ok(None)
    }

    pub(super) fn list_attached_role_policies(&self, parameters: &Parameters) -> Reply {
        let name = parameters.required("RoleName")?;
        let role = self.roles.get(name).ok_or_else(|| errors::no_role(name))?;
        let prefix = parameters.text("PathPrefix").unwrap_or("/");
        let below = |arn: &&String| path_of(arn).starts_with(prefix);
        result(|xml| {
            xml.list("AttachedPolicies", role.attached.iter().filter(below), |xml, arn| {
                xml.text("PolicyName", arn.rsplit('/').next().unwrap_or_default());
                xml.text("PolicyArn", arn);
            });
            write_next(xml, None);
        })
    }

    pub(super) fn put_role_policy(&mut self, parameters: &Parameters) -> Reply {
        let policy = parameters.required("PolicyName")?.to_owned();
        let content = document(parameters, "PolicyDocument")?;
        self.role(parameters)?.own.insert(policy, content);
        Ok(None)
    }

    pub(super) fn delete_role_policy(&mut self, parameters: &Parameters) -> Reply {
        let policy = parameters.required("PolicyName")?;
        if self.role(parameters)?.own.remove(policy).is_none() {
            let message = format!("The role policy with name {policy} cannot be found.");
            return Err(errors::no_entity(&message));
        }
        Ok(None)
    }

    fn role(&mut self, parameters: &Parameters) -> Result<&mut Role, AwsError> {
        let name = parameters.required("RoleName")?;
        self.roles.get_mut(name).ok_or_else(|| errors::no_role(name))
    }

    pub(super) fn write_role(&self, xml: &mut Xml, name: &str, role: &Role) {
        xml.text("Path", &role.path);
        xml.text("RoleName", name);
        xml.text("RoleId", &role.id);
        xml.text("Arn", self.arn("role", &role.path, name));
        xml.text("CreateDate", role.created);
        // The service writes documents as parts of addresses.
        let trust: String = form_urlencoded::byte_serialize(role.trust.as_bytes()).collect();
        xml.text("AssumeRolePolicyDocument", trust.replace('+', "%20"));
        xml.optional("Description", role.description.as_ref());
        xml.text("MaxSessionDuration", role.session);
    }
}

/// Lists of roles are without them (source: `ListRoles`).
fn write_tags(xml: &mut Xml, role: &Role) {
    if !role.tags.is_empty() {
        xml.list("Tags", &role.tags, |xml, (key, value)| {
            xml.text("Key", key);
            xml.text("Value", value);
        });
    }
}

fn tags(parameters: &Parameters) -> Result<BTreeMap<String, String>, AwsError> {
    let all = parameters.list("Tags");
    let tags: BTreeMap<String, String> = all
        .iter()
        .map(|tag| {
            Ok((
                tag.required("Key")?.to_owned(),
                tag.raw("Value").unwrap_or_default().to_owned(),
            ))
        })
        .collect::<Result<_, AwsError>>()?;
    if tags.len() < all.len() {
        return Err(errors::invalid(
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        ));
    }
    Ok(tags)
}

/// The path in a policy's ARN: `/service-role/` of `arn:aws:iam::aws:policy/service-role/AWSElasticBeanstalkWorkerTier`.
fn path_of(arn: &str) -> &str {
    let resource = arn.split_once(":policy").map_or("/", |(_, resource)| resource);
    resource.rfind('/').map_or("/", |end| &resource[..=end])
}

/// A policy, which must at least be a JSON object.
fn document(parameters: &Parameters, name: &str) -> Result<String, AwsError> {
    let text = parameters.required(name)?;
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(_)) => Ok(text.to_owned()),
        Ok(_) | Err(_) => Err(errors::malformed_policy("This policy contains invalid Json")),
    }
}
