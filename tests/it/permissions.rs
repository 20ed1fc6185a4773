//! Policies that the local cloud holds its callers to: what each service says to whom it denies something, and releases by the
//! published policy and without a part of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use cutover::aws::{Aws, AwsSettings, CallError, Fault, InTime, JobAnswer, NO_PIPELINE, Standing};
use cutover::local::permissions::Policy;
use cutover::model::ApplicationName;
use serde_json::Value;

use crate::support::{Cloud, MOMENT, Project, bundles, turn};

const ACCOUNT: &str = "123456789012";
/// The access key of those who are held to a policy.
const KEY: &str = "limited";
const REFUSED: i32 = 3;

/// The clients of whoever has that key.
async fn limited(cloud: &Cloud) -> Aws {
    let settings = AwsSettings {
        region: Some(cloud.local.region().to_owned()),
        endpoint: Some(cloud.local.endpoint()),
        keys: Some((KEY.to_owned(), "secret".to_owned())),
        ..AwsSettings::default()
    };
    Aws::connect(&settings).await
}

fn hold(cloud: &Cloud, policy: &str) {
    cloud
        .local
        .permissions()
        .hold(Some(KEY), Policy::parse(policy).unwrap());
}

/// What `cutover iam-policy` prints.
async fn published(project: &Project, more: &[&str]) -> String {
    let mut arguments = vec!["iam-policy", "--account", ACCOUNT, "--region", "eu-central-1"];
    arguments.extend(more);
    project.start(&arguments).end(MOMENT).await.with(0).stdout
}

/// The same without an action.
fn without(policy: &str, action: &str) -> String {
    let mut policy: Value = serde_json::from_str(policy).unwrap();
    let mut left_out = false;
    for statement in policy["Statement"].as_array_mut().unwrap() {
        let actions = statement["Action"].as_array_mut().unwrap();
        let before = actions.len();
        actions.retain(|allowed| allowed != action);
        left_out |= actions.len() < before;
    }
    assert!(left_out, "{action} is not allowed in the first place");
    policy.to_string()
}

fn denied<T>(result: Result<T, CallError>, words: &str) {
    let Err(error) = result else {
        panic!("it was allowed; wanted: {words}");
    };
    let said = error.to_string();
    assert!(said.contains(words), "{said}\nwanted: {words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_service_names_the_action_and_the_resource() {
    let cloud = Cloud::start().await;
    let rule = format!("arn:aws:elasticloadbalancing:eu-central-1:{ACCOUNT}:listener-rule/app/front/1/2/3");
    hold(
        &cloud,
        r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}"#,
    );
    let aws = limited(&cloud).await;
    assert_eq!(
        aws.account_id().await.as_deref(),
        Ok(ACCOUNT),
        "everybody may ask who they are"
    );
    denied(
        aws.environments(Some(&ApplicationName::from("shop"))).await,
        &format!(
            "DescribeEnvironments: AccessDenied: User: arn:aws:iam::{ACCOUNT}:user/local is not authorized to perform: \
             elasticbeanstalk:DescribeEnvironments on resource: arn:aws:elasticbeanstalk:eu-central-1:{ACCOUNT}:environment/shop/* because"
        ),
    );
    denied(
        aws.hosted_zone("www.shop.example").await,
        "perform: route53:ListHostedZonesByName on resource: * because",
    );
    denied(
        aws.rules(&[rule]).await,
        "perform: elasticloadbalancing:DescribeRules on resource: * because",
    );
    denied(
        aws.create_object("releases", "journal/1.json", Bytes::from_static(b"{}"))
            .await,
        "perform: s3:PutObject on resource: arn:aws:s3:::releases/journal/1.json because",
    );
    // Where nothing is, S3 does not say so to those who may not list.
    denied(
        aws.object("releases", "journal/1.json").await,
        "perform: s3:ListBucket on resource: arn:aws:s3:::releases because",
    );
    // An answer to HEAD has no words; the ones for it are ours.
    denied(
        aws.find_bucket("releases").await,
        "s3:ListBucket on arn:aws:s3:::releases",
    );
    denied(
        aws.object_exists("releases", "a.zip").await,
        "s3:GetObject on arn:aws:s3:::releases/a.zip, and s3:ListBucket",
    );
    assert!(
        cloud.aws.environments(None).await.is_ok(),
        "other keys are held to nothing"
    );
    cloud.end().await;
}

/// What the simulator does not need of the published policy; `src/sim/tests/permits.rs` has the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_few_releases_need_is_allowed_and_needed() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let project = cloud.project("rare").await;
    let aws = limited(&cloud).await;
    let policy = published(&project, &[]).await;
    let live = cloud.environments("rare").await.remove(0);
    let live = live.environment_id().unwrap().into();
    let bucket = cloud.aws.create_storage_location().await.unwrap();
    // Three parts are begun of a file that has one when it is read.
    let file = Arc::new(project.path("long.zip"));
    let upload = async || {
        std::fs::File::create(&*file).unwrap().set_len(20 << 20).unwrap();
        let cut = Arc::clone(&file);
        let progress = move |sent: u64, _: u64| {
            if sent == 0 {
                std::fs::File::options()
                    .write(true)
                    .open(&*cut)
                    .unwrap()
                    .set_len(9 << 20)
                    .unwrap();
            }
        };
        aws.upload(&file, &bucket, "cutover/rare/long.zip", &progress).await
    };
    hold(&cloud, &policy);
    aws.set_capacity(&live, 1, 4, &InTime::whenever()).await.unwrap();
    let failed = upload().await.unwrap_err().to_string();
    assert!(!failed.contains("taken back"), "{failed}");
    let used = cloud.local.permissions().used();
    let rare: BTreeSet<String> = ["elasticbeanstalk:UpdateEnvironment", "s3:AbortMultipartUpload"]
        .map(str::to_owned)
        .into();
    assert!(rare.is_subset(&used), "{used:?}");

    hold(&cloud, &without(&policy, "elasticbeanstalk:UpdateEnvironment"));
    denied(
        aws.set_capacity(&live, 1, 4, &InTime::whenever()).await,
        &format!(
            "perform: elasticbeanstalk:UpdateEnvironment on resource: arn:aws:elasticbeanstalk:eu-central-1:{ACCOUNT}:environment/rare/"
        ),
    );
    hold(&cloud, &without(&policy, "s3:AbortMultipartUpload"));
    denied(
        upload().await,
        "could not be taken back: AbortMultipartUpload: AccessDenied: User: arn:aws:iam::123456789012:user/local is not authorized to \
         perform: s3:AbortMultipartUpload on resource: arn:aws:s3:::elasticbeanstalk-eu-central-1-123456789012/cutover/rare/long.zip",
    );
    cloud.end().await;
}

/// Elastic Beanstalk reads bundles of other buckets by the caller's permission, and zones that are not named are looked for.
#[tokio::test(flavor = "multi_thread")]
async fn settings_that_need_more_are_given_more() {
    let cloud = Cloud::start().await;
    let project = Project::new(&cloud, "more").await;
    project.write(
        "cutover.toml",
        "application = \"more\"\nlever = \"weighted-dns\"\npublic_url = \"https://www.more.example\"\nartifact.bucket = \"bundles\"\n",
    );
    let more = ApplicationName::from("more");
    cloud.aws.create_application(&more).await.unwrap();
    let aws = limited(&cloud).await;
    let policy = published(&project, &[]).await;
    hold(&cloud, &policy);
    assert_eq!(aws.hosted_zone("www.more.example").await, Ok(None));
    let version = async |key: &str| {
        aws.create_version(&more, &"v1".into(), ("bundles", key), "", &InTime::whenever())
            .await
    };
    // Allowed, and so it is told that there is no such bundle.
    denied(version("cutover/more/a.zip").await, "Unable to download");
    denied(
        version("elsewhere/a.zip").await,
        "perform: s3:GetObject on resource: arn:aws:s3:::bundles/elsewhere/a.zip",
    );
    hold(&cloud, &without(&policy, "route53:ListHostedZonesByName"));
    denied(
        aws.hosted_zone("www.more.example").await,
        "perform: route53:ListHostedZonesByName on resource: *",
    );
    hold(&cloud, &without(&policy, "s3:GetObject"));
    denied(
        version("cutover/more/a.zip").await,
        "perform: s3:GetObject on resource: arn:aws:s3:::bundles/cutover/more/a.zip",
    );
    cloud.end().await;
}

/// A function that a pipeline calls answers its jobs, and sees whether its execution was stopped.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_answered_by_the_policy_for_the_pipeline_alone() {
    let cloud = Cloud::start().await;
    let project = Project::new(&cloud, "shop").await;
    let aws = limited(&cloud).await;
    let job = "11111111-2222-3333-4444-555555555555";
    let answer = async |fault: Option<Fault>| {
        let standing = Standing {
            summary: "done".to_owned(),
            percent: 100,
            release: None,
        };
        let answer = match fault {
            None => JobAnswer::Success {
                standing,
                variables: BTreeMap::new(),
            },
            Some(fault) => JobAnswer::Failure {
                fault,
                message: "no".to_owned(),
                release: None,
            },
        };
        aws.answer_job(job, answer).await
    };
    hold(&cloud, &published(&project, &["--pipeline", "shop"]).await);
    // Allowed, and so it is found out that there is no such job and no such pipeline.
    assert_eq!(answer(None).await, Ok(()));
    assert_eq!(answer(Some(Fault::Release)).await, Ok(()));
    let status = aws.execution_status("shop", job).await;
    assert!(status.is_err_and(|error| error.has_code(NO_PIPELINE)));
    denied(
        aws.execution_status("other", job).await,
        &format!(
            "perform: codepipeline:GetPipelineExecution on resource: arn:aws:codepipeline:eu-central-1:{ACCOUNT}:other because"
        ),
    );
    hold(&cloud, &published(&project, &[]).await);
    denied(
        answer(None).await,
        "perform: codepipeline:PutJobSuccessResult on resource: * because",
    );
    denied(
        answer(Some(Fault::Release)).await,
        "perform: codepipeline:PutJobFailureResult on resource: * because",
    );
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_refused_in_words_that_say_what_is_missing_and_made_when_nothing_is() {
    let _turn = turn().await;
    let cloud = Cloud::start().await;
    let mut project = cloud.project("shop").await;
    let policy = published(&project, &[]).await;
    project.variables.insert("AWS_ACCESS_KEY_ID", KEY.to_owned());
    project.write("good.zip", bundles::good("2"));
    let release = ["release", "--artifact", "good.zip", "--version-label", "v2"];
    hold(&cloud, &without(&policy, "elasticbeanstalk:DescribeAccountAttributes"));
    let refused = project.run(&release).await.with(REFUSED);
    refused.saying(&[
        "could not read the account's quotas",
        "elasticbeanstalk:DescribeAccountAttributes on resource: *",
        "check credentials, region and permissions",
    ]);
    hold(&cloud, &policy);
    project.run(&release).await.with(0);
    cloud.settled("shop", "v2", "2").await;
    // Where nothing is published, the permission on Elastic Beanstalk's own bucket, which that policy lacks, is not missed.
    cloud.aws.create_storage_location().await.unwrap();
    let own = std::fs::read_to_string(project.path("cutover.toml")).unwrap();
    project.write("cutover.toml", format!("artifact.bucket = \"bundles\"\n{own}"));
    hold(&cloud, &published(&project, &[]).await);
    project.run(&["rollback"]).await.with(0);
    cloud.settled("shop", "v1", "1").await;
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_printed_for_the_duty_that_is_asked_for() {
    let cloud = Cloud::start().await;
    let project = Project::new(&cloud, "shop").await;
    let read: Value = serde_json::from_str(&published(&project, &["--duty", "read"]).await).unwrap();
    assert_eq!(read["Version"], "2012-10-17");
    let sids: Vec<&str> = read["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .map(|statement| statement["Sid"].as_str().unwrap())
        .collect();
    assert!(
        sids.contains(&"ReadRegion") && sids.iter().all(|sid| sid.starts_with("Read")),
        "{sids:?}"
    );
    let asked = project
        .start(&["iam-policy", "--ask", "--duty", "switch"])
        .end(MOMENT)
        .await
        .with(0);
    assert!(
        asked
            .stdout
            .contains(&format!(":eu-central-1:{ACCOUNT}:environment/shop/*")),
        "{}",
        asked.stdout
    );
    assert_eq!(
        asked.stderr, "",
        "moving traffic needs nothing of Elastic Beanstalk's own"
    );
    let template = project
        .start(&["iam-policy", "--format", "cloudformation"])
        .end(MOMENT)
        .await
        .with(0);
    assert!(
        template.stdout.contains(r#""Fn::Sub": "arn:${AWS::Partition}:"#),
        "{}",
        template.stdout
    );
    assert!(
        template.stderr.contains("AdministratorAccess-AWSElasticBeanstalk"),
        "{}",
        template.stderr
    );
    let unknown = project
        .start(&["iam-policy", "--duty", "everything"])
        .end(MOMENT)
        .await
        .with(2);
    unknown.saying(&["everything", "read", "terminate", "all"]);
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_does_not_start_with_a_policy_that_it_does_not_understand() {
    let cloud = Cloud::start().await;
    let project = Project::new(&cloud, "shop").await;
    project.write(
        "policy.json",
        r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*",
            "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}]}"#,
    );
    for (policy, words) in [
        (
            "release=policy.json",
            [
                "policy.json cannot be enforced",
                "statement 1: the local cloud does not know the condition operator IpAddress",
            ],
        ),
        ("missing.json", ["missing.json", "cutover iam-policy"]),
    ] {
        let ended = project
            .start(&["cloud", "--port", "0", "--policy", policy])
            .end(MOMENT)
            .await
            .with(2);
        ended.saying(&words);
    }
    cloud.end().await;
}
