//! Other people's clients against the local cloud: boto3, the AWS CLI, the eb CLI, and a DNS client that is not ours; and another emulator,
//! which is asked the same.
//!
//! They need Python with the packages of `tests/it/interop/requirements.txt`. `CUTOVER_INTEROP_PYTHON` names a Python that has
//! them; without it the tests look for them in `python3`, and say so when they are missing.

use std::io::Write;
use std::process::{Command, Output};

use cutover::local::permissions::Policy;
use serde_json::{Value, json};

use super::support::cloud::BINARY;
use super::support::project::SETTINGS;
use super::support::{Cloud, bundles};

/// A Python with the packages, or `None` where nobody promised one.
fn python() -> Option<String> {
    if let Ok(python) = std::env::var("CUTOVER_INTEROP_PYTHON") {
        return Some(python);
    }
    let found = Command::new("python3")
        .args(["-c", "import awscli, boto3, cfnlint, dns, ebcli, moto.server"])
        .output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some("python3".to_owned());
    }
    // Past the capture of output, which hides what tests print that pass.
    let _ = writeln!(
        std::io::stderr(),
        "NOT RUN: python3 has not all of awscli, awsebcli, boto3, cfn-lint, dnspython and moto; install tests/it/interop/requirements.txt, or name a Python that has them \
         in CUTOVER_INTEROP_PYTHON"
    );
    None
}

async fn run(script: &'static str, arguments: Vec<String>) {
    let Some(python) = python() else { return };
    let file = format!("{}/tests/it/interop/{script}", env!("CARGO_MANIFEST_DIR"));
    let ran = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(&python);
        // Nothing is left beside the scripts.
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.arg(file).args(arguments).output()
    });
    let Output { status, stdout, stderr } = ran.await.unwrap().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(status.success(), "{script} failed:\n{}{}", text(&stdout), text(&stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_manages_load_balancers_and_requests_follow() {
    let cloud = Cloud::start().await;
    let dns = cloud.local.dns_server();
    let arguments = vec![
        cloud.local.endpoint(),
        dns.ip().to_string(),
        dns.port().to_string(),
        cloud.local.http_port().to_string(),
        BINARY.to_owned(),
        sample(&cloud, "1"),
        sample(&cloud, "2"),
    ];
    run("balancers.py", arguments).await;
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_and_the_aws_cli_manage_alarms_that_follow_metrics() {
    let cloud = Cloud::start().await;
    let arguments = vec![cloud.local.endpoint(), BINARY.to_owned(), sample(&cloud, "1")];
    run("alarms.py", arguments).await;
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_manages_records_and_rules() {
    let cloud = Cloud::start().await;
    run("cli.py", vec![cloud.local.endpoint()]).await;
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_eb_cli_creates_deploys_swaps_and_terminates() {
    let cloud = Cloud::start().await;
    run("eb.py", vec![cloud.local.endpoint()]).await;
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flask_and_express_are_built_and_served_and_fail_as_on_aws() {
    let cloud = Cloud::start().await;
    let edge = cloud.local.edge().expect("the cloud has an edge");
    run("apps.py", vec![cloud.local.endpoint(), edge.to_string()]).await;
    cloud.end().await;
}

/// `FUZZ` says how many requests, and `FUZZ_SEED` which.
#[tokio::test(flavor = "multi_thread")]
async fn a_fuzz_of_requests_gets_answers_that_parse_and_refusals_with_codes() {
    let cloud = Cloud::start().await;
    let count = std::env::var("FUZZ").unwrap_or_else(|_| "600".to_owned());
    let seed = std::env::var("FUZZ_SEED").ok();
    run(
        "fuzz.py",
        [cloud.local.endpoint(), count].into_iter().chain(seed).collect(),
    )
    .await;
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_of_shapes_are_what_the_models_say() {
    let folder = format!("{}/src/local/shapes", env!("CARGO_MANIFEST_DIR"));
    run("constraints.py", vec![folder, "--check".to_owned()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_operations_names_all_that_are_offered() {
    run(
        "fidelity.py",
        vec![env!("CARGO_MANIFEST_DIR").to_owned(), "--check".to_owned()],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_sign_with_a_known_key_are_let_in() {
    let cloud =
        Cloud::with(|settings| settings.keys = Some("AKIDONE:secret-one,AKIDTWO:secret/two+".parse().expect("keys")))
            .await;
    run("signatures.py", vec![cloud.local.endpoint()]).await;
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_emulator_differs_only_where_it_is_known_to() {
    let cloud = Cloud::start().await;
    run("differential.py", vec![cloud.local.endpoint()]).await;
    cloud.end().await;
}

/// The path of a bundle of the sample application.
fn sample(cloud: &Cloud, version: &str) -> String {
    let file = cloud.home.path().join(format!("sample-{version}.zip"));
    std::fs::write(&file, bundles::good(version)).unwrap();
    file.to_string_lossy().into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_manages_hosted_zones_and_dns_follows() {
    let cloud = Cloud::start().await;
    let _project = cloud.project("interop").await;
    let dns = cloud.local.dns_server();
    let arguments = vec![
        cloud.local.endpoint(),
        dns.ip().to_string(),
        dns.port().to_string(),
        cloud.local.fqdn("interop"),
    ];
    run("zones.py", arguments).await;
    // The zone's own name leads to the application.
    if python().is_some() {
        let found = cloud
            .local
            .backstage()
            .look_up("example.com")
            .expect("the name is known");
        assert!(found.address.is_some() && found.chain.is_empty(), "{found:?}");
    }
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_manages_functions_and_they_run() {
    let cloud = Cloud::start().await;
    run("functions.py", vec![cloud.local.endpoint()]).await;
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_drives_a_pipeline_through_releases_and_kills() {
    let cloud = Cloud::with(|settings| settings.pace = 60.0).await;
    let seed = std::env::var("PIPELINE_SEED").unwrap_or_else(|_| "1".to_owned());
    run("pipeline.py", vec![cloud.local.endpoint(), seed]).await;
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_releases_by_our_own_function() {
    let cloud = Cloud::start().await;
    let bundle = |name: &str, content: Vec<u8>| {
        let file = cloud.home.path().join(name);
        std::fs::write(&file, content).unwrap();
        file.to_string_lossy().into_owned()
    };
    let settings = format!("application = \"shop\"\ncname = \"shop\"\n{SETTINGS}bake = \"3s\"\n")
        .replace("journal = \"journal\"", "journal = \"s3://state/releases\"")
        // Longer than one invocation, so that there are several.
        .replace("duration = \"1500ms\"", "duration = \"12s\"");
    let arguments = vec![
        cloud.local.endpoint(),
        cloud.local.dns_server().to_string(),
        cloud.local.http_port().to_string(),
        BINARY.to_owned(),
        env!("CARGO_BIN_EXE_bootstrap").to_owned(),
        bundle("cutover.toml", settings.into_bytes()),
        std::env::var("PIPELINE_SEED").unwrap_or_else(|_| "1".to_owned()),
        bundle("1.zip", bundles::good("1")),
        bundle("2.zip", bundles::good("2")),
        bundle("3.zip", bundles::bad("3")),
        bundle("4.zip", bundles::good("4")),
    ];
    hold_functions_to_the_published_policy(&cloud, &arguments[5]);
    run("released.py", arguments).await;
    cloud.end().await;
}

/// From now on functions may do what `cutover iam-policy` prints for these settings and the pipeline `shop`, and read the settings, and
/// nothing else.
fn hold_functions_to_the_published_policy(cloud: &Cloud, settings: &str) {
    let printed = Command::new(BINARY)
        .args(["iam-policy", "--config", settings, "--pipeline", "shop"])
        .args(["--account", "123456789012", "--region", "eu-central-1"])
        .output()
        .unwrap();
    let mut policy: Value =
        serde_json::from_slice(&printed.stdout).unwrap_or_else(|error| panic!("{error}: {printed:?}"));
    let settings = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::state/cutover.toml"});
    policy["Statement"].as_array_mut().unwrap().push(settings);
    let policy = Policy::parse(&policy.to_string()).unwrap();
    cloud.local.permissions().hold(Some("ASIALOCALFUNCTION000"), policy);
}

#[tokio::test]
async fn the_template_of_the_pipeline_is_clean_and_allows_what_is_published() {
    let template = format!("{}/pipeline/template.yaml", env!("CARGO_MANIFEST_DIR"));
    run("template.py", vec![BINARY.to_owned(), template]).await;
}
