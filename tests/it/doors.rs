//! The same cloud through both doors: over a socket, and in this process.

use std::path::Path;
use std::sync::Arc;

use cutover::aws::{Aws, AwsSettings};
use cutover::compose::InProcessCloud;
use cutover::local::cloud::{CloudSettings, LocalCloud};
use cutover::model::{ApplicationName, SystemClock};

async fn cloud(data: &Path) -> LocalCloud {
    let settings = CloudSettings {
        data: data.to_path_buf(),
        program: env!("CARGO_BIN_EXE_cutover").into(),
        ..CloudSettings::default()
    };
    LocalCloud::start(settings, Arc::new(SystemClock))
        .await
        .expect("the cloud starts")
}

fn settings(cloud: &LocalCloud) -> AwsSettings {
    AwsSettings {
        region: Some(cloud.region().to_owned()),
        keys: Some(("key".to_owned(), "secret".to_owned())),
        ..AwsSettings::default()
    }
}

/// Folders that somebody has of the same names as a cloud's.
#[tokio::test(flavor = "multi_thread")]
async fn other_peoples_folders_survive_a_cloud_and_its_reset() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let theirs = ["packages/shop", "functions/release", "objects/x", "live/y"].map(|name| home.path().join(name));
    for folder in &theirs {
        std::fs::create_dir_all(folder).expect("the folder is made");
    }
    let binary = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cutover"));
        let command = command.env("XDG_RUNTIME_DIR", "").env("TMPDIR", home.path());
        let ran = command
            .arg("cloud")
            .args(arguments)
            .arg("--data")
            .arg(home.path())
            .output();
        let ran = ran.expect("the program runs");
        let told = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(1), "{told}");
        assert!(told.contains(".cutover-cloud"), "{told}");
    };
    binary(&["--port", "0", "--dns-port", "0", "--http-port", "0", "--edge-port", "0"]);
    binary(&["reset"]);
    assert!(theirs.iter().all(|folder| folder.is_dir()));

    // A cloud's own folder is cleared, by whichever name.
    let data = tempfile::tempdir().expect("a temporary folder");
    cloud(data.path()).await.shutdown().await;
    assert!(data.path().join("functions").is_dir());
    cutover::local::folder::clear(data.path()).expect("it is a cloud's");
    assert_eq!(std::fs::read_dir(data.path()).expect("it is there").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_through_one_door_is_seen_through_the_other() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let cloud = cloud(data.path()).await;
    let inside = AwsSettings {
        in_process: Some(Arc::new(InProcessCloud::new(cloud.door()))),
        ..settings(&cloud)
    };
    let inside = Aws::connect(&inside).await;
    let outside = AwsSettings {
        endpoint: Some(cloud.endpoint()),
        ..settings(&cloud)
    };
    let outside = Aws::connect(&outside).await;

    let shop = ApplicationName::from("shop");
    assert_eq!(outside.templates(&shop).await.expect("the socket answers"), None);
    inside
        .create_application(&shop)
        .await
        .expect("the call in process is taken");
    let seen = outside.templates(&shop).await.expect("the socket answers");
    assert!(
        seen.is_some(),
        "the application made in process is not seen over the socket"
    );
    assert_eq!(inside.account_id().await, outside.account_id().await);

    // S3 as well: a bundle of several parts goes in by one door and is found by the other.
    let bucket = inside.create_storage_location().await.expect("the bucket is made");
    let file = data.path().join("bundle.zip");
    std::fs::write(&file, vec![7; 20 * 1024 * 1024]).expect("the file is written");
    inside
        .upload(&file, &bucket, "some/key.zip", &|_, _| {})
        .await
        .expect("the upload is taken");
    assert_eq!(outside.object_exists(&bucket, "some/key.zip").await, Ok(true));
    assert_eq!(outside.object_exists(&bucket, "other").await, Ok(false));
    // An error is the same error through both.
    let twice = inside
        .create_application(&shop)
        .await
        .expect_err("there is one already");
    assert_eq!(
        twice,
        outside
            .create_application(&shop)
            .await
            .expect_err("there is one already")
    );
    cloud.shutdown().await;
}
