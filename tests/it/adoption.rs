//! `cutover adopt` and `cutover unadopt`: a name gets weighted records and loses them, and always has an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_route53::Client;
use aws_sdk_route53::config::{BehaviorVersion, Region};
use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType,
};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::support::proxy::Gate;
use super::support::{Cloud, Fault, MOMENT, Project, until};

/// Elastic Beanstalk's own hosted zone in the region.
const BEANSTALK: &str = "Z1FRNW7UH4DEZJ";

struct Zone<'a> {
    cloud: &'a Cloud,
    client: Client,
    id: String,
}

impl<'a> Zone<'a> {
    async fn new(cloud: &'a Cloud, name: &str) -> Self {
        let settings = aws_sdk_route53::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(cloud.local.endpoint())
            .credentials_provider(Credentials::new("test", "test-secret", None, None, "test"));
        let client = Client::from_conf(settings.build());
        let made = client
            .create_hosted_zone()
            .name(name)
            .caller_reference(name)
            .send()
            .await
            .unwrap();
        let id = made.hosted_zone().unwrap().id().rsplit('/').next().unwrap().to_owned();
        Self { cloud, client, id }
    }

    async fn change(&self, action: ChangeAction, record: ResourceRecordSet) {
        let change = Change::builder()
            .action(action)
            .resource_record_set(record)
            .build()
            .unwrap();
        let batch = ChangeBatch::builder().changes(change).build().unwrap();
        let request = self
            .client
            .change_resource_record_sets()
            .hosted_zone_id(&self.id)
            .change_batch(batch);
        request.send().await.unwrap();
    }

    /// What the zone has but for the records that each has, as text.
    async fn records(&self) -> Vec<String> {
        let answer = self
            .client
            .list_resource_record_sets()
            .hosted_zone_id(&self.id)
            .send()
            .await
            .unwrap();
        let own = |record: &&ResourceRecordSet| !matches!(record.r#type(), RrType::Ns | RrType::Soa);
        answer.resource_record_sets().iter().filter(own).map(told).collect()
    }

    /// Waits until a name leads to a balancer.
    async fn leads(&self, name: &str) {
        let backstage = self.cloud.local.backstage();
        until("the name to lead somewhere", MOMENT, || async {
            backstage.look_up(name).and_then(|found| found.address)
        })
        .await;
    }
}

/// A record in one line.
fn told(record: &ResourceRecordSet) -> String {
    let target = match record.alias_target() {
        Some(alias) => format!("alias {}", alias.dns_name()),
        None => {
            let values: Vec<&str> = record.resource_records().iter().map(ResourceRecord::value).collect();
            format!("{} {}", record.ttl().unwrap_or_default(), values.join(" "))
        }
    };
    let member = match (record.set_identifier(), record.weight()) {
        (Some(id), Some(weight)) => format!(" {id}={weight}"),
        _ => String::new(),
    };
    format!("{} {}{member} {target}", record.name(), record.r#type().as_str())
}

fn alias(name: &str, target: &str) -> ResourceRecordSet {
    let to = AliasTarget::builder()
        .hosted_zone_id(BEANSTALK)
        .dns_name(target)
        .evaluate_target_health(true);
    let record = ResourceRecordSet::builder().name(name).r#type(RrType::A);
    record.alias_target(to.build().unwrap()).build().unwrap()
}

fn cname(name: &str, ttl: i64, target: &str) -> ResourceRecordSet {
    let value = ResourceRecord::builder().value(target).build().unwrap();
    let record = ResourceRecordSet::builder().name(name).r#type(RrType::Cname).ttl(ttl);
    record.resource_records(value).build().unwrap()
}

/// Asks for a name all the time, and counts answers and their absence.
struct Asker {
    stop: Arc<AtomicBool>,
    missed: Arc<AtomicUsize>,
    task: JoinHandle<usize>,
}

impl Asker {
    fn start(cloud: &Cloud, name: &str) -> Self {
        let backstage = cloud.local.backstage();
        let (stop, missed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (name, until, count) = (name.to_owned(), Arc::clone(&stop), Arc::clone(&missed));
        let task = tokio::spawn(async move {
            let mut asked = 0;
            while !until.load(Ordering::Relaxed) {
                let found = backstage.look_up(&name).and_then(|found| found.address);
                count.fetch_add(usize::from(found.is_none()), Ordering::Relaxed);
                asked += 1;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            asked
        });
        Self { stop, missed, task }
    }

    /// How often it asked, and how often there was no answer.
    async fn end(self) -> (usize, usize) {
        self.stop.store(true, Ordering::Relaxed);
        let asked = self.task.await.unwrap();
        (asked, self.missed.load(Ordering::Relaxed))
    }
}

async fn adopt(project: &Project, arguments: &[&str]) -> Value {
    let ended = project.run(arguments).await.with(0);
    serde_json::from_str(&ended.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_gets_weighted_records_and_loses_them_without_a_gap() {
    let cloud = Cloud::start().await;
    let project = cloud.project("adopt").await;
    let zone = Zone::new(&cloud, "adopt.example").await;
    let target = cloud.local.fqdn("adopt");
    zone.change(ChangeAction::Create, alias("adopt.example", &target)).await;
    zone.leads("adopt.example").await;
    let before = zone.records().await;
    let asker = Asker::start(&cloud, "adopt.example");

    let said = adopt(&project, &["adopt", "adopt.example", "--dry-run", "--json"]).await;
    assert_eq!(said["changes"].as_array().unwrap().len(), 3, "{said}");
    assert_eq!(zone.records().await, before);
    let said = adopt(&project, &["adopt", "Adopt.Example", "--json"]).await;
    assert_eq!(said["in_sync"], true, "{said}");
    assert_eq!(
        zone.records().await,
        [
            format!("adopt.example. A live=200 alias {target}."),
            "_cutover.adopt.example. TXT 60 \"cutover slot=adopt/production release=0 entry=0\"".to_owned(),
        ]
    );
    let said = adopt(&project, &["adopt", "adopt.example", "--json"]).await;
    assert_eq!(said["changes"].as_array().unwrap().len(), 0, "{said}");
    let said = adopt(&project, &["unadopt", "adopt.example", "--json"]).await;
    assert_eq!(
        (&said["in_sync"], &said["form"]),
        (&true.into(), &"simple".into()),
        "{said}"
    );
    assert_eq!(zone.records().await, before);

    let (asked, missed) = asker.end().await;
    assert!(asked > 100, "{asked}");
    assert_eq!(missed, 0, "of {asked} questions");
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_answer_is_lost_is_made_once_and_one_that_failed_is_made_again() {
    let cloud = Cloud::start().await;
    let project = cloud.project("lost").await;
    let zone = Zone::new(&cloud, "lost.example").await;
    let target = cloud.local.fqdn("lost");
    for (name, fault, sent) in [
        ("lost.lost.example", Fault::LoseAnswer, 1),
        ("failed.lost.example", Fault::FailBefore, 2),
        ("after.lost.example", Fault::FailAfter, 1),
        ("busy.lost.example", Fault::Throttle, 2),
    ] {
        zone.change(ChangeAction::Create, cname(name, 30, &target)).await;
        project.proxy.order("ChangeResourceRecordSets", fault.clone(), 1);
        let before = project.proxy.wire().len();
        adopt(&project, &["adopt", name, "--json"]).await;
        let wire = project.proxy.wire();
        let changes = wire[before..]
            .iter()
            .filter(|operation| *operation == "ChangeResourceRecordSets");
        assert_eq!(changes.count(), sent, "{fault:?}");
        let records = zone.records().await;
        assert!(
            records
                .iter()
                .any(|record| record.starts_with(&format!("{name}. CNAME live=200"))),
            "{records:?}"
        );
    }
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_writes_meanwhile_is_not_overwritten() {
    let cloud = Cloud::start().await;
    let project = cloud.project("rival").await;
    let zone = Zone::new(&cloud, "rival.example").await;
    let target = cloud.local.fqdn("rival");
    let name = "www.rival.example";
    zone.change(ChangeAction::Create, cname(name, 30, &target)).await;
    // Between the look and the change somebody makes the time to live longer.
    let gate = Gate::closed();
    project
        .proxy
        .order("ChangeResourceRecordSets", Fault::Hold(gate.clone()), 1);
    let child = project.start(&["adopt", name, "--json"]);
    until("the change to be on its way", MOMENT, || async {
        (gate.came() > 0).then_some(())
    })
    .await;
    zone.change(ChangeAction::Upsert, cname(name, 300, &target)).await;
    gate.open();
    child.end(MOMENT).await.with(0);
    let member = format!("{name}. CNAME live=200 300 {target}");
    assert!(zone.records().await.contains(&member), "{:?}", zone.records().await);

    // What would take traffic from somebody is refused, with what to do.
    zone.change(
        ChangeAction::Create,
        cname("else.rival.example", 30, "other.example.org"),
    )
    .await;
    let refused = project.run(&["adopt", "else.rival.example"]).await.with(3);
    assert!(refused.stderr.contains("does not lead to"), "{}", refused.stderr);
    let refused = project.run(&["unadopt", "else.rival.example"]).await.with(0);
    assert!(refused.stdout.contains("simple records already"), "{}", refused.stdout);
    let refused = project.run(&["adopt", "www.nowhere.example"]).await.with(3);
    assert!(refused.stderr.contains("no public hosted zone"), "{}", refused.stderr);
    let refused = project.run(&["unadopt", "nothing.rival.example"]).await.with(3);
    assert!(
        refused.stderr.contains("has no A, AAAA or CNAME record"),
        "{}",
        refused.stderr
    );
    for name in ["", "https://www.rival.example/", "*.rival.example", "rival"] {
        let refused = project.run(&["adopt", name]).await.with(2);
        assert!(refused.stderr.contains("is no name"), "{}", refused.stderr);
    }
    let refused = project.run(&["adopt"]).await.with(2);
    assert!(refused.stderr.contains("no name was given"), "{}", refused.stderr);
    cloud.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_not_said() {
    let cloud = Cloud::start().await;
    let project = cloud.project("doubt").await;
    let zone = Zone::new(&cloud, "doubt.example").await;
    let name = "www.doubt.example";
    let target = cloud.local.fqdn("doubt");
    zone.change(ChangeAction::Create, cname(name, 30, &target)).await;
    // It is made, nobody hears of it, and then nobody may look.
    project.proxy.order("ChangeResourceRecordSets", Fault::FailAfter, 1);
    let looked = || project.proxy.count("ChangeResourceRecordSets") > 0;
    project.proxy.order(
        "ListResourceRecordSets",
        Fault::Rewrite(String::new(), String::new()),
        2,
    );
    project.proxy.order("ListResourceRecordSets", Fault::Deny, 1000);
    let ended = project.run(&["adopt", name]).await.with(1);
    assert!(
        looked() && ended.stderr.contains("may have been made"),
        "{}",
        ended.stderr
    );
    project.proxy.behave();
    // Where the service takes nothing, nothing was changed.
    zone.change(ChangeAction::Create, cname("busy.doubt.example", 30, &target))
        .await;
    project.proxy.order("ChangeResourceRecordSets", Fault::Throttle, 1000);
    let ended = project.run(&["adopt", "busy.doubt.example"]).await.with(1);
    assert!(ended.stderr.contains("nothing was changed"), "{}", ended.stderr);
    project.proxy.behave();
    // What was sent first may arrive although a later one is refused.
    let name = "late.doubt.example";
    zone.change(ChangeAction::Create, cname(name, 30, &target)).await;
    project.proxy.order("ChangeResourceRecordSets", Fault::FailBefore, 1);
    project.proxy.order("ChangeResourceRecordSets", Fault::Deny, 1000);
    let ended = project.run(&["adopt", name]).await.with(1);
    assert!(ended.stderr.contains("may have been made"), "{}", ended.stderr);
    cloud.end().await;
}
