//! Everything that can be wrong before a release: each is told with what to do next, and nothing is changed.

use cutover::model::EnvironmentId;

use crate::support::child::Ended;
use crate::support::cloud::deploy;
use crate::support::proxy::Gate;
use crate::support::{Cloud, Fault, MOMENT, Project, bundles, turn, until};

/// The exit code for a wrong command line, environment or `cutover.toml`.
const USAGE: i32 = 2;
/// The exit code for problems found before anything was changed.
const REFUSED: i32 = 3;

/// Runs a release that has to be refused in these words, with nothing changed, and no release begun.
async fn refused(project: &Project, arguments: &[&str], code: i32, words: &[&str]) -> Ended {
    let before = project.proxy.changes();
    let ended = project.start(arguments).end(MOMENT).await;
    let ended = ended.with(code).saying(words);
    assert_eq!(
        project.proxy.changes(),
        before,
        "something was changed: {}",
        ended.said()
    );
    assert_eq!(project.events(1).len(), 0, "a release was begun: {}", ended.said());
    assert!(!ended.said().contains("test-secret"), "{}", ended.said());
    assert!(!ended.said().contains("panicked"), "{}", ended.said());
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_says_what_would_be_done_and_changes_nothing() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = cloud.project("planned").await;
    project.write("good.zip", bundles::good("2"));
    let dry = ["release", "--artifact", "good.zip", "--dry-run"];
    let planned = refused(
        &project,
        &dry,
        0,
        &["Release planned/production/1", "nothing was changed"],
    )
    .await;
    assert!(!planned.said().contains("does not pass"), "{}", planned.said());
    project.settings(&[("/health", "/nowhere")]);
    let noted = [
        "the live environment planned-first",
        "does not pass the smoke checks",
        "GET /nowhere",
    ];
    refused(&project, &dry, 0, &noted).await;
    let as_json = [&dry[..], &["--json"]].concat();
    let told = refused(&project, &as_json, 0, &["\"dry_run\":true"]).await.lines();
    assert_eq!(told[0]["plan"]["green_name"], "planned-production-r1");
    assert_eq!(told[0]["blue"]["name"], "planned-first");
    let missing = ["release", "--artifact", "missing.zip", "--dry-run"];
    refused(&project, &missing, REFUSED, &["there is no such file"]).await;
    cloud.end().await;
}

/// The name of a file, what is in it if it is there, and what is said of it.
type Bundle = (&'static str, Option<Vec<u8>>, &'static [&'static str]);

const RELEASE: [&str; 3] = ["release", "--artifact", "good.zip"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_bundles() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = cloud.project("bundles").await;
    let web = "web: ./run\n";
    let cases: [Bundle; 9] = [
        (
            "missing.zip",
            None,
            &["there is no such file", "build the bundle first", "--artifact"],
        ),
        ("empty.zip", Some(Vec::new()), &["not a zip", "zip -r"]),
        ("text.zip", Some(b"hello".to_vec()), &["not a zip", "zip -r"]),
        (
            "torn.zip",
            Some(bundles::good("1")[..200].to_vec()),
            &["the zip is damaged", "make it or download it again"],
        ),
        (
            "nothing.zip",
            Some(bundles::zipped(&[])),
            &["the zip holds no files", "zip the application's folder"],
        ),
        (
            "parent.zip",
            Some(bundles::zipped(&[("shop/Procfile", web), ("shop/run", "x")])),
            &[
                "lies in the folder `shop/`",
                "zip the content of the folder",
                "cd shop && zip",
            ],
        ),
        (
            "escape.zip",
            Some(bundles::zipped(&[("Procfile", web), ("../../etc/passwd", "x")])),
            &["lead out of the bundle", "../../etc/passwd", "relative paths only"],
        ),
        (
            "no-procfile.zip",
            Some(bundles::zipped(&[("readme.txt", "x"), ("b.txt", "y")])),
            &["nothing at the top says how to start", "write a `Procfile`"],
        ),
        (
            "no-web.zip",
            Some(bundles::zipped(&[("Procfile", "worker: ./run\n"), ("run", "x")])),
            &["no line `web: <command>`", "worker"],
        ),
    ];
    for (name, content, words) in cases {
        if let Some(content) = content {
            project.write(name, content);
        }
        let ended = refused(&project, &["release", "--artifact", name], REFUSED, words).await;
        ended.saying(&[name, "nothing was changed; 1 problem:"]);
    }
    std::fs::create_dir(project.path("folder")).unwrap();
    let folder = ["release", "--artifact", "folder"];
    refused(&project, &folder, REFUSED, &["there are no files to zip", "folder"]).await;
    refused(
        &project,
        &["release"],
        USAGE,
        &["nothing to release", "--artifact", "artifact.path"],
    )
    .await;
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_settings() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = Project::new(&cloud, "settings").await;
    project.write("good.zip", bundles::good("2"));
    let head = "application = \"shop\"\ncname = \"shop\"\n";
    let cases: [(&str, String, &[&str]); 10] = [
        ("a syntax error", format!("{head}[bake\n"), &["cutover.toml:3"]),
        (
            "an unknown key",
            format!("{head}[bake]\ndurration = \"5m\"\n"),
            &["unknown key `bake.durration`", "did you mean `duration`?"],
        ),
        (
            "an unknown key at the top",
            format!("{head}flavour = 1\n"),
            &["unknown key `flavour`", "known here"],
        ),
        (
            "no application",
            "cname = \"shop\"\n".to_owned(),
            &["`application` is missing"],
        ),
        (
            "no name",
            "application = \"shop\"\n".to_owned(),
            &["`cname` is missing"],
        ),
        (
            "an empty application",
            head.replacen("shop", "", 1),
            &["`application` must have 1 to 100 characters", "console"],
        ),
        (
            "a name of another kind",
            head.replace("cname = \"shop\"", "cname = \"www.example.com\""),
            &["`cname`", "public_url"],
        ),
        (
            "no length of time",
            format!("{head}[bake]\nduration = \"ten\"\n"),
            &["bake.duration", "ten"],
        ),
        (
            "a number where a text belongs",
            format!("{head}region = 5\n"),
            &["region"],
        ),
        (
            "several at once",
            format!("{head}lever = \"magic\"\n[bake]\nfail = 0\n[drain]\nquiet = \"9h\"\n"),
            &["lever", "`bake.fail` must be 1 or more", "`drain.quiet`", "cname-swap"],
        ),
    ];
    for (what, text, words) in cases {
        project.write("cutover.toml", text);
        let ended = refused(&project, &RELEASE, USAGE, words).await;
        assert!(ended.stderr.contains("cutover.toml"), "{what}: {}", ended.said());
        assert!(ended.stdout.is_empty(), "{what}: {}", ended.said());
    }
    std::fs::remove_file(project.path("cutover.toml")).unwrap();
    refused(&project, &RELEASE, USAGE, &["cutover.toml", "no such file"]).await;
    let other = ["release", "--config", "elsewhere/cutover.toml"];
    refused(&project, &other, USAGE, &["elsewhere/cutover.toml"]).await;
    assert_eq!(
        project.proxy.wire(),
        Vec::<String>::new(),
        "a file is looked at before anything is asked of AWS"
    );
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_environment_of_the_process() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let mut project = cloud.project("process").await;
    project.write("good.zip", bundles::good("2"));
    let cases: [(&'static str, Option<&str>, i32, &[&str]); 8] = [
        (
            "CUTOVER_DNS_SERVER",
            Some("example"),
            USAGE,
            &["CUTOVER_DNS_SERVER", "\"example\"", "127.0.0.1:4571", "mend or unset"],
        ),
        (
            "CUTOVER_HTTP_PORT",
            Some("http"),
            USAGE,
            &["CUTOVER_HTTP_PORT", "\"http\"", "8080", "mend or unset"],
        ),
        (
            "AWS_ACCESS_KEY_ID",
            None,
            REFUSED,
            &[
                "who we are on AWS",
                "no credentials were found",
                "AWS_PROFILE",
                "1 problem:",
            ],
        ),
        ("AWS_REGION", None, REFUSED, &["region", "1 problem:"]),
        ("AWS_REGION", Some(""), REFUSED, &["no region is set", "1 problem:"]),
        (
            "AWS_REGION",
            Some("eu_central_1"),
            USAGE,
            &["AWS_REGION", "\"eu_central_1\"", "eu-west-1", "mend or unset"],
        ),
        (
            "AWS_ENDPOINT_URL",
            Some("http://127.0.0.1:1"),
            REFUSED,
            &[
                "who we are on AWS",
                "could not be reached",
                "refused",
                "AWS_ENDPOINT_URL",
                "1 problem:",
            ],
        ),
        // A profile that does not exist.
        (
            "AWS_PROFILE",
            Some("nobody"),
            REFUSED,
            &["no credentials were found", "a profile that exists"],
        ),
    ];
    for (name, value, code, words) in cases {
        let before = project.variables.clone();
        match value {
            Some(value) => project.variables.insert(name, value.to_owned()),
            None => project.variables.remove(name),
        };
        if name == "AWS_PROFILE" {
            project.variables.remove("AWS_ACCESS_KEY_ID");
        }
        let ended = refused(&project, &RELEASE, code, words).await;
        assert!(
            ended.stderr.lines().count() <= 3,
            "one problem, one line: {}",
            ended.said()
        );
        project.variables = before;
    }
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_world_that_is_not_fit() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = cloud.project("world").await;
    project.write("good.zip", bundles::good("2"));
    let name = |word: &'static str| ("application = \"world\"", word);

    project.settings(&[name("application = \"nowhere\"")]);
    refused(
        &project,
        &RELEASE,
        REFUSED,
        &["there is no application nowhere", "check `application` in cutover.toml"],
    )
    .await;

    project.settings(&[("cname = \"world\"", "cname = \"moon\"")]);
    let words = [
        "no environment of world holds the name moon.eu-central-1",
        "set `cname`",
        "world.eu-central-1",
        "world-first",
    ];
    refused(&project, &RELEASE, REFUSED, &words).await;

    project.settings(&[(
        "journal = \"journal\"",
        "artifact.bucket = \"not-there\"\njournal = \"journal\"",
    )]);
    refused(
        &project,
        &RELEASE,
        REFUSED,
        &["there is no bucket not-there", "artifact.bucket"],
    )
    .await;

    project.settings(&[]);
    for label in ["", "feature/", "tab\there", &"x".repeat(101)] {
        let wrong = ["release", "--artifact", "good.zip", "--version-label", label];
        let said = project.start(&wrong).end(MOMENT).await.with(USAGE);
        said.saying(&["--version-label", "the label", "made from the bundle's content"]);
    }
    let labelled = ["release", "--artifact", "good.zip", "--version-label", "v1"];
    refused(
        &project,
        &labelled,
        REFUSED,
        &["version label v1 is taken by another bundle", "--version-label"],
    )
    .await;

    // A file where the folder should be.
    assert!(
        !project.path("journal").exists(),
        "a release that was refused leaves no folder behind"
    );
    project.write("journal", "");
    refused(
        &project,
        &RELEASE,
        REFUSED,
        &[
            "the journal at",
            "journal/world",
            "without a journal there is no release",
        ],
    )
    .await;
    std::fs::remove_file(project.path("journal")).unwrap();

    // Things that last for moments, told by the proxy.
    let lies: [(&str, &str, &str, &[&str]); 3] = [
        (
            "DescribeEnvironments",
            "<Status>Ready<",
            "<Status>Updating<",
            &["is Updating, not Ready", "wait until its update has ended"],
        ),
        (
            "DescribeEnvironmentHealth",
            "<HealthStatus>Ok<",
            "<HealthStatus>Severe<",
            &["is not healthy: its health is Severe", "rollback"],
        ),
        (
            "DescribeConfigurationSettings",
            "<OptionName>LoadBalancerIsShared</OptionName><Value>false<",
            "<OptionName>LoadBalancerIsShared</OptionName><Value>true<",
            &["shares its load balancer", "a load balancer of its own"],
        ),
    ];
    for (operation, from, to, words) in lies {
        project
            .proxy
            .order(operation, Fault::Rewrite(from.to_owned(), to.to_owned()), 99);
        refused(&project, &RELEASE, REFUSED, words).await;
        project.proxy.behave();
    }
    let denied: [(&str, &[&str]); 3] = [
        (
            "DescribeEnvironmentHealth",
            &["could not read the health", "AccessDenied", "permissions"],
        ),
        (
            "DescribeApplicationVersions",
            &["could not look up version", "AccessDenied", "permissions"],
        ),
        (
            "GetCallerIdentity",
            &["could not find out who we are", "AccessDenied", "1 problem:"],
        ),
    ];
    for (operation, words) in denied {
        project.proxy.order(operation, Fault::Deny, 99);
        refused(&project, &RELEASE, REFUSED, words).await;
        project.proxy.behave();
    }

    // All at once: nobody mends one thing after the other.
    project.settings(&[(
        "journal = \"journal\"",
        "artifact.bucket = \"not-there\"\njournal = \"journal\"",
    )]);
    project.write("text.zip", "hello");
    project.proxy.order(
        "DescribeEnvironmentHealth",
        Fault::Rewrite("<HealthStatus>Ok<".to_owned(), "<HealthStatus>Degraded<".to_owned()),
        99,
    );
    let all = ["release", "--artifact", "text.zip", "--version-label", "v1"];
    let words = [
        "4 problems:",
        "text.zip",
        "is not healthy",
        "version label v1",
        "no bucket not-there",
    ];
    refused(&project, &all, REFUSED, &words).await;
    let json = ["release", "--json", "--artifact", "text.zip", "--version-label", "v1"];
    let ended = refused(&project, &json, REFUSED, &[]).await;
    let lines = ended.lines();
    assert_eq!(ended.outcome(), "refused");
    let codes: Vec<_> = lines[0]["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["code"].clone())
        .collect();
    assert_eq!(
        codes,
        ["bundle", "live-health", "version", "bucket"],
        "{}",
        ended.said()
    );
    project.proxy.behave();

    another_release(&project).await;
    cloud.end().await;
}

/// A release of the slot is not over.
async fn another_release(project: &Project) {
    project.settings(&[]);
    let gate = Gate::closed();
    project.proxy.order("PutObject", Fault::Hold(gate.clone()), 1);
    let mut first = project.release("v2", &bundles::good("2"), &[]);
    project.proxy.arrived("PutObject").await;
    let before = project.proxy.changes();
    let words = [
        "the slot world/production is taken: release world/production/1 began at",
        "phase publish",
        "cutover status",
        "cutover resume",
    ];
    let queue = ["cutover release --wait", "cutover release --replace"];
    let refused = project.run(&RELEASE).await.with(REFUSED);
    refused.saying(&words).saying(&queue);
    assert_eq!(project.proxy.changes(), before);
    first.kill().await;
    project.run(&RELEASE).await.with(REFUSED).saying(&words);
    assert_eq!(project.proxy.changes(), before);
    assert_eq!(project.events(2).len(), 0, "no second release was begun");
    gate.open();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_environment_that_is_not_fit() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let database = ("aws:rds:dbinstance", "HasCoupledDatabase", "true");
    let folder = cloud.home.path();
    deploy(&cloud.aws, "coupled", &bundles::good("1"), &[database], folder).await;
    deploy(&cloud.aws, "unwell", &bundles::bad("1"), &[], folder).await;
    cloud.up("coupled").await;
    cloud.up("unwell").await;
    deploy(&cloud.aws, "young", &bundles::good("1"), &[], folder).await;

    // Its balancer is not there yet.
    let project = Project::new(&cloud, "young").await;
    project.write("good.zip", bundles::good("2"));
    refused(
        &project,
        &RELEASE,
        REFUSED,
        &[
            "young-first",
            "is Launching, not Ready",
            "wait until its update has ended",
        ],
    )
    .await;

    let project = Project::new(&cloud, "coupled").await;
    project.write("good.zip", bundles::good("2"));
    refused(
        &project,
        &RELEASE,
        REFUSED,
        &[
            "has a database of its own",
            "decouple it first",
            "DBDeletionPolicy",
            "HasCoupledDatabase",
        ],
    )
    .await;

    // Real users meet real failures.
    let project = Project::new(&cloud, "unwell").await;
    project.write("good.zip", bundles::good("2"));
    let users = cloud.users("unwell", 60.0);
    let id = EnvironmentId::from(cloud.environments("unwell").await[0].environment_id().unwrap());
    until("the failures to show", MOMENT, async || {
        let health = cloud.aws.health(&id).await.unwrap();
        let shown = health.status.is_some_and(|status| status.as_str() == "Severe");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        shown.then_some(())
    })
    .await;
    refused(
        &project,
        &RELEASE,
        REFUSED,
        &["is not healthy: its health is", "HTTP 5xx", "somewhere to go"],
    )
    .await;
    drop(users);

    // Somebody else has made an environment of the name that green would get.
    cloud.up("young").await;
    let project = Project::new(&cloud, "young").await;
    project.write("good.zip", bundles::good("2"));
    let made = cloud
        .client
        .create_environment()
        .application_name("young")
        .environment_name("young-production-r1");
    made.version_label("v1")
        .solution_stack_name(stack(&cloud).await)
        .send()
        .await
        .unwrap();
    let words = [
        "an environment called young-production-r1 is there already",
        "green.name_prefix",
    ];
    refused(&project, &RELEASE, REFUSED, &words).await;
    cloud.end().await;
}

async fn stack(cloud: &Cloud) -> String {
    let stacks = cloud.aws.solution_stacks().await.unwrap();
    stacks.into_iter().find(|stack| stack.contains("Go")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_full() {
    let _turn = turn().await;
    let cloud = Cloud::with(|settings| {
        settings.quotas.environments = 1;
        settings.quotas.versions = 1;
        settings.quotas.templates = 1;
    })
    .await;
    let project = cloud.project("full").await;
    project.write("good.zip", bundles::good("2"));
    let words = [
        "3 problems:",
        "1 of at most 1 environments",
        "1 of at most 1 application versions",
        "0 of at most 1 saved configurations, and the release needs 2 more",
        "ask AWS for a higher quota",
    ];
    refused(&project, &RELEASE, REFUSED, &words).await;
    cloud.end().await;
}
