//! `RequestEnvironmentInfo` and `RetrieveEnvironmentInfo`: logs of the instances, left in the service's bucket.

use std::collections::BTreeSet;
use std::io::{Cursor, Write};

use zip::write::{SimpleFileOptions, ZipWriter};

use super::super::Account;
use super::super::errors::{self, AwsError};
use super::super::state::{InfoSample, Severity};
use super::{Call, Reply, done, result};
use crate::local::plane::InstanceLogs;
use crate::local::storage::LOGS;

/// Lines of a tail.
const TAIL: usize = 100;

impl Account {
    /// `RequestEnvironmentInfo`: a text of the last lines, or an archive of all that is kept.
    pub(super) fn request_environment_info(&mut self, call: &Call<'_>) -> Reply {
        let kind = info_type(call)?.to_owned();
        let id = self.environment(call.parameters)?.id.clone();
        if let Some(environment) = self.environments.get(&id) {
            let start = "requestEnvironmentInfo is starting.";
            environment.say(&mut self.events, call.now, Severity::Info, Some(call.request_id), start);
        }
        let bucket = self.bucket();
        self.storage.ensure_bucket(&bucket);
        let millis = call.now.as_millis();
        let mut samples = Vec::new();
        for (instance, logs) in call.plane.logs(&id) {
            let (content, name) = if kind == "bundle" {
                (archive(&logs)?, format!("BundleLogs-{millis}.zip"))
            } else {
                (tail(&logs).into_bytes(), format!("TailLogs-{millis}.txt"))
            };
            let key = format!("{LOGS}{kind}/{id}/{instance}/{name}");
            self.storage.put(&bucket, &key, &content);
            samples.push(InfoSample {
                kind: kind.clone(),
                instance: instance.to_string(),
                taken: call.now,
                url: format!("{}/{bucket}/{key}", self.settings.endpoint.trim_end_matches('/')),
            });
        }
        let environment = self.environment_mut(&id)?;
        let renewed: BTreeSet<String> = samples.iter().map(|sample| sample.instance.clone()).collect();
        // One sample for each instance and kind is kept; links to older ones stay good.
        environment
            .logs
            .retain(|sample| sample.kind != kind || !renewed.contains(&sample.instance));
        environment.logs.extend(samples);
        if let Some(environment) = self.environments.get(&id) {
            let end = "Pulled logs for environment instances.";
            environment.say(&mut self.events, call.now, Severity::Info, Some(call.request_id), end);
        }
        done()
    }

    /// `RetrieveEnvironmentInfo`
    pub(super) fn retrieve_environment_info(&self, call: &Call<'_>) -> Reply {
        let kind = info_type(call)?;
        let environment = self.environment(call.parameters)?;
        let samples = environment.logs.iter().filter(|sample| sample.kind == kind);
        result(|xml| {
            xml.list("EnvironmentInfo", samples, |xml, sample| {
                xml.text("InfoType", &sample.kind);
                xml.text("Ec2InstanceId", &sample.instance);
                xml.text("SampleTimestamp", sample.taken);
                xml.text("Message", &sample.url);
            });
        })
    }
}

fn info_type<'a>(call: &Call<'a>) -> Result<&'a str, AwsError> {
    match call.parameters.required("InfoType")? {
        known @ ("tail" | "bundle") => Ok(known),
        "analyze" => Err(errors::not_implemented("InfoType=analyze")),
        unknown => {
            let rule = "Member must satisfy enum value set: [tail, bundle, analyze]";
            Err(errors::constraint(unknown, "InfoType", rule))
        }
    }
}

fn tail(logs: &InstanceLogs) -> String {
    const RULE: &str = "----------------------------------------";
    let parts = logs.iter().map(|(path, text)| {
        let lines: Vec<&str> = text.lines().collect();
        let first = lines.len().saturating_sub(TAIL);
        format!("{RULE}\n{path}\n{RULE}\n{}\n", lines[first..].join("\n"))
    });
    parts.collect::<Vec<_>>().join("\n\n")
}

/// An archive with the logs in it. Its entries have a fixed time, so that the same logs give the same bytes.
fn archive(logs: &InstanceLogs) -> Result<Vec<u8>, AwsError> {
    let write = || -> zip::result::ZipResult<Vec<u8>> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().last_modified_time(zip::DateTime::default());
        for (path, text) in logs {
            archive.start_file(path.trim_start_matches('/'), options)?;
            archive.write_all(text.as_bytes())?;
        }
        Ok(archive.finish()?.into_inner())
    };
    write().map_err(|error| AwsError {
        status: 500,
        code: "InternalFailure",
        message: format!("The logs could not be bundled: {error}. Ask for InfoType=tail instead."),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::World;

    #[test]
    fn logs_are_left_in_the_bucket() {
        let mut world = World::new();
        world.launch("blue", "v1");
        let body = world.ok(
            "RequestEnvironmentInfo",
            &[("EnvironmentName", "blue"), ("InfoType", "tail")],
        );
        let request_id = World::all(&body, "RequestId").remove(0);
        assert_eq!(
            world.messages(&[("RequestId", &request_id)])[0],
            "Pulled logs for environment instances."
        );
        let body = world.ok(
            "RetrieveEnvironmentInfo",
            &[("EnvironmentName", "blue"), ("InfoType", "tail")],
        );
        let url = World::all(&body, "Message").remove(0);
        let key = url
            .strip_prefix("http://127.0.0.1:9000/elasticbeanstalk-eu-central-1-123456789012/")
            .unwrap()
            .to_owned();
        let text = world.storage.text("elasticbeanstalk-eu-central-1-123456789012", &key);
        assert!(text.contains("a line of the log"), "{text}");
        assert_eq!(World::all(&body, "Ec2InstanceId").len(), 1);
        let body = world.ok(
            "RetrieveEnvironmentInfo",
            &[("EnvironmentName", "blue"), ("InfoType", "bundle")],
        );
        assert!(World::all(&body, "Message").is_empty());
    }

    #[test]
    fn a_bundle_is_an_archive() {
        let logs = vec![("/var/log/web.stdout.log".to_owned(), "a line\n".to_owned())];
        let content = super::archive(&logs).unwrap();
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(content)).unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut archive.by_index(0).unwrap(), &mut text).unwrap();
        assert_eq!(text, "a line\n");
    }
}
