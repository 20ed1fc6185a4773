//! A load balancer that two environments share: real processes, real connections, weights that change under load.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::support::cloud::{deploy, up};
use super::support::{Cloud, MOMENT, bundles, until};

/// The name that users know.
const SITE: &str = "shop.example";

/// Calls Elastic Load Balancing.
async fn call(cloud: &Cloud, action: &str, parameters: &[(&str, &str)]) -> Result<String, String> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action).append_pair("Version", "2015-12-01");
    form.extend_pairs(parameters);
    let request = http::Request::post(format!("{}/", cloud.local.endpoint()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(form.finish())))
        .unwrap();
    let client: HttpClient<_, Full<Bytes>> = HttpClient::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request).await.unwrap();
    let fine = answer.status() == 200;
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    if fine { Ok(text) } else { Err(text) }
}

async fn ok(cloud: &Cloud, action: &str, parameters: &[(&str, &str)]) -> String {
    call(cloud, action, parameters)
        .await
        .unwrap_or_else(|error| panic!("{action}: {error}"))
}

fn inside(body: &str, element: &str) -> String {
    let (_, rest) = body
        .split_once(&format!("<{element}>"))
        .unwrap_or_else(|| panic!("{body}"));
    rest.split_once(&format!("</{element}>")).unwrap().0.to_owned()
}

struct Client(hyper::client::conn::http1::SendRequest<Empty<Bytes>>);

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    /// The status, the version that answered, and the cookie of the load balancer.
    async fn get(&mut self, host: &str, cookie: Option<&str>) -> (u16, String, Option<String>) {
        let mut request = http::Request::builder().uri("/").header("host", host);
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        self.0.ready().await.unwrap();
        let answer = self.0.send_request(request.body(Empty::new()).unwrap()).await.unwrap();
        let header = |name: &str| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
        let version = header("x-app-version").unwrap_or_default();
        let cookie = header("set-cookie").map(|cookie| cookie.split(';').next().unwrap_or_default().to_owned());
        let status = answer.status().as_u16();
        answer.into_body().collect().await.unwrap();
        (status, version, cookie)
    }
}

struct Stage {
    cloud: Cloud,
    address: SocketAddr,
    rule: String,
    /// Target groups of blue, which runs version 1, and green, which runs version 2.
    groups: [String; 2],
}

impl Stage {
    async fn new() -> Self {
        let cloud = Cloud::start().await;
        let balancer = [("Name", "front"), ("Subnets.member.1", "a"), ("Subnets.member.2", "b")];
        let body = ok(&cloud, "CreateLoadBalancer", &balancer).await;
        let (arn, dns_name) = (inside(&body, "LoadBalancerArn"), inside(&body, "DNSName"));
        let listener = [
            ("LoadBalancerArn", arn.as_str()),
            ("Protocol", "HTTP"),
            ("Port", "80"),
            ("DefaultActions.member.1.Type", "fixed-response"),
            ("DefaultActions.member.1.FixedResponseConfig.StatusCode", "404"),
        ];
        let listener = inside(&ok(&cloud, "CreateListener", &listener).await, "ListenerArn");
        let more = [
            ("aws:elasticbeanstalk:environment", "LoadBalancerIsShared", "true"),
            ("aws:elbv2:loadbalancer", "SharedLoadBalancer", arn.as_str()),
            ("aws:autoscaling:asg", "MinSize", "2"),
        ];
        for (name, version) in [("blue", "1"), ("green", "2")] {
            deploy(&cloud.aws, name, &bundles::good(version), &more, cloud.home.path()).await;
        }
        let mut groups = Vec::new();
        for name in ["blue", "green"] {
            up(&cloud.aws, name).await;
            let group = {
                let desired = cloud.local.backstage().account().desired();
                let mut all = desired.iter();
                let own = all
                    .find(|environment| environment.name.as_str().starts_with(name))
                    .unwrap();
                own.target_group.as_ref().unwrap().to_string()
            };
            groups.push(group);
        }
        let rule = [
            ("ListenerArn", listener.as_str()),
            ("Priority", "100"),
            ("Conditions.member.1.Field", "host-header"),
            ("Conditions.member.1.Values.member.1", SITE),
            ("Actions.member.1.Type", "forward"),
            ("Actions.member.1.TargetGroupArn", groups[0].as_str()),
        ];
        let rule = inside(&ok(&cloud, "CreateRule", &rule).await, "RuleArn");
        let address = cloud.local.backstage().look_up(&dns_name).unwrap().address.unwrap();
        assert_eq!(address.port(), cloud.local.http_port());
        Self {
            cloud,
            address,
            rule,
            groups: groups.try_into().unwrap(),
        }
    }

    /// Gives the groups these weights; `None` takes one out of the action. The next request goes by it.
    async fn weigh(&self, weights: [Option<&str>; 2], sticky: Option<&str>) {
        let config = "Actions.member.1.ForwardConfig";
        let mut parameters = vec![
            ("RuleArn".to_owned(), self.rule.as_str()),
            ("Actions.member.1.Type".to_owned(), "forward"),
        ];
        let given = self
            .groups
            .iter()
            .zip(weights)
            .filter_map(|(group, weight)| Some((group, weight?)));
        for (number, (group, weight)) in (1..).zip(given) {
            parameters.push((format!("{config}.TargetGroups.member.{number}.TargetGroupArn"), group));
            parameters.push((format!("{config}.TargetGroups.member.{number}.Weight"), weight));
        }
        if let Some(seconds) = sticky {
            let config = format!("{config}.TargetGroupStickinessConfig");
            parameters.push((format!("{config}.Enabled"), "true"));
            parameters.push((format!("{config}.DurationSeconds"), seconds));
        }
        let all: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        ok(&self.cloud, "ModifyRule", &all).await;
    }

    /// How often each version answers so many requests, on four connections.
    async fn share(&self, requests: usize) -> BTreeMap<String, usize> {
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let address = self.address;
            clients.spawn(async move {
                let mut client = Client::connect(address).await;
                let mut seen = Vec::new();
                for _ in 0..requests / 4 {
                    let (status, version, cookie) = client.get(SITE, None).await;
                    assert_eq!((status, cookie), (200, None));
                    seen.push(version);
                }
                seen
            });
        }
        let mut counts = BTreeMap::new();
        for version in clients.join_all().await.into_iter().flatten() {
            *counts.entry(version).or_default() += 1;
        }
        counts
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_environments_share_a_load_balancer_by_weights() {
    let stage = Stage::new().await;
    let cloud = &stage.cloud;
    let mut client = Client::connect(stage.address).await;
    for (name, version) in [("blue", "1"), ("green", "2")] {
        let host = cloud.local.fqdn(name);
        let (status, served, _) = client.get(&host, None).await;
        assert_eq!(
            (status, served.as_str()),
            (200, version),
            "a CNAME leads to its environment"
        );
        assert_eq!(
            cloud.local.backstage().look_up(&host).unwrap().address,
            Some(stage.address)
        );
    }
    assert_eq!(client.get("elsewhere.example", None).await.0, 404, "the default action");
    assert_eq!(stage.share(400).await.get("2"), None);
    stage.weigh([Some("90"), Some("10")], None).await;
    let counts = stage.share(3000).await;
    // Four standard deviations on either side.
    assert!((234..=366).contains(&counts["2"]), "{counts:?}");

    // A download that takes ten seconds, from blue.
    stage.weigh([Some("1"), Some("0")], None).await;
    let mut downloader = Client::connect(stage.address).await;
    let request = http::Request::builder().uri("/api/export").header("host", SITE);
    let begun = downloader
        .0
        .send_request(request.body(Empty::new()).unwrap())
        .await
        .unwrap();
    assert_eq!(begun.status(), 200);

    // Weights change under load, and no request is lost.
    let (stop, failed, done) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(0)),
    );
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let (stop, failed, done, address) = (Arc::clone(&stop), Arc::clone(&failed), Arc::clone(&done), stage.address);
        clients.spawn(async move {
            let mut client = Client::connect(address).await;
            while !stop.load(Ordering::Relaxed) {
                if client.get(SITE, None).await.0 != 200 {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for weight in ["0", "1", "5", "50", "0", "99"] {
        stage.weigh([Some("100"), Some(weight)], None).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    stage.weigh([None, Some("1")], None).await;
    stop.store(true, Ordering::Relaxed);
    clients.join_all().await;
    assert_eq!(failed.load(Ordering::Relaxed), 0);
    assert!(done.load(Ordering::Relaxed) > 100);
    assert_eq!(stage.share(200).await.get("1"), None, "blue is out of the action");
    stage.weigh([Some("0"), Some("0")], None).await;
    assert_eq!(client.get(SITE, None).await.0, 503, "nobody gets it");
    let whole = begun.into_body().collect().await;
    assert!(whole.is_ok(), "what was begun finishes where it began: {whole:?}");
    stage.cloud.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_a_cookie_stays_while_its_group_is_in_the_action() {
    let stage = Stage::new().await;
    let mut client = Client::connect(stage.address).await;
    stage.weigh([Some("1"), Some("0")], Some("600")).await;
    let (_, version, cookie) = client.get(SITE, None).await;
    let cookie = cookie.unwrap();
    assert!(version == "1" && cookie.starts_with("AWSALBTG="), "{cookie}");
    stage.weigh([Some("0"), Some("1")], Some("600")).await;
    for _ in 0..50 {
        assert_eq!(
            client.get(SITE, Some(&cookie)).await.1,
            "1",
            "a weight of zero keeps it"
        );
        assert_eq!(client.get(SITE, None).await.1, "2");
    }
    stage.weigh([None, Some("1")], Some("600")).await;
    assert_eq!(
        client.get(SITE, Some(&cookie)).await.1,
        "2",
        "a group that is out does not"
    );
    stage.cloud.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_in_somebody_s_rule_is_terminated_in_two_attempts() {
    let stage = Stage::new().await;
    let cloud = &stage.cloud;
    stage.weigh([Some("1"), Some("0")], None).await;
    let terminate = async || {
        let call = cloud.client.terminate_environment().environment_name("green-first");
        call.send().await.unwrap();
    };
    let status = async || {
        let found = cloud.client.describe_environments().environment_names("green-first");
        let found = found.send().await.unwrap();
        found.environments()[0].status().unwrap().as_str().to_owned()
    };
    terminate().await;
    let mut client = Client::connect(stage.address).await;
    let deadline = tokio::time::Instant::now() + MOMENT;
    while status().await != "Ready" {
        assert_eq!(client.get(SITE, None).await.0, 200, "blue goes on serving");
        assert!(tokio::time::Instant::now() < deadline, "the environment is not left");
    }
    stage.weigh([Some("1"), Some("1")], None).await;
    let mut lost = 0;
    for _ in 0..200 {
        lost += usize::from(client.get(SITE, None).await.0 == 503);
    }
    assert!(
        (50..150).contains(&lost),
        "a group without targets gets its share all the same: {lost}"
    );
    stage.weigh([Some("1"), None], None).await;
    terminate().await;
    until("the environment to be gone", MOMENT, async || {
        (status().await == "Terminated").then_some(())
    })
    .await;
    let named = [("TargetGroupArns.member.1", stage.groups[1].as_str())];
    let error = call(cloud, "DescribeTargetGroups", &named).await.unwrap_err();
    assert!(error.contains("<Code>TargetGroupNotFound</Code>"), "{error}");
    stage.cloud.end().await;
}
