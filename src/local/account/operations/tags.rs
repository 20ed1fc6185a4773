//! Tags.

use super::super::Account;
use super::super::errors::{self, AwsError};
use super::super::state::{Environment, Severity, Status, Tags, Work};
use super::find::{check_tags, tags};
use super::update::require_ready;
use super::{Call, Reply, done, result};

/// Something that has tags, by what its ARN says.
enum Tagged<'a> {
    Application(&'a str),
    Version(&'a str, &'a str),
    Template(&'a str, &'a str),
    Environment(&'a str),
}

impl Account {
    /// `ListTagsForResource`: the service's own tags of an environment are among them.
    pub(super) fn list_tags_for_resource(&self, call: &Call<'_>) -> Reply {
        let arn = call.parameters.required("ResourceArn")?;
        let tagged = self.tagged(arn)?;
        let mut tags = self.tags_of(&tagged).ok_or_else(|| errors::no_resource(arn))?.clone();
        if let Tagged::Environment(name) = tagged
            && let Some(environment) = self.environment_named(name)
        {
            tags.extend(own_tags(environment));
        }
        result(|xml| {
            xml.text("ResourceArn", arn);
            xml.list("ResourceTags", &tags, |xml, (key, value)| {
                xml.text("Key", key);
                xml.text("Value", value);
            });
        })
    }

    /// `UpdateTagsForResource`: an environment is being updated for a while, as its resources are tagged too.
    pub(super) fn update_tags_for_resource(&mut self, call: &Call<'_>) -> Reply {
        let arn = call.parameters.required("ResourceArn")?;
        let limit = self.settings.quotas.tags;
        let added = tags(call.parameters, "TagsToAdd", limit)?;
        let removed = call.parameters.texts("TagsToRemove");
        if added.is_empty() && removed.is_empty() {
            return Err(errors::missing_parameter("You must specify TagsToAdd or TagsToRemove."));
        }
        if let Some(key) = removed.iter().find(|key| added.contains_key(**key)) {
            return Err(errors::invalid_value(format!(
                "Tag key '{key}' cannot be both added and removed."
            )));
        }
        let tagged = self.tagged(arn)?;
        let mut tags = self.tags_of(&tagged).ok_or_else(|| errors::no_resource(arn))?.clone();
        tags.retain(|key, _| !removed.contains(&key.as_str()));
        tags.extend(added);
        check_tags(&tags, limit)?;
        let missing = || errors::no_resource(arn);
        match tagged {
            Tagged::Application(name) => self.application_mut(name)?.tags = tags,
            Tagged::Version(application, label) => {
                let versions = &mut self.application_mut(application)?.versions;
                let version = versions.iter_mut().find(|version| version.label.as_str() == label);
                version.ok_or_else(missing)?.tags = tags;
            }
            Tagged::Template(application, name) => {
                let templates = &mut self.application_mut(application)?.templates;
                templates.get_mut(name).ok_or_else(missing)?.tags = tags;
            }
            Tagged::Environment(name) => {
                let environment = self.environment_named(name).ok_or_else(missing)?;
                require_ready(environment)?;
                let id = environment.id.clone();
                let environment = self.environment_mut(&id)?;
                environment.tags = tags;
                environment.begin(Status::Updating, Work::Tags, call.request_id, call.now);
                if let Some(environment) = self.environments.get(&id) {
                    environment.tell(
                        &mut self.events,
                        call.now,
                        Severity::Info,
                        "Environment tag update is starting.",
                    );
                }
            }
        }
        done()
    }

    fn tagged<'a>(&self, arn: &'a str) -> Result<Tagged<'a>, AwsError> {
        let (region, account_id) = (&self.settings.region, &self.settings.account_id);
        let path = arn
            .strip_prefix(&format!("arn:aws:elasticbeanstalk:{region}:{account_id}:"))
            .ok_or_else(|| errors::no_resource(arn))?;
        let (kind, path) = path.split_once('/').ok_or_else(|| errors::no_resource(arn))?;
        let pair = || path.split_once('/').ok_or_else(|| errors::no_resource(arn));
        Ok(match kind {
            "application" => Tagged::Application(path),
            "applicationversion" => {
                let (application, label) = pair()?;
                Tagged::Version(application, label)
            }
            "configurationtemplate" => {
                let (application, name) = pair()?;
                Tagged::Template(application, name)
            }
            "environment" => {
                let (application, name) = pair()?;
                let found = self.environment_named(name);
                found
                    .filter(|environment| environment.application == application)
                    .ok_or_else(|| errors::no_resource(arn))?;
                Tagged::Environment(name)
            }
            _ => return Err(errors::resource_type(arn)),
        })
    }

    fn tags_of(&self, tagged: &Tagged<'_>) -> Option<&Tags> {
        match *tagged {
            Tagged::Application(name) => Some(&self.applications.get(name)?.tags),
            Tagged::Version(application, label) => Some(&self.applications.get(application)?.version(label)?.tags),
            Tagged::Template(application, name) => Some(&self.applications.get(application)?.templates.get(name)?.tags),
            Tagged::Environment(name) => Some(&self.environment_named(name)?.tags),
        }
    }
}

fn own_tags(environment: &Environment) -> [(String, String); 3] {
    [
        ("Name".to_owned(), environment.name.to_string()),
        ("elasticbeanstalk:environment-id".to_owned(), environment.id.to_string()),
        (
            "elasticbeanstalk:environment-name".to_owned(),
            environment.name.to_string(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::World;

    const ARN: (&str, &str) = (
        "ResourceArn",
        "arn:aws:elasticbeanstalk:eu-central-1:123456789012:environment/shop/blue",
    );

    #[test]
    fn tagging_an_environment_updates_it_for_a_while() {
        let mut world = World::new();
        world.launch_with(
            "blue",
            "v1",
            &[("Tags.member.1.Key", "release"), ("Tags.member.1.Value", "7")],
        );
        let body = world.ok("ListTagsForResource", &[ARN]);
        assert_eq!(
            World::all(&body, "Key"),
            [
                "Name",
                "elasticbeanstalk:environment-id",
                "elasticbeanstalk:environment-name",
                "release"
            ]
        );
        let change = [
            ARN,
            ("TagsToAdd.member.1.Key", "owner"),
            ("TagsToAdd.member.1.Value", "me"),
            ("TagsToRemove.member.1", "release"),
        ];
        let body = world.ok("UpdateTagsForResource", &change);
        let request_id = World::all(&body, "RequestId").remove(0);
        assert_eq!(world.status("blue"), "Updating");
        let (_, message) = world.refused("UpdateTagsForResource", &change);
        assert_eq!(
            message,
            "Environment named blue is in an invalid state for this operation. Must be Ready."
        );
        world.wait(10);
        assert_eq!(world.status("blue"), "Ready");
        let messages = world.messages(&[("RequestId", &request_id)]);
        assert_eq!(messages[0], "Environment tag update completed successfully.");
        let body = world.ok("ListTagsForResource", &[ARN]);
        assert!(
            body.contains("<Key>owner</Key><Value>me</Value>") && !body.contains("release"),
            "{body}"
        );
    }

    #[test]
    fn other_resources_have_tags_too() {
        let mut world = World::new();
        world.version("v1");
        let arn = (
            "ResourceArn",
            "arn:aws:elasticbeanstalk:eu-central-1:123456789012:applicationversion/shop/v1",
        );
        world.ok(
            "UpdateTagsForResource",
            &[arn, ("TagsToAdd.member.1.Key", "a"), ("TagsToAdd.member.1.Value", "b")],
        );
        assert_eq!(World::all(&world.ok("ListTagsForResource", &[arn]), "Key"), ["a"]);
        assert_eq!(
            world.refused("ListTagsForResource", &[ARN]).0,
            "ResourceNotFoundException"
        );
        let platform = (
            "ResourceArn",
            "arn:aws:elasticbeanstalk:eu-central-1:123456789012:platform/x/1.0.0",
        );
        assert_eq!(
            world.refused("ListTagsForResource", &[platform]).0,
            "ResourceTypeNotSupportedException"
        );
        let reserved = [
            arn,
            ("TagsToAdd.member.1.Key", "aws:x"),
            ("TagsToAdd.member.1.Value", "b"),
        ];
        assert_eq!(
            world.refused("UpdateTagsForResource", &reserved).0,
            "InvalidParameterValue"
        );
    }
}
