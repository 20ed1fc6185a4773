//! Instance profiles.

use super::{Identities, Profile, Reply, errors, page, path, result, write_next};
use crate::local::query::{AwsError, Parameters, Xml};
use crate::model::Timestamp;

impl Identities {
    pub(super) fn create_instance_profile(&mut self, parameters: &Parameters, now: Timestamp) -> Reply {
        let name = parameters.required("InstanceProfileName")?.to_owned();
        if self.profiles.contains_key(&name) {
            return Err(errors::exists(&format!("Instance Profile {name}")));
        }
        let profile = Profile {
            path: path(parameters),
            id: self.id("AIPA"),
            role: None,
            created: now,
        };
        let result = result(|xml| xml.element("InstanceProfile", |xml| self.write_profile(xml, &name, &profile)));
        self.profiles.insert(name, profile);
        result
    }

    pub(super) fn get_instance_profile(&self, parameters: &Parameters) -> Reply {
        let name = parameters.required("InstanceProfileName")?;
        let profile = self.profiles.get(name).ok_or_else(|| errors::no_profile(name))?;
        result(|xml| xml.element("InstanceProfile", |xml| self.write_profile(xml, name, profile)))
    }

    pub(super) fn list_instance_profiles(&self, parameters: &Parameters) -> Reply {
        let (profiles, next) = page(parameters, &self.profiles, |profile| &profile.path)?;
        result(|xml| {
            write_next(xml, next);
            xml.list("InstanceProfiles", profiles, |xml, (name, profile)| {
                self.write_profile(xml, name, profile);
            });
        })
    }

    pub(super) fn delete_instance_profile(&mut self, parameters: &Parameters) -> Reply {
        let name = parameters.required("InstanceProfileName")?;
        if self.profile(parameters)?.role.is_some() {
            return Err(errors::conflict("remove roles from instance profile"));
        }
        self.profiles.remove(name);
        Ok(None)
    }

    /// `AddRoleToInstanceProfile`: one role at most, also when it is the same.
    pub(super) fn add_role_to_instance_profile(&mut self, parameters: &Parameters) -> Reply {
        let role = parameters.required("RoleName")?.to_owned();
        let is_there = self.roles.contains_key(&role);
        let profile = self.profile(parameters)?;
        if !is_there {
            return Err(errors::no_role(&role));
        }
        if profile.role.is_some() {
            return Err(errors::one_role_only());
        }
        profile.role = Some(role);
        Ok(None)
    }

    pub(super) fn remove_role_from_instance_profile(&mut self, parameters: &Parameters) -> Reply {
        let role = parameters.required("RoleName")?;
        let profile = self.profile(parameters)?;
        if profile.role.as_deref() != Some(role) {
            return Err(errors::no_role(role));
        }
        profile.role = None;
        Ok(None)
    }

    fn profile(&mut self, parameters: &Parameters) -> Result<&mut Profile, AwsError> {
        let name = parameters.required("InstanceProfileName")?;
        self.profiles.get_mut(name).ok_or_else(|| errors::no_profile(name))
    }

    fn write_profile(&self, xml: &mut Xml, name: &str, profile: &Profile) {
        xml.text("Path", &profile.path);
        xml.text("InstanceProfileName", name);
        xml.text("InstanceProfileId", &profile.id);
        xml.text("Arn", self.arn("instance-profile", &profile.path, name));
        xml.text("CreateDate", profile.created);
        let role = profile
            .role
            .as_ref()
            .and_then(|name| Some((name, self.roles.get(name)?)));
        xml.list("Roles", role, |xml, (name, role)| self.write_role(xml, name, role));
    }
}
