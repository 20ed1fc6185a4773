//! Application versions.

use super::super::errors::{self, AwsError};
use super::super::state::{Application, ApplicationVersion, Severity, Source, Tags, VersionStatus};
use super::super::wire::Xml;
use super::super::{Account, archive};
use super::find::{description, tags};
use super::page::newest_first;
use super::{Call, Reply, done, result};
use crate::local::storage::StoredObject;
use crate::model::VersionLabel;

impl Account {
    /// `CreateApplicationVersion`
    pub(super) fn create_application_version(&mut self, call: &Call<'_>) -> Reply {
        let parameters = call.parameters;
        let application = parameters.required_limited("ApplicationName", 1..=100)?;
        let label = parameters.required_limited("VersionLabel", 1..=100)?;
        if label.contains('/') {
            let rule = "Member must not contain the slash character";
            return Err(errors::constraint(label, "VersionLabel", rule));
        }
        for outside in ["SourceBuildInformation", "BuildConfiguration", "ImageConfiguration"] {
            if parameters.structure(outside).is_some() {
                return Err(errors::not_implemented(&format!(
                    "{outside} of CreateApplicationVersion"
                )));
            }
        }
        let description = description(parameters)?;
        let tags = tags(parameters, "Tags", self.settings.quotas.tags)?;
        let process = parameters.boolean("Process")?.unwrap_or(false);
        let create = parameters.boolean("AutoCreateApplication")?.unwrap_or(false);
        match self.applications.get(application) {
            None if !create => return Err(errors::no_application(application)),
            Some(known) if known.version(label).is_some() => return Err(errors::version_exists(label)),
            _ => {}
        }
        let limit = self.settings.quotas.versions;
        if self
            .applications
            .values()
            .map(|known| known.versions.len())
            .sum::<usize>()
            >= limit
        {
            return Err(errors::quota(
                "TooManyApplicationVersionsException",
                "application versions",
                limit,
            ));
        }
        let bundle = self.bundle(call)?;
        if !self.applications.contains_key(application) {
            self.check_application_quota()?;
            // The tags are the version's (`AutoCreateApplication`).
            let made = Application::new(None, Tags::new(), call.now);
            self.applications.insert(application.to_owned(), made);
        }
        let status = match &bundle {
            Some((_, _, object)) if process => VersionStatus::Processing {
                until: call.now + self.settings.timing.version_processing,
                fault: archive::fault(&object.file, label),
            },
            _ => VersionStatus::Unprocessed,
        };
        let version = ApplicationVersion {
            label: VersionLabel::from(label),
            number: self.next_number(),
            description,
            file: bundle.as_ref().map(|(_, _, object)| object.file.clone()),
            bundle: bundle.map(|(bucket, key, _)| (bucket, key)),
            status,
            request_id: call.request_id.to_owned(),
            created: call.now,
            updated: call.now,
            tags,
        };
        let result = self.one_version(application, &version);
        let owner = self.application_mut(application)?;
        owner.versions.push(version);
        owner.updated = call.now;
        self.say_of_version(
            application,
            label,
            call,
            &format!("Created new Application Version: {label}"),
        );
        result
    }

    /// `DescribeApplicationVersions`: newest first, all at once unless pages are asked for.
    pub(super) fn describe_application_versions(&self, call: &Call<'_>) -> Reply {
        let application = call.parameters.text("ApplicationName");
        let labels = call.parameters.texts("VersionLabels");
        let size = call.parameters.number("MaxRecords", 1..=1000)?;
        let mut versions: Vec<(&str, &ApplicationVersion)> = self
            .applications
            .iter()
            .filter(|(name, _)| application.is_none_or(|wanted| wanted == name.as_str()))
            .flat_map(|(name, owner)| owner.versions.iter().map(move |version| (name.as_str(), version)))
            .filter(|(_, version)| labels.is_empty() || labels.contains(&version.label.as_str()))
            .collect();
        versions.sort_by_key(|(_, version)| std::cmp::Reverse(version.number));
        let numbered = versions.into_iter().map(|version| (version.1.number, version));
        let page = newest_first(numbered, size, call.parameters)?;
        result(|xml| {
            xml.list("ApplicationVersions", page.items, |xml, (owner, version)| {
                self.write_version(xml, owner, version);
            });
            xml.optional("NextToken", page.next);
        })
    }

    /// `UpdateApplicationVersion`
    pub(super) fn update_application_version(&mut self, call: &Call<'_>) -> Reply {
        let application = call.parameters.required("ApplicationName")?;
        let label = call.parameters.required("VersionLabel")?;
        let given = call.parameters.raw("Description").is_some();
        let description = description(call.parameters)?;
        let owner = self.application_mut(application)?;
        let found = owner
            .versions
            .iter_mut()
            .find(|version| version.label.as_str() == label);
        let version = found.ok_or_else(|| errors::no_version(label))?;
        if given {
            version.description = description;
        }
        version.updated = call.now;
        let owner = self.application(application)?;
        let version = owner.version(label).ok_or_else(|| errors::no_version(label))?;
        self.one_version(application, version)
    }

    /// `DeleteApplicationVersion`: not while an environment runs it.
    pub(super) fn delete_application_version(&mut self, call: &Call<'_>) -> Reply {
        let application = call.parameters.required("ApplicationName")?;
        let label = call.parameters.required("VersionLabel")?;
        let delete_bundle = call.parameters.boolean("DeleteSourceBundle")?.unwrap_or(false);
        self.application(application)?
            .version(label)
            .ok_or_else(|| errors::no_version(label))?;
        let user = self.environments.values().find(|environment| {
            let runs =
                |plan: &super::super::state::Plan| plan.has_version && plan.deployment.version_label.as_str() == label;
            environment.is_live()
                && environment.application == application
                && (runs(&environment.expected) || runs(&environment.wanted))
        });
        if let Some(environment) = user {
            return Err(errors::invalid_value(format!(
                "Unable to delete application version {label} because it is deployed to environment {}.",
                environment.name
            )));
        }
        let owner = self.application_mut(application)?;
        let removed: Vec<_> = owner
            .versions
            .extract_if(.., |version| version.label.as_str() == label)
            .collect();
        owner.updated = call.now;
        if delete_bundle {
            for (bucket, key) in removed.into_iter().filter_map(|version| version.bundle) {
                self.storage.delete(&bucket, &key);
            }
        }
        self.say_of_version(
            application,
            label,
            call,
            &format!("Deleted Application Version: {label}"),
        );
        done()
    }

    fn bundle(&self, call: &Call<'_>) -> Result<Option<(String, String, StoredObject)>, AwsError> {
        let Some(location) = call.parameters.structure("SourceBundle") else {
            return Ok(None);
        };
        let bucket = location.required("S3Bucket")?;
        let key = location.required("S3Key")?;
        let object = self
            .storage
            .object(bucket, key)
            .ok_or_else(|| errors::no_bundle(bucket, key))?;
        let limit = self.settings.quotas.bundle_bytes;
        if object.size > limit {
            return Err(errors::bundle_too_large(limit));
        }
        Ok(Some((bucket.to_owned(), key.to_owned(), object)))
    }

    fn say_of_version(&mut self, application: &str, label: &str, call: &Call<'_>, message: &str) {
        let source = Source {
            application: application.to_owned(),
            version: Some(label.to_owned()),
            ..Source::default()
        };
        self.events
            .say(call.now, Severity::Info, source, Some(call.request_id), message);
    }

    fn one_version(&self, application: &str, version: &ApplicationVersion) -> Reply {
        result(|xml| {
            xml.element("ApplicationVersion", |xml| {
                self.write_version(xml, application, version);
            });
        })
    }

    fn write_version(&self, xml: &mut Xml, application: &str, version: &ApplicationVersion) {
        let path = format!("{application}/{}", version.label);
        xml.text("ApplicationVersionArn", self.arn("applicationversion", &path));
        xml.text("ApplicationName", application);
        xml.optional("Description", version.description.as_ref());
        xml.text("VersionLabel", &version.label);
        if let Some((bucket, key)) = &version.bundle {
            xml.element("SourceBundle", |xml| {
                xml.text("S3Bucket", bucket);
                xml.text("S3Key", key);
            });
        }
        xml.text("DateCreated", version.created);
        xml.text("DateUpdated", version.updated);
        xml.text("Status", version.status.as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::World;

    fn create(world: &mut World, label: &str, key: &str) -> (String, String) {
        world.refused(
            "CreateApplicationVersion",
            &[
                ("ApplicationName", "shop"),
                ("VersionLabel", label),
                ("SourceBundle.S3Bucket", "bundles"),
                ("SourceBundle.S3Key", key),
            ],
        )
    }

    #[test]
    fn a_bundle_must_be_there_and_not_too_large() {
        let mut world = World::new();
        let (code, message) = create(&mut world, "v1", "missing.zip");
        assert_eq!(code, "InvalidParameterValue");
        assert_eq!(
            message,
            "Unable to download from S3 location (Bucket: bundles  Key: missing.zip). Reason: Not Found"
        );
        world.storage.put_sized("bundles", "large.zip", 524_288_001);
        let (_, message) = create(&mut world, "v1", "large.zip");
        assert_eq!(message, "Source bundle exceeds maximum allowed size: 524288000");
    }

    #[test]
    fn processing_takes_a_while_and_tells_sound_from_broken() {
        let mut world = World::new();
        world.storage.put_zip("bundles", "fine.zip");
        world.storage.put_text("bundles", "broken.zip", "not a zip");
        for (label, key) in [("fine", "fine.zip"), ("broken", "broken.zip")] {
            let body = world.ok(
                "CreateApplicationVersion",
                &[
                    ("ApplicationName", "shop"),
                    ("VersionLabel", label),
                    ("SourceBundle.S3Bucket", "bundles"),
                    ("SourceBundle.S3Key", key),
                    ("Process", "true"),
                ],
            );
            assert!(body.contains("<Status>PROCESSING</Status>"), "{body}");
        }
        let (_, message) = world.refused(
            "CreateEnvironment",
            &[
                ("ApplicationName", "shop"),
                ("EnvironmentName", "blue"),
                ("SolutionStackName", World::STACK),
                ("VersionLabel", "fine"),
            ],
        );
        assert!(message.contains("PROCESSING"), "{message}");
        world.wait(2);
        let body = world.ok("DescribeApplicationVersions", &[("ApplicationName", "shop")]);
        assert!(body.contains("<VersionLabel>fine</VersionLabel>") && body.contains("<Status>PROCESSED</Status>"));
        assert!(body.contains("<Status>FAILED</Status>"), "{body}");
        let messages = world.messages(&[("VersionLabel", "broken")]);
        assert!(
            messages[0].ends_with("Its status is FAILED. The source bundle is not a zip archive."),
            "{messages:?}"
        );
        let messages = world.messages(&[("VersionLabel", "fine")]);
        assert!(
            messages[0].starts_with("Finished processing application version") && messages[0].ends_with("PROCESSED."),
            "the eb CLI waits for these words: {messages:?}"
        );
        let (_, message) = world.refused(
            "CreateEnvironment",
            &[
                ("ApplicationName", "shop"),
                ("EnvironmentName", "blue"),
                ("SolutionStackName", World::STACK),
                ("VersionLabel", "broken"),
            ],
        );
        assert!(message.contains("FAILED"), "{message}");
    }

    #[test]
    fn labels_are_unique_and_pages_go_from_new_to_old() {
        let mut world = World::new();
        for label in ["v1", "v2", "v3"] {
            world.ok(
                "CreateApplicationVersion",
                &[("ApplicationName", "shop"), ("VersionLabel", label)],
            );
        }
        let (_, message) = world.refused(
            "CreateApplicationVersion",
            &[("ApplicationName", "shop"), ("VersionLabel", "v2")],
        );
        assert_eq!(message, "Application Version v2 already exists.");
        let body = world.ok(
            "DescribeApplicationVersions",
            &[("ApplicationName", "shop"), ("MaxRecords", "2")],
        );
        assert_eq!(World::all(&body, "VersionLabel"), ["v3", "v2"]);
        let token = World::all(&body, "NextToken").remove(0);
        let body = world.ok(
            "DescribeApplicationVersions",
            &[("ApplicationName", "shop"), ("MaxRecords", "2"), ("NextToken", &token)],
        );
        assert_eq!(World::all(&body, "VersionLabel"), ["v1"]);
        assert!(World::all(&body, "NextToken").is_empty());
    }

    #[test]
    fn a_deployed_version_is_not_deleted() {
        let mut world = World::new();
        world.launch("blue", "v1");
        let version = [("ApplicationName", "shop"), ("VersionLabel", "v1")];
        let (code, _) = world.refused("DeleteApplicationVersion", &version);
        assert_eq!(code, "InvalidParameterValue");
        world.terminate("blue");
        world.ok(
            "DeleteApplicationVersion",
            &[version[0], version[1], ("DeleteSourceBundle", "true")],
        );
        assert!(!world.storage.has("bundles", "v1.zip"));
    }

    #[test]
    fn an_application_can_be_made_on_the_way() {
        let mut world = World::empty();
        let (_, message) = world.refused(
            "CreateApplicationVersion",
            &[("ApplicationName", "shop"), ("VersionLabel", "v1")],
        );
        assert_eq!(message, "No Application named 'shop' found.");
        world.ok(
            "CreateApplicationVersion",
            &[
                ("ApplicationName", "shop"),
                ("VersionLabel", "v1"),
                ("AutoCreateApplication", "true"),
                ("Tags.member.1.Key", "owner"),
                ("Tags.member.1.Value", "me"),
            ],
        );
        assert_eq!(
            World::all(&world.ok("DescribeApplications", &[]), "ApplicationName"),
            ["shop"]
        );
        let mut tags = |resource: &str| {
            let arn = format!("arn:aws:elasticbeanstalk:eu-central-1:123456789012:{resource}");
            World::all(&world.ok("ListTagsForResource", &[("ResourceArn", &arn)]), "Key")
        };
        assert_eq!(tags("applicationversion/shop/v1"), ["owner"]);
        assert!(tags("application/shop").is_empty());
    }

    #[test]
    fn a_description_stays_until_another_one_is_given() {
        let mut world = World::new();
        world.version("v1");
        let mut update = |description: Option<&str>| {
            let mut given = vec![("ApplicationName", "shop"), ("VersionLabel", "v1")];
            given.extend(description.map(|text| ("Description", text)));
            let body = world.ok("UpdateApplicationVersion", &given);
            World::all(&body, "Description")
        };
        assert_eq!(update(Some("first")), ["first"]);
        assert_eq!(update(None), ["first"]);
        assert_eq!(update(Some("second")), ["second"]);
        assert!(update(Some("")).is_empty());
    }
}
