//! Applications.

use super::super::Account;
use super::super::errors;
use super::super::lifecycle::begin_termination;
use super::super::state::{Application, Severity, Source, Work};
use super::super::wire::Xml;
use super::find::{description, tags};
use super::{Call, Reply, done, result};
use crate::model::{EnvironmentId, Timestamp};

impl Account {
    /// `CreateApplication`
    pub(super) fn create_application(&mut self, call: &Call<'_>) -> Reply {
        let name = call.parameters.required_limited("ApplicationName", 1..=100)?.to_owned();
        let description = description(call.parameters)?;
        let tags = tags(call.parameters, "Tags", self.settings.quotas.tags)?;
        if self.applications.contains_key(&name) {
            return Err(errors::application_exists(&name));
        }
        self.check_application_quota()?;
        let application = Application::new(description, tags, call.now);
        self.applications.insert(name.clone(), application);
        self.one_application(&name)
    }

    /// Refuses one application too many.
    pub(super) fn check_application_quota(&self) -> Result<(), errors::AwsError> {
        let limit = self.settings.quotas.applications;
        if self.applications.len() >= limit {
            return Err(errors::quota("TooManyApplicationsException", "applications", limit));
        }
        Ok(())
    }

    /// `DescribeApplications`
    pub(super) fn describe_applications(&self, call: &Call<'_>) -> Reply {
        let names = call.parameters.texts("ApplicationNames");
        let chosen = self
            .applications
            .iter()
            .filter(|(name, _)| names.is_empty() || names.contains(&name.as_str()));
        result(|xml| {
            xml.list("Applications", chosen, |xml, (name, _)| {
                self.write_application(xml, name);
            });
        })
    }

    /// `UpdateApplication`
    pub(super) fn update_application(&mut self, call: &Call<'_>) -> Reply {
        let name = call.parameters.required("ApplicationName")?;
        let given = call.parameters.raw("Description").is_some();
        let description = description(call.parameters)?;
        let application = self.application_mut(name)?;
        if given {
            application.description = description;
        }
        application.updated = call.now;
        self.one_application(name)
    }

    /// `DeleteApplication`: with force it takes its environments along and waits for them.
    pub(super) fn delete_application(&mut self, call: &Call<'_>) -> Reply {
        let name = call.parameters.required("ApplicationName")?.to_owned();
        let force = call.parameters.boolean("TerminateEnvByForce")?.unwrap_or(false);
        if !self.applications.contains_key(&name) {
            // The service says yes to deleting what is not there.
            return done();
        }
        let running = self.live_environments_of(&name);
        if !running.is_empty() && !force {
            return Err(errors::invalid_value(format!(
                "Unable to delete application {name} because it has running environments."
            )));
        }
        self.say_of_application(&name, call, "deleteApplication is starting.");
        for id in running {
            let Some(environment) = self.environments.get_mut(&id) else {
                continue;
            };
            if !matches!(environment.work, Some(Work::Terminate { .. })) {
                begin_termination(environment, &mut self.events, call.request_id, call.now);
            }
        }
        self.application_mut(&name)?.deleted_by = Some(call.request_id.to_owned());
        self.finish_deletions(call.now);
        done()
    }

    /// Removes applications that are to be deleted and have no environments left.
    pub(crate) fn finish_deletions(&mut self, now: Timestamp) {
        let due: Vec<(String, String)> = self
            .applications
            .iter()
            .filter_map(|(name, application)| Some((name.clone(), application.deleted_by.clone()?)))
            .filter(|(name, _)| self.live_environments_of(name).is_empty())
            .collect();
        for (name, request_id) in due {
            self.forget_saved(&name);
            self.applications.remove(&name);
            let source = Source {
                application: name,
                ..Source::default()
            };
            let message = "The application has been deleted successfully.";
            self.events.say(now, Severity::Info, source, Some(&request_id), message);
        }
    }

    fn live_environments_of(&self, application: &str) -> Vec<EnvironmentId> {
        self.environments
            .values()
            .filter(|environment| environment.is_live() && environment.application == application)
            .map(|environment| environment.id.clone())
            .collect()
    }

    fn say_of_application(&mut self, name: &str, call: &Call<'_>, message: &str) {
        let source = Source {
            application: name.to_owned(),
            ..Source::default()
        };
        self.events
            .say(call.now, Severity::Info, source, Some(call.request_id), message);
    }

    fn one_application(&self, name: &str) -> Reply {
        result(|xml| xml.element("Application", |xml| self.write_application(xml, name)))
    }

    fn write_application(&self, xml: &mut Xml, name: &str) {
        let Some(application) = self.applications.get(name) else {
            return;
        };
        xml.text("ApplicationArn", self.arn("application", name));
        xml.text("ApplicationName", name);
        xml.optional("Description", application.description.as_ref());
        xml.text("DateCreated", application.created);
        xml.text("DateUpdated", application.updated);
        xml.texts(
            "Versions",
            application.versions.iter().rev().map(|version| &version.label),
        );
        xml.texts("ConfigurationTemplates", self.saved_names(name));
        xml.element("ResourceLifecycleConfig", |xml| {
            xml.element("VersionLifecycleConfig", |xml| {
                for (rule, limit, most) in [("MaxCountRule", "MaxCount", 200), ("MaxAgeRule", "MaxAgeInDays", 180)] {
                    xml.element(rule, |xml| {
                        xml.text("Enabled", false);
                        xml.text(limit, most);
                        xml.text("DeleteSourceFromS3", false);
                    });
                }
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::World;

    #[test]
    fn an_application_is_made_once() {
        let mut world = World::empty();
        let body = world.ok(
            "CreateApplication",
            &[("ApplicationName", "shop"), ("Description", "a & b")],
        );
        assert!(
            body.contains("<CreateApplicationResult><Application><ApplicationArn>"),
            "{body}"
        );
        assert!(body.contains("<Description>a &amp; b</Description>"), "{body}");
        assert!(
            body.contains("<ConfigurationTemplates></ConfigurationTemplates>"),
            "the eb CLI needs the empty list"
        );
        let (code, message) = world.refused("CreateApplication", &[("ApplicationName", "shop")]);
        assert_eq!(
            (code.as_str(), message.as_str()),
            ("InvalidParameterValue", "Application shop already exists.")
        );
        let body = world.ok("DescribeApplications", &[("ApplicationNames.member.1", "other")]);
        assert!(body.contains("<Applications></Applications>"), "{body}");
    }

    #[test]
    fn deleting_by_force_takes_the_environments_along() {
        let mut world = World::new();
        world.launch("blue", "v1");
        world.refused("DeleteApplication", &[("ApplicationName", "shop")]);
        world.ok(
            "DeleteApplication",
            &[("ApplicationName", "shop"), ("TerminateEnvByForce", "true")],
        );
        assert_eq!(world.status("blue"), "Terminating");
        world.wait(200);
        assert!(!world.ok("DescribeApplications", &[]).contains("<ApplicationName>"));
        assert!(
            world
                .messages(&[])
                .contains(&"The application has been deleted successfully.".to_owned())
        );
    }
}
