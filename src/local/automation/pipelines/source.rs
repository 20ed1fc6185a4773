//! The S3 source: what is fetched, and how a new object is noticed.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::declaration::{Declaration, Kind};
use super::state::{ActionRun, Execution, Pipeline, Revision, Trigger};
use super::{Context, POLLS_EVERY, begin, start};
use crate::local::storage::ObjectRevision;

type Seen = BTreeMap<(String, String), Option<ObjectRevision>>;

/// Copies the object into the artifact store.
pub(super) fn fetch(execution: &Execution, run: &mut ActionRun, seen: &mut Seen, context: &Context<'_>) {
    let now = context.now;
    let value = |name: &str| run.configuration.get(name).cloned().unwrap_or_default();
    let bucket = value("S3Bucket");
    let key = execution
        .overrides
        .get(&run.action)
        .cloned()
        .unwrap_or_else(|| value("S3ObjectKey"));
    let storage = &context.account.storage;
    let Some(revision) = storage.revision(&bucket, &key) else {
        let message = if storage.has_bucket(&bucket) {
            format!("The object with key '{key}' does not exist in the bucket {bucket}.")
        } else {
            format!("The bucket {bucket} does not exist.")
        };
        return run.fail("ConfigurationError", message, now);
    };
    let id = version_id(&revision);
    let summary = format!("Amazon S3 version id: {id}");
    for (_, artifact) in &mut run.outputs {
        if !storage.copy((&bucket, &key), (&artifact.bucket, &artifact.key)) {
            let message = format!(
                "The artifact store {} cannot be written; is there such a bucket?",
                artifact.bucket
            );
            return run.fail("ConfigurationError", message, now);
        }
        artifact.revision = Some(Revision {
            action: run.action.clone(),
            id: id.clone(),
            summary: summary.clone(),
            created: revision.modified,
        });
    }
    let variables = [
        ("BucketName", bucket.clone()),
        ("ETag", revision.entity_tag.clone()),
        ("ObjectKey", key.clone()),
        ("VersionId", id),
    ];
    run.variables = variables.map(|(name, value)| (name.to_owned(), value)).into();
    run.summary = Some(summary);
    seen.insert((bucket, key), Some(revision));
    run.succeed(now);
}

/// The object's version. In a bucket without versioning, where AWS would refuse the source, it is a name for the content.
fn version_id(revision: &ObjectRevision) -> String {
    if let Some(version) = &revision.version {
        return version.clone();
    }
    let text = format!("{}@{}", revision.entity_tag, revision.modified.as_millis());
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Objects that are looked after: those whose changes start the pipeline.
fn polled(declaration: &Declaration) -> impl Iterator<Item = (String, String)> + '_ {
    let actions = declaration.stages.iter().flat_map(|stage| &stage.actions);
    let sources = actions.filter(|action| action.action_type_id.kind() == Some(Kind::Source));
    sources.filter_map(|action| {
        let value = |name: &str| action.configuration.get(name);
        let off = value("PollForSourceChanges").is_some_and(|polls| polls.eq_ignore_ascii_case("false"));
        (!off).then_some(())?;
        Some((value("S3Bucket")?.clone(), value("S3ObjectKey")?.clone()))
    })
}

/// Takes note of what is there, so that only what comes later is new.
pub(super) fn look(pipeline: &mut Pipeline, context: &Context<'_>) {
    for (bucket, key) in polled(&pipeline.declaration) {
        let revision = context.account.storage.revision(&bucket, &key);
        pipeline.seen.entry((bucket, key)).or_insert(revision);
    }
    pipeline.next_poll = context.now + context.account.timing.scale(POLLS_EVERY);
}

/// Whether anything has to be looked at from time to time.
pub(super) fn polls(pipeline: &Pipeline) -> bool {
    polled(&pipeline.declaration).next().is_some()
}

/// Looks for new objects when it is time to, and starts the pipeline for them.
pub(super) fn poll(pipeline: &mut Pipeline, context: &mut Context<'_>) {
    if pipeline.next_poll > context.now {
        return;
    }
    let pause = context.account.timing.scale(POLLS_EVERY);
    pipeline.next_poll = context.now + pause.max(std::time::Duration::from_millis(1));
    if !begin::has_room(pipeline) {
        // What is new now is found when there is room.
        return;
    }
    let declaration = std::sync::Arc::clone(&pipeline.declaration);
    let mut is_new = false;
    for place in polled(&declaration) {
        let revision = context.account.storage.revision(&place.0, &place.1);
        if revision.is_some() && pipeline.seen.get(&place) != Some(&revision) {
            pipeline.seen.insert(place, revision);
            is_new = true;
        }
    }
    if is_new {
        let trigger = Trigger {
            kind: "PollForSourceChanges".into(),
            detail: declaration.name.clone(),
        };
        start(pipeline, trigger, context);
    }
}
