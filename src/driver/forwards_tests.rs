//! Rules are given back by what is on record, also where nobody can look it up.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;

use super::World;
use super::forwards::Forwards;
use super::world::Overrides;
use crate::aws::{Aws, AwsSettings, InProcess, InTime};
use crate::model::EnvironmentId;
use crate::probe::{HttpProber, ProbeSettings};
use crate::release::CallResult;
use crate::traffic::{Hosts, Originals, Weighting};

const RULE: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:listener-rule/app/shared/1/2/abc";

/// What Elastic Beanstalk says of an environment's resources.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beanstalk {
    Throttles,
    TellsNothing,
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

/// Gives everything back to a blue that had the weight 1.
async fn back(world: &World, green: &Hosts) -> Result<Option<String>, CallResult> {
    let (arns, blue) = ([RULE.to_owned()], hosts("blue", true));
    let before = world.forwards(&arns, std::slice::from_ref(&blue)).await.unwrap().token;
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
        .forwards(&[RULE.to_owned()], &[blue, green.clone()])
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
    let before = world.forwards(&arns, std::slice::from_ref(&blue)).await.unwrap().token;
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
