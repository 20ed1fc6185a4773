//! Where the settings come from: an object of S3, or a file in the artifact; and what the action's own settings say.

use std::path::Path;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::Failure;
use crate::aws::{Aws, Fault};
use crate::compose::{Project, Until, Whereabouts};
use crate::model::{ApplicationName, SlotName};
use crate::release::Execution;
use crate::spec::{JournalPlace, Spec};

/// The file in the artifact that holds the settings if nothing else is said.
pub(super) const DEFAULT: &str = "cutover.toml";

/// `UserParameters` of the action: a JSON object of at most 1000 characters.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    /// The settings: `s3://BUCKET/KEY`, or a file in the artifact. Default: `cutover.toml` in the artifact.
    pub(super) config: Option<String>,
    /// The input artifact that is released, if there are several.
    pub(super) artifact: Option<String>,
    /// The pipeline's name.
    pipeline: Option<String>,
    /// `#{codepipeline.PipelineExecutionId}`: an execution that is stopped takes its release back.
    execution: Option<String>,
    /// When the action is over: `over` (the default), when blue is removed, or `promoted`, before that.
    #[serde(default)]
    pub(super) until: Until,
    /// Where the settings lead to.
    #[serde(default, deserialize_with = "place")]
    pub(super) at: Option<Whereabouts>,
}

/// Where the settings lead to, said beside them: a release that is under way is found by that although they have changed since, or
/// cannot be read any more.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    application: ApplicationName,
    slot: SlotName,
    journal: JournalPlace,
    region: Option<String>,
}

/// Reads `at`. Unlike in a token, which a newer function may have written, everything in it must be known.
pub(super) fn place<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Whereabouts>, D::Error> {
    let at = At::deserialize(from)?;
    if matches!(at.journal, JournalPlace::Directory(_)) {
        return Err(D::Error::custom(format!(
            "`at.journal` is \"{}\": it must be on S3 (s3://BUCKET/PREFIX), as `journal` in the settings",
            at.journal
        )));
    }
    Ok(Some(Whereabouts {
        application: at.application,
        slot: at.slot,
        journal: at.journal,
        region: at.region,
    }))
}

impl Parameters {
    /// Reads them; what is wrong is named by its field.
    pub(super) fn read(text: Option<&str>) -> Result<Self, Failure> {
        let text = text.map(str::trim).filter(|text| !text.is_empty()).unwrap_or("{}");
        let parameters: Self = serde_json::from_str(text)
            .map_err(|error| Failure::configuration(format!("UserParameters of the action: {error}")))?;
        let empty = |field: &str, value: Option<&String>| match value {
            Some(value) if value.trim().is_empty() => Err(Failure::configuration(format!(
                "UserParameters of the action: `{field}` is empty; leave it out or say what is meant"
            ))),
            _ => Ok(()),
        };
        empty("config", parameters.config.as_ref())?;
        empty("artifact", parameters.artifact.as_ref())?;
        empty("pipeline", parameters.pipeline.as_ref())?;
        empty("execution", parameters.execution.as_ref())?;
        // One alone would leave it unsaid that a stop of the execution takes nothing back.
        let alone = match (&parameters.pipeline, &parameters.execution) {
            (None, Some(_)) => Some("`execution` without `pipeline`; name the pipeline, too"),
            (Some(_), None) => Some(
                "`pipeline` without `execution`; add \"execution\":\"#{codepipeline.PipelineExecutionId}\", so that an execution that is \
                 stopped takes its release back",
            ),
            _ => None,
        };
        if let Some(wrong) = alone {
            return Err(Failure::configuration(format!("UserParameters of the action: {wrong}")));
        }
        if let Some(unresolved) = parameters.execution.as_ref().filter(|id| id.contains("#{")) {
            return Err(Failure::configuration(format!(
                "UserParameters of the action: `execution` is {unresolved:?}, which the pipeline has not resolved; it is \
                 \"#{{codepipeline.PipelineExecutionId}}\" in pipelines of type V2"
            )));
        }
        Ok(parameters)
    }

    /// The execution that the action is part of, if it is known.
    pub(super) fn execution(&self) -> Option<Execution> {
        Some(Execution {
            pipeline: self.pipeline.clone()?,
            id: self.execution.clone()?,
        })
    }
}

/// Where settings are.
#[derive(Debug, PartialEq, Eq)]
pub enum SettingsPlace {
    /// In a bucket.
    Object {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
    /// In the artifact.
    File(String),
}

impl SettingsPlace {
    /// What somebody has written.
    pub(super) fn read(text: Option<&str>) -> Result<Self, Failure> {
        let text = text.unwrap_or(DEFAULT);
        if !text.starts_with("s3://") {
            return Ok(Self::File(text.to_owned()));
        }
        let (bucket, key) = object(text).ok_or_else(|| {
            Failure::configuration(format!(
                "`config` is {text:?}, which names no object: write s3://BUCKET/KEY"
            ))
        })?;
        Ok(Self::Object { bucket, key })
    }
}

/// Bucket and key of `s3://BUCKET/KEY`.
pub(super) fn object(text: &str) -> Option<(String, String)> {
    let (bucket, key) = text.strip_prefix("s3://")?.split_once('/')?;
    let named = !bucket.is_empty() && !key.is_empty() && !key.ends_with('/');
    named.then(|| (bucket.to_owned(), key.to_owned()))
}

/// Reads the settings. `artifact` is the file of the artifact, for settings that lie in it.
pub(super) async fn project(aws: &Aws, place: &SettingsPlace, artifact: Option<&Path>) -> Result<Project, Failure> {
    let (name, text) = match (place, artifact) {
        (SettingsPlace::Object { bucket, key }, _) => {
            let name = format!("s3://{bucket}/{key}");
            let missing = || Failure::configuration(format!("there are no settings at {name}; put cutover.toml there"));
            let read = aws.object(bucket, key).await;
            let content = read
                .map_err(|error| {
                    let (object, reader) = ((bucket.as_str(), key.as_str()), "the function's role");
                    Failure::of_read("reading the settings", object, reader, &error, Fault::Configuration)
                })?
                .ok_or_else(missing)?;
            let text = String::from_utf8(content.to_vec())
                .map_err(|_| Failure::configuration(format!("the settings {name} are not text")))?;
            (name, text)
        }
        (SettingsPlace::File(name), Some(artifact)) => {
            let read = crate::bundle::text(artifact, name).map_err(|why| Failure::new(Fault::Artifact, why))?;
            let text = read.ok_or_else(|| {
                Failure::configuration(format!(
                    "the artifact holds no {name}; put it there, or name the settings by `config` in UserParameters"
                ))
            })?;
            (name.clone(), text)
        }
        (SettingsPlace::File(name), None) => {
            return Err(Failure::configuration(format!(
                "`config` is {name:?}, and there is no artifact that could hold it: write s3://BUCKET/KEY"
            )));
        }
    };
    let spec = Spec::parse(&name, &text).map_err(|error| Failure::configuration(error.render(false, 100)))?;
    let project = Project::new(spec, super::artifact::folder(), None);
    if matches!(project.journal, JournalPlace::Directory(_)) {
        return Err(Failure::configuration(format!(
            "{name}: `journal` must be on S3 (s3://BUCKET/PREFIX): what a function writes to its disk is lost with it"
        )));
    }
    Ok(project)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_are_wrong_are_named() {
        let wrong = |text: &str| {
            let failure = Parameters::read(Some(text)).unwrap_err();
            assert_eq!(failure.fault, Fault::Configuration);
            failure.message
        };
        assert!(wrong("config: s3://b/k").contains("UserParameters"));
        assert!(wrong(r#"{"confg":"s3://b/k"}"#).contains("`confg`"));
        assert!(wrong(r#"{"config":""}"#).contains("`config` is empty"));
        assert!(wrong(r#"{"until":"soon"}"#).contains("`soon`"));
        assert!(wrong(r#"{"execution":"1"}"#).contains("`execution` without `pipeline`"));
        assert!(wrong(r#"{"pipeline":"p"}"#).contains("`pipeline` without `execution`"));
        assert!(wrong(r##"{"pipeline":"p","execution":"#{x}"}"##).contains("not resolved"));
        let at = |journal: &str| {
            format!(
                r#"{{"at":{{"application":"shop","slot":"production","journal":"{journal}","regoin":"eu-west-1"}}}}"#
            )
        };
        assert!(wrong(&at("s3://state/journal")).contains("`regoin`"));
        assert!(wrong(&at("journal").replace("regoin", "region")).contains("must be on S3"));
        let at = at("s3://state/journal").replace("regoin", "region");
        let at = Parameters::read(Some(&at)).unwrap().at.unwrap();
        assert_eq!(
            at.to_string(),
            "shop/production in s3://state/journal and region eu-west-1"
        );
        let said = Parameters::read(Some(r#"{"pipeline":"p","execution":"1","until":"promoted"}"#)).unwrap();
        assert_eq!(
            (said.until, said.execution().unwrap().id.as_str()),
            (Until::Promoted, "1")
        );
        assert_eq!(Parameters::read(None).unwrap(), Parameters::read(Some("  ")).unwrap());
    }

    #[test]
    fn settings_are_an_object_or_a_file_of_the_artifact() {
        let object = SettingsPlace::Object {
            bucket: "b".to_owned(),
            key: "a/cutover.toml".to_owned(),
        };
        assert_eq!(SettingsPlace::read(Some("s3://b/a/cutover.toml")).unwrap(), object);
        assert_eq!(
            SettingsPlace::read(None).unwrap(),
            SettingsPlace::File(DEFAULT.to_owned())
        );
        for broken in ["s3://", "s3://b", "s3://b/", "s3:///k", "s3://b/folder/"] {
            assert!(SettingsPlace::read(Some(broken)).is_err(), "{broken}");
        }
    }
}
