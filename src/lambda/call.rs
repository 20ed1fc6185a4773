//! What an invocation asks for. Nothing here can be printed: events hold credentials.

use serde::Deserialize;
use serde_json::Value;

use super::Failure;
use super::settings::place;
use crate::aws::Session;
use crate::compose::Whereabouts;
use crate::model::Share;
use crate::release::DrillKind;

/// What is asked for.
pub(super) enum Call {
    /// A job of CodePipeline.
    Job(Box<Job>),
    /// A release, by whoever may invoke the function.
    Release(ReleaseCall),
    /// To go on with whatever release of the slot nobody drives.
    Watch(WatchCall),
    /// A drill.
    Drill(DrillCall),
}

/// A release that is asked for directly.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReleaseCall {
    /// The settings: `s3://BUCKET/KEY`, or a file in the artifact.
    pub(super) config: Option<String>,
    /// The bundle: `s3://BUCKET/KEY`.
    pub(super) artifact: String,
    /// By this a request that comes twice is known. Default: the invocation's own id.
    pub(super) request: Option<String>,
    /// Where the settings lead to.
    #[serde(default, deserialize_with = "place")]
    pub(super) at: Option<Whereabouts>,
}

/// A slot whose release is gone on with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WatchCall {
    /// The settings: `s3://BUCKET/KEY`.
    pub(super) config: String,
    /// Where they lead to.
    #[serde(default, deserialize_with = "place")]
    pub(super) at: Option<Whereabouts>,
}

/// A drill, which a schedule asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DrillCall {
    /// The settings: `s3://BUCKET/KEY`.
    pub(super) config: String,
    /// What it proves.
    pub(super) kind: DrillKind,
    /// The most traffic that green gets.
    pub(super) max_share: Option<Share>,
}

/// A job, as CodePipeline sends it.
///
/// Source: "Invoke an AWS Lambda function in a pipeline in CodePipeline" of its User Guide, "Example JSON event".
#[derive(Deserialize)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Data {
    action_configuration: ActionConfiguration,
    #[serde(default)]
    pub(super) input_artifacts: Vec<InputArtifact>,
    artifact_credentials: Option<ArtifactCredentials>,
    pub(super) continuation_token: Option<String>,
}

#[derive(Deserialize)]
struct ActionConfiguration {
    configuration: Configuration,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(rename = "UserParameters")]
    user_parameters: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct InputArtifact {
    pub(super) name: String,
    location: ArtifactLocation,
}

#[derive(Deserialize)]
struct ArtifactLocation {
    #[serde(rename = "s3Location")]
    s3: Option<ObjectLocation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectLocation {
    bucket_name: String,
    object_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactCredentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

impl Job {
    /// What the action's settings say to this function.
    pub(super) fn user_parameters(&self) -> Option<&str> {
        self.data.action_configuration.configuration.user_parameters.as_deref()
    }

    /// The credentials by which its artifacts are read.
    pub(super) fn session(&self) -> Option<Session> {
        let credentials = self.data.artifact_credentials.as_ref()?;
        Some(Session {
            key: credentials.access_key_id.clone(),
            secret: credentials.secret_access_key.clone(),
            token: credentials.session_token.clone(),
        })
    }
}

impl InputArtifact {
    /// Bucket and key.
    pub(super) fn place(&self) -> Option<(&str, &str)> {
        let place = self.location.s3.as_ref()?;
        Some((&place.bucket_name, &place.object_key))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Direct {
    Release(ReleaseCall),
    Watch(WatchCall),
    Drill(DrillCall),
}

impl Call {
    /// Id of the job that an event brings, and its continuation token, even where the rest of it cannot be read.
    pub(super) fn job_of(event: &Value) -> Option<(String, Option<String>)> {
        let job = event.get("CodePipeline.job")?;
        let token = job.pointer("/data/continuationToken").and_then(Value::as_str);
        Some((job.get("id")?.as_str()?.to_owned(), token.map(str::to_owned)))
    }

    /// Reads an event. What is wrong with a job, which holds credentials, is said without repeating it.
    pub(super) fn read(mut event: Value) -> Result<Self, Failure> {
        const FORMS: &str = "it must be {\"CodePipeline.job\": …}, {\"cutover\": {\"release\": {\"artifact\": \"s3://…\"}}}, \
                             {\"cutover\": {\"drill\": {\"kind\": \"rollback\", \"config\": \"s3://…\"}}} \
                             or {\"cutover\": {\"watch\": {\"config\": \"s3://…\"}}}";
        let taken = |event: &mut Value, key: &str| event.get_mut(key).map(Value::take);
        if let Some(job) = taken(&mut event, "CodePipeline.job") {
            let job = serde_json::from_value(job).map_err(|error| unfit("job of CodePipeline", &error))?;
            return Ok(Self::Job(Box::new(job)));
        }
        let Some(direct) = taken(&mut event, "cutover") else {
            return Err(Failure::configuration(format!(
                "this event is not for cutover: {FORMS}"
            )));
        };
        let direct = serde_json::from_value(direct)
            .map_err(|error| Failure::configuration(format!("the event cannot be read: {error}; {FORMS}")))?;
        match direct {
            Direct::Release(wanted) => Ok(Self::Release(wanted)),
            Direct::Watch(wanted) => Ok(Self::Watch(wanted)),
            Direct::Drill(wanted) => Ok(Self::Drill(wanted)),
        }
    }
}

/// Names what is missing or unknown, and never a value: errors about types and unknown variants repeat what they found.
fn unfit(what: &str, error: &serde_json::Error) -> Failure {
    let text = error.to_string();
    let harmless = ["missing field", "unknown field"]
        .iter()
        .any(|start| text.starts_with(start));
    let why = if harmless {
        text
    } else {
        "something has the wrong form".to_owned()
    };
    Failure::configuration(format!("the {what} cannot be read: {why}"))
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(in super::super) fn event(parameters: &str, token: Option<&str>) -> Value {
        let mut event = json!({ "CodePipeline.job": {
            "id": "11111111-abcd-1111-abcd-111111abcdef",
            "accountId": "123456789012",
            "data": {
                "actionConfiguration": { "configuration": { "FunctionName": "release", "UserParameters": parameters } },
                "inputArtifacts": [{
                    "name": "Built", "revision": null,
                    "location": { "type": "S3", "s3Location": { "bucketName": "artifacts", "objectKey": "shop/Built/1.zip" } },
                }],
                "outputArtifacts": [],
                "artifactCredentials": {
                    "accessKeyId": "AKIAEXAMPLE", "secretAccessKey": "hunter2", "sessionToken": "hunter3", "expirationTime": 1,
                },
                "encryptionKey": { "id": "arn:aws:kms:eu-central-1:123456789012:key/1", "type": "KMS" },
            },
        }});
        if let Some(token) = token {
            event["CodePipeline.job"]["data"]["continuationToken"] = json!(token);
        }
        event
    }

    #[test]
    fn a_job_is_read_as_code_pipeline_sends_it() {
        let Ok(Call::Job(job)) = Call::read(event("{}", Some("a-token"))) else {
            panic!("it is a job");
        };
        assert_eq!(job.user_parameters(), Some("{}"));
        assert_eq!(job.data.continuation_token.as_deref(), Some("a-token"));
        assert_eq!(
            job.data.input_artifacts[0].place(),
            Some(("artifacts", "shop/Built/1.zip"))
        );
        let session = job.session().unwrap();
        assert_eq!(
            (session.secret.as_str(), session.token.as_deref()),
            ("hunter2", Some("hunter3"))
        );
        assert!(!format!("{session:?}").contains("hunter"));
    }

    #[test]
    fn what_cannot_be_read_is_said_without_what_it_holds() {
        let failure = |event: Value| match Call::read(event) {
            Ok(_) => panic!("it cannot be read"),
            Err(failure) => failure.message,
        };
        let mut broken = event("{}", None);
        broken["CodePipeline.job"]["data"]["artifactCredentials"] = json!("hunter2");
        let said = failure(broken);
        assert!(!said.contains("hunter2") && said.contains("job"), "{said}");
        let mut without = event("{}", None);
        without["CodePipeline.job"].as_object_mut().unwrap().remove("id");
        assert!(failure(without).contains("missing field `id`"));
        assert!(failure(json!({ "detail-type": "Scheduled Event" })).contains("not for cutover"));
        assert!(failure(json!({ "cutover": { "watch": { "confg": "x" } } })).contains("unknown field `confg`"));
        assert!(failure(json!({ "cutover": { "wach": {} } })).contains("watch"));
        let elsewhere = json!({ "application": "shop", "slot": "production", "journal": "journal" });
        let watch = json!({ "config": "s3://b/cutover.toml", "at": elsewhere });
        assert!(failure(json!({ "cutover": { "watch": watch } })).contains("must be on S3"));
        let drill = json!({ "cutover": { "drill": { "kind": "rolback", "config": "s3://b/cutover.toml" } } });
        assert!(failure(drill).contains("`rolback`"));
    }

    #[test]
    fn a_job_that_cannot_be_read_has_an_id_all_the_same() {
        let id = "11111111-abcd-1111-abcd-111111abcdef";
        let mut broken = event("{}", None);
        broken["CodePipeline.job"]["data"] = json!("gone");
        assert_eq!(Call::job_of(&broken), Some((id.to_owned(), None)));
        assert!(Call::read(broken).is_err());
        // What it goes on with is not lost.
        let mut odd = event("{}", None);
        odd["CodePipeline.job"]["data"] = json!({ "continuationToken": "7", "inputArtifacts": 7 });
        assert_eq!(Call::job_of(&odd), Some((id.to_owned(), Some("7".to_owned()))));
        assert!(Call::read(odd).is_err());
        assert_eq!(Call::job_of(&json!({ "cutover": {} })), None);
    }

    #[test]
    fn a_direct_call_names_what_it_wants() {
        let wanted = json!({ "cutover": { "release": { "artifact": "s3://b/k.zip", "request": "42" } } });
        let Ok(Call::Release(wanted)) = Call::read(wanted) else {
            panic!("it is a release");
        };
        assert_eq!(
            (wanted.artifact.as_str(), wanted.request.as_deref()),
            ("s3://b/k.zip", Some("42"))
        );
        assert!(matches!(
            Call::read(json!({ "cutover": { "watch": { "config": "s3://b/cutover.toml" } } })),
            Ok(Call::Watch(_))
        ));
    }

    #[test]
    fn the_examples_beside_the_template_are_understood() {
        let read = |text: &str| Call::read(serde_json::from_str(text).unwrap());
        let Ok(Call::Job(job)) = read(include_str!("../../pipeline/events/job.json")) else {
            panic!("it is a job");
        };
        assert!(crate::lambda::settings::Parameters::read(job.user_parameters()).is_ok());
        let drill = read(include_str!("../../pipeline/events/drill.json"));
        assert!(matches!(drill, Ok(Call::Drill(_))));
        let watch = read(include_str!("../../pipeline/events/watch.json"));
        assert!(matches!(watch, Ok(Call::Watch(watch)) if watch.at.is_some()));
        let release = read(include_str!("../../pipeline/events/release.json"));
        assert!(matches!(release, Ok(Call::Release(_))));
    }
}
