//! Rules are given back by what is on record, also where nobody can look it up.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::World;
use super::forwards::{Forwards, Targets};
use super::observe::observe;
use super::perform::met_by_no_other;
use super::world::Overrides;
use crate::aws::{Aws, AwsSettings, InProcess, InTime};
use crate::model::{Clock, EnvironmentId, Known, Timestamp};
use crate::probe::{HttpProber, ProbeSettings};
use crate::release::tests::{blue, gradual, release};
use crate::release::{CallResult, Green, Outcome, Phase, RollbackState, Route, looks};
use crate::spec::Lever;
use crate::traffic::{Hosts, Originals, Weighting};

const RULE: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:listener-rule/app/shared/1/2/abc";

const OWN: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:listener-rule/app/shared/1/2/own";
const ADDED: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:listener-rule/app/shared/1/2/added";

/// What Elastic Beanstalk says of an environment's resources.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beanstalk {
    Throttles,
    TellsNothing,
    /// It does not answer at all, and nobody is told which targets are healthy.
    Hangs,
}

/// A load balancer with one rule, `blue` 19 and `green` 1, and the changes of it that were asked for.
struct Cloud {
    beanstalk: Beanstalk,
    written: Mutex<Vec<String>>,
}

#[async_trait]
impl InProcess for Cloud {
    async fn answer(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, String> {
        let body = String::from_utf8_lossy(request.body()).into_owned();
        let action = body
            .split('&')
            .find_map(|pair| pair.strip_prefix("Action="))
            .unwrap_or_default();
        let group = |arn: &str, weight: u32| {
            format!("<member><TargetGroupArn>{arn}</TargetGroupArn><Weight>{weight}</Weight></member>")
        };
        let (status, content) = match action {
            // Elastic Beanstalk's rule for blue's own name, and one that somebody has added.
            "DescribeRules" if body.contains("ListenerArn") => {
                let forward = |arn: &str| {
                    let action = "<member><Type>forward</Type><TargetGroupArn>blue</TargetGroupArn></member>";
                    format!("<member><RuleArn>{arn}</RuleArn><Actions>{action}</Actions></member>")
                };
                (
                    200,
                    format!("<Rules>{}{}{}</Rules>", forward(RULE), forward(OWN), forward(ADDED)),
                )
            }
            "DescribeListeners" => {
                let listener = "<member><ListenerArn>listener</ListenerArn><Port>80</Port></member>";
                (200, format!("<Listeners>{listener}</Listeners>"))
            }
            "DescribeTags" => {
                let tag = "<member><Key>elasticbeanstalk:environment-id</Key><Value>e-blue</Value></member>";
                let tags = format!("<member><ResourceArn>{OWN}</ResourceArn><Tags>{tag}</Tags></member>");
                (200, format!("<TagDescriptions>{tags}</TagDescriptions>"))
            }
            "DescribeRules" => {
                let groups = group("blue", 19) + &group("green", 1);
                let forward = format!("<ForwardConfig><TargetGroups>{groups}</TargetGroups></ForwardConfig>");
                let action = format!("<member><Type>forward</Type>{forward}</member>");
                let rule = format!("<member><RuleArn>{RULE}</RuleArn><Actions>{action}</Actions></member>");
                (200, format!("<Rules>{rule}</Rules>"))
            }
            "ModifyRule" => {
                self.written.lock().unwrap().push(body.clone());
                (200, "<Rules/>".to_owned())
            }
            "DescribeTargetHealth" => std::future::pending().await,
            _ if self.beanstalk == Beanstalk::Hangs => std::future::pending().await,
            "DescribeEnvironmentResources" if self.beanstalk == Beanstalk::Throttles => (400, String::new()),
            _ => (200, String::new()),
        };
        let text = if status == 200 {
            format!("<{action}Response><{action}Result>{content}</{action}Result></{action}Response>")
        } else {
            "<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>"
                .to_owned()
        };
        let response = http::Response::builder().status(status).body(Bytes::from(text));
        response.map_err(|error| error.to_string())
    }
}

async fn world(beanstalk: Beanstalk) -> (Arc<Cloud>, World) {
    let cloud = Arc::new(Cloud {
        beanstalk,
        written: Mutex::default(),
    });
    let aws = Aws::connect(&AwsSettings {
        region: Some("eu-west-1".to_owned()),
        in_process: Some(Arc::clone(&cloud) as Arc<dyn InProcess>),
        endpoint: Some("http://cloud".to_owned()),
        keys: Some(("key".to_owned(), "secret".to_owned())),
    })
    .await;
    let prober = HttpProber::new(ProbeSettings {
        dns_server: Some("127.0.0.1:9".parse().unwrap()),
        port: None,
    });
    let world = World::new(aws, Arc::new(prober.unwrap()), Overrides::default(), Vec::new());
    (cloud, world)
}

fn hosts(name: &str, on_record: bool) -> Hosts {
    Hosts {
        environment: EnvironmentId::new(format!("e-{name}")),
        cname: None,
        endpoint: None,
        group: on_record.then(|| name.to_owned()),
    }
}

/// Stands for the state of the rules.
async fn token(world: &World, arns: &[String], blue: &Hosts) -> String {
    let split = world
        .forwards(arns, std::slice::from_ref(blue), Targets::Uncounted)
        .await;
    split.unwrap().token
}

/// Gives everything back to a blue that had the weight 1.
async fn back(world: &World, green: &Hosts) -> Result<Option<String>, CallResult> {
    let (arns, blue) = ([RULE.to_owned()], hosts("blue", true));
    let before = token(world, &arns, &blue).await;
    let forwards = Forwards {
        world,
        arns: &arns,
        originals: &Originals::from([("rule abc".to_owned(), 1)]),
        blue: &blue,
        green: Some(green),
    };
    let in_time = || Ok(());
    forwards
        .weigh(Weighting::Original, &before, (&in_time, &InTime::whenever()))
        .await
}

#[tokio::test(start_paused = true)]
async fn what_is_on_record_is_given_back_while_elastic_beanstalk_is_throttled() {
    let (cloud, world) = world(Beanstalk::Throttles).await;
    let (blue, green) = (hosts("blue", true), hosts("green", true));
    let split = world
        .forwards(&[RULE.to_owned()], &[blue, green.clone()], Targets::Uncounted)
        .await
        .unwrap();
    assert_eq!(
        split.describe(&"e-blue".into(), Some(&"e-green".into())),
        "rule abc: blue 19, green 1"
    );
    assert_eq!(back(&world, &green).await, Ok(None));
    let written = cloud.written.lock().unwrap().clone();
    let [body] = written.as_slice() else {
        panic!("{written:?}")
    };
    assert!(
        body.contains("TargetGroupArn=blue") && !body.contains("green"),
        "{body}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_green_that_nobody_can_name_does_not_get_half_of_the_traffic() {
    let (cloud, world) = world(Beanstalk::TellsNothing).await;
    let refused = back(&world, &hosts("green", false)).await.unwrap_err();
    let CallResult::Refused { message, retryable } = &refused else {
        panic!("{refused:?}")
    };
    assert!(
        message.contains("green has a weight in rule abc and may be green's") && *retryable,
        "{message}"
    );
    assert_eq!(cloud.written.lock().unwrap().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_could_not_be_looked_up_is_not_taken_for_one_that_is_gone() {
    let (cloud, world) = world(Beanstalk::Throttles).await;
    let refused = back(&world, &hosts("green", false)).await.unwrap_err();
    let CallResult::Refused { message, retryable } = &refused else {
        panic!("{refused:?}")
    };
    assert!(message.contains("a read before it failed") && *retryable, "{message}");
    assert_eq!(cloud.written.lock().unwrap().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn no_traffic_goes_to_a_group_that_is_not_on_record() {
    let (cloud, world) = world(Beanstalk::TellsNothing).await;
    let (arns, blue, green) = ([RULE.to_owned()], hosts("blue", true), hosts("green", false));
    let before = token(&world, &arns, &blue).await;
    let forwards = Forwards {
        world: &world,
        arns: &arns,
        originals: &Originals::from([("rule abc".to_owned(), 1)]),
        blue: &blue,
        green: Some(&green),
    };
    let in_time = || Ok(());
    let refused = forwards
        .weigh(Weighting::Attached, &before, (&in_time, &InTime::whenever()))
        .await;
    assert!(format!("{refused:?}").contains("the journal does not say which target group is that of e-green"));
    assert_eq!(cloud.written.lock().unwrap().len(), 0);
}

/// A clock that stands.
struct Stands(Timestamp);

impl Clock for Stands {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn since_boot(&self) -> Duration {
        Duration::ZERO
    }
}

#[tokio::test(start_paused = true)]
async fn the_way_back_waits_for_nothing_but_the_rules() {
    let (_, world) = world(Beanstalk::Hangs).await;
    let mut plan = gradual(Lever::WeightedTargetGroups);
    plan.route = Some(Route::Rules {
        arns: vec![RULE.to_owned()],
    });
    let mut release = release(plan);
    let since = release.started_at;
    release.phase = Phase::RollBack;
    release.shift_intended = true;
    release.blue = Some(crate::release::Blue {
        group: Some("blue".to_owned()),
        ..blue()
    });
    release.green = Some(Green {
        id: "e-green".into(),
        name: "green".into(),
        cname: None,
        endpoint: None,
        reused: false,
        group: Some("green".to_owned()),
    });
    release.rollback = Some(RollbackState {
        since,
        again: 0,
        why: "bad".to_owned(),
        outcome: Outcome::RolledBack,
        from: Phase::Bake,
        restored_at: None,
        watched_from: None,
    });
    let began = tokio::time::Instant::now();
    let seen = observe(&world, &release, &looks(&release, since), &Stands(since)).await;
    assert!(began.elapsed() <= Duration::from_secs(15), "{:?}", began.elapsed());
    let split = seen.split.known().expect("the rules could be read");
    assert!(split.serves(&"e-green".into()) && split.serves(&"e-blue".into()));
    assert!(matches!(seen.environments, Known::Unknown(_)));
}

#[tokio::test(start_paused = true)]
async fn the_weights_are_known_where_nobody_tells_how_many_targets_are_healthy() {
    let (_, world) = world(Beanstalk::TellsNothing).await;
    let began = tokio::time::Instant::now();
    let hosts = [hosts("blue", true), hosts("green", true)];
    let split = world
        .forwards(&[RULE.to_owned()], &hosts, Targets::Counted)
        .await
        .unwrap();
    assert!(began.elapsed() <= Duration::from_secs(15), "{:?}", began.elapsed());
    assert_eq!(split.healthy(&"e-green".into()), Some(0));
    assert!(split.notes[0].contains("how many targets of e-blue are healthy could not be read: no answer within 5 s"));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_has_let_lead_to_an_environment_keeps_it() {
    let (_, world) = world(Beanstalk::TellsNothing).await;
    let mut plan = gradual(Lever::WeightedTargetGroups);
    plan.route = Some(Route::Rules {
        arns: vec![RULE.to_owned()],
    });
    let kept = met_by_no_other(&world, &plan, Some(&hosts("blue", true))).await;
    let Err(CallResult::Refused { message, retryable }) = &kept else {
        panic!("{kept:?}")
    };
    assert!(message.contains(ADDED) && !message.contains(OWN), "{message}");
    assert!(message.contains("leads to e-blue as well") && *retryable, "{message}");
    assert_eq!(
        met_by_no_other(&world, &plan, Some(&hosts("green", true))).await,
        Ok(())
    );
}
