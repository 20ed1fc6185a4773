//! Pools and what they are handed, without processes.

use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::local::automation::{RunId, Runtime};
use crate::model::SystemClock;

fn start(data: &std::path::Path) -> LiveFunctions {
    LiveFunctions::start(FunctionSettings {
        data: data.to_owned(),
        keeper: vec!["/bin/false".into()],
        endpoint: "http://127.0.0.1:9000".to_owned(),
        clock: Arc::new(SystemClock),
    })
    .unwrap()
}

/// A deployment whose package is not there.
fn deployed(revision: u64) -> Arc<Deployed> {
    Arc::new(Deployed {
        name: "release".to_owned(),
        arn: "arn:aws:lambda:eu-central-1:123456789012:function:release".to_owned(),
        revision,
        runtime: Runtime::Provided("provided.al2023".to_owned()),
        handler: "bootstrap".to_owned(),
        timeout: Duration::from_secs(3),
        memory_mb: 128,
        environment: BTreeMap::new(),
        package: PathBuf::from("/nowhere/package.zip"),
        region: "eu-central-1".to_owned(),
    })
}

fn run(revision: u64) -> Run {
    Run {
        id: RunId(revision),
        function: deployed(revision),
        request_id: format!("request-{revision}"),
        payload: b"{}".to_vec(),
        client_context: None,
    }
}

/// A job, and where its end is told.
fn job() -> (Job, mpsc::Receiver<RunEnd>) {
    let (tell, told) = mpsc::channel();
    (Job::new(run(1), Box::new(move |end| tell.send(end).unwrap())), told)
}

#[test]
fn an_invocation_that_is_lost_is_told_as_a_failure() {
    let (job, told) = job();
    drop(job);
    let RunEnd::Failed(document) = told.recv().unwrap() else {
        panic!("it was never carried out");
    };
    assert!(String::from_utf8(document).unwrap().contains("request-1"));
    assert!(told.recv().is_err(), "it is told once");
}

#[tokio::test]
async fn a_worker_that_leaves_takes_what_it_was_handed() {
    let folder = tempfile::tempdir().unwrap();
    let functions = start(folder.path());
    functions.keep(&[deployed(1)]);
    let pool = functions.lock().pool(&deployed(1), &functions.tools);
    let mut jobs = pool.wait(7).unwrap();
    let (job, told) = job();
    assert!(pool.hand_over(job).is_ok());
    // Its code is replaced, and it has waited for long.
    pool.retire();
    pool.leave(7);
    jobs.try_recv().unwrap().finish(RunEnd::Answered(b"1".to_vec()));
    assert_eq!(told.recv(), Ok(RunEnd::Answered(b"1".to_vec())));
    assert!(pool.wait(7).is_none(), "there will be none any more");
}

#[tokio::test]
async fn code_that_is_served_no_more_begins_no_life_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let functions = start(folder.path());
    let pool = |revision| functions.lock().pool(&deployed(revision), &functions.tools);
    functions.keep(&[deployed(1)]);
    let old = pool(1);
    assert!(old.wait(1).is_some());
    functions.keep(&[deployed(2)]);
    // An invocation that began a moment before finds the workers that there are.
    assert!(Arc::ptr_eq(&old, &pool(1)));
    let task_root = old.site.task_root();
    drop(old);
    // One that comes later finds new ones, in another folder, and they end with what they do.
    let late = pool(1);
    assert_ne!(late.site.task_root(), task_root);
    assert!(late.wait(2).is_none());
    assert!(pool(2).wait(3).is_some());
}

#[tokio::test]
async fn files_of_replaced_code_go_with_its_last_worker() {
    let folder = tempfile::tempdir().unwrap();
    let functions = start(folder.path());
    functions.keep(&[deployed(1)]);
    let worker = functions.lock().pool(&deployed(1), &functions.tools);
    let task_root = worker.site.task_root();
    std::fs::create_dir_all(&task_root).unwrap();
    let log = worker.site.log(1);
    std::fs::write(&log, "said\n").unwrap();
    functions.keep(&[deployed(2)]);
    assert!(task_root.exists(), "it is still at work");
    drop(worker);
    let gone = async {
        while task_root.parent().unwrap().exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.unwrap();
    assert!(log.exists(), "logs stay");
}

#[tokio::test]
async fn what_cannot_be_started_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let functions = start(folder.path());
    functions.keep(&[deployed(1)]);
    let (tell, told) = oneshot::channel();
    functions.begin(run(1), Box::new(move |end| tell.send(end).unwrap()));
    let RunEnd::Failed(document) = told.await.unwrap() else {
        panic!("there is nothing to run");
    };
    assert!(
        String::from_utf8(document)
            .unwrap()
            .contains("Runtime.InvalidEntrypoint")
    );
    functions.shutdown().await;
    let (tell, told) = oneshot::channel();
    functions.begin(run(1), Box::new(move |end| tell.send(end).unwrap()));
    assert!(matches!(told.await, Ok(RunEnd::Failed(_))), "the cloud is ending");
}
