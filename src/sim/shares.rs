//! Levers with weights in the simulated world: how they are laid out, what they really show, and what must hold of every change.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::rules::{self, FRESH};
use super::scene::Scene;
use super::stage::{REGION, Stage};
use crate::aws::{Aws, AwsSettings, InTime};
use crate::local::balancers::routing::{Action, Condition};
use crate::local::plane::Holder;
use crate::model::EnvironmentId;
use crate::spec::Lever;
use crate::traffic::{Adoption, Change, Content, Record, Routing, Target, adopt};

/// The name that users ask for, where it is not that of the environment.
pub(super) const NAME: &str = "www.shop.example";

/// Weights of the environments that are members, in one place.
pub(super) type Place = BTreeMap<EnvironmentId, u64>;

/// Which rules carry the traffic: all requests, and those for one path.
pub(super) const PATHS: [&str; 2] = ["/orders", "/*"];

impl Stage {
    /// The AWS clients of somebody who sets things up: nothing of theirs is ever lost.
    pub(super) async fn founder(&self) -> Aws {
        let settings = AwsSettings {
            region: Some(REGION.to_owned()),
            in_process: Some(self.door()),
            keys: Some(("founder".to_owned(), "founder".to_owned())),
            ..AwsSettings::default()
        };
        Aws::connect(&settings).await
    }

    /// A hosted zone with the name, which leads to a target; with weights, if they are wanted.
    pub(super) async fn lay_name(&self, aws: &Aws, target: &str, weighted: bool) {
        let zone = aws
            .create_hosted_zone("shop.example")
            .await
            .expect("a zone can be made");
        let name = format!("{NAME}.");
        let record = Record {
            name: name.clone(),
            kind: "CNAME".to_owned(),
            routing: Routing::Simple,
            content: Content::Values {
                ttl: self.dns_ttl_seconds(),
                values: vec![target.to_owned()],
            },
            health_check: None,
        };
        let mut changes = vec![Change::Create(record.clone())];
        if weighted {
            let of = Target {
                slot: super::stage::slot().to_string(),
                environment: String::new(),
                hosts: vec![target.to_owned()],
                others: Vec::new(),
            };
            if let Ok(Adoption::Changes(adopted)) = adopt(&name, &[record], &of) {
                changes = adopted.into_iter().skip(1).collect();
            }
        }
        let made = aws.change_records(&zone, &changes, "the world begins").await;
        made.expect("records can be made");
        let _ = self.zone.set(zone);
    }

    /// Rules that forward the name's requests to blue's target group. Their ARNs.
    pub(super) async fn lay_rules(&self, aws: &Aws, listener: &str, blue: &EnvironmentId) -> Vec<String> {
        let groups = aws.target_groups(blue).await.expect("blue has a target group");
        let mut arns = Vec::new();
        // Elastic Beanstalk counts its own from 1.
        for (priority, path) in (101..).zip(PATHS) {
            let sticky = (priority == 102).then_some(60);
            let made = aws
                .create_rule(listener, (NAME, path), priority, &groups[0], sticky)
                .await;
            arns.push(made.expect("a rule can be made"));
        }
        arns
    }

    /// Every place with its weights, as they are now, whoever knows it.
    pub(super) fn places(&self) -> Vec<Place> {
        let backstage = self.backstage();
        match self.lever {
            Lever::CnameSwap => Vec::new(),
            Lever::WeightedDns => vec![backstage.members(NAME).into_iter().filter_map(environment).collect()],
            Lever::WeightedTargetGroups => {
                let account = backstage.account();
                let groups: BTreeMap<_, _> = account
                    .desired()
                    .into_iter()
                    .filter_map(|wanted| Some((wanted.target_group?, wanted.id)))
                    .collect();
                let balancers = account.desired_balancers();
                let rules = balancers
                    .iter()
                    .flat_map(|balancer| balancer.rules().unwrap_or_default());
                let ours = rules.filter(|rule| {
                    rule.conditions.iter().any(|condition| {
                        matches!(condition, Condition::HostHeader(hosts) if hosts.iter().any(|host| host == NAME))
                    })
                });
                let place = |action: &Action| match action {
                    Action::Forward(forward) => forward
                        .groups
                        .iter()
                        .filter_map(|group| Some((groups.get(&group.arn)?.clone(), u64::from(group.weight))))
                        .collect(),
                    _ => Place::new(),
                };
                ours.map(|rule| place(&rule.action)).collect()
            }
        }
    }

    /// The greatest share that an environment has, in any place.
    pub(super) fn share(&self, id: &EnvironmentId) -> f64 {
        let of = |place: &Place| {
            let all: u64 = place.values().sum();
            // Weights are far below what a float holds exactly.
            #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
            let share = place.get(id).copied().unwrap_or(0) as f64 / all.max(1) as f64;
            share
        };
        self.places().iter().map(of).fold(0.0, f64::max)
    }

    /// Whom most of the traffic leads to, in every place alike.
    pub(super) fn most(&self) -> Option<EnvironmentId> {
        let places = self.places();
        let first = places.first()?;
        let (id, weight) = first.iter().max_by_key(|(_, weight)| **weight)?;
        let everywhere = places.iter().all(|place| place.values().any(|weight| *weight > 0));
        (*weight > 0 && everywhere).then(|| id.clone())
    }
}

fn environment((holder, weight): (Holder, u64)) -> Option<(EnvironmentId, u64)> {
    match holder {
        Holder::Environment(id) => Some((id, weight)),
        _ => None,
    }
}

/// Judges a change of weights that a driver has made.
pub(super) fn weighed(scene: &Scene, before: &[Place]) {
    let (swaps, intents) = {
        let mut state = scene.state();
        state.swaps += 1;
        (state.swaps, state.swap_intents)
    };
    let places = scene.stage.places();
    let most = u32::try_from(places.len())
        .unwrap_or(u32::MAX)
        .max(1)
        .saturating_mul(intents);
    if swaps > most {
        scene.violated("once", format!("{swaps} changes of weights for {intents} intents"));
    }
    // Whom somebody else removes counts no more, whatever weight the rule still gives it.
    let nobody = |place: &Place| place.values().all(|weight| *weight == 0);
    if places.iter().any(nobody) && !scene.scenario.disturbed() {
        scene.violated("served", format!("nobody has a weight for {NAME}: {places:?}"));
    }
    let blue = scene.stage.blue();
    let Some(green) = scene.stage.green() else { return };
    let share = scene.stage.share(&green);
    let had = before
        .iter()
        .any(|place| place.get(&green).is_some_and(|weight| *weight > 0));
    if share == 0.0 {
        if had {
            rules::taken_back(scene);
        }
        return;
    }
    let most = {
        let state = scene.state();
        let release = state.release.as_ref();
        release.map_or(0.0, |release| release.plan.share(release.step).as_f64())
    };
    if share > most + 1e-9 && !scene.scenario.disturbed() {
        scene.violated(
            "its share",
            format!(
                "green has {:.1} % of the traffic, and may have {:.1} %",
                share * 100.0,
                most * 100.0
            ),
        );
    }
    let dies = matches!(scene.scenario.quality, super::scenario::Quality::Dying(_));
    let grows = before.iter().zip(&places).any(|(before, now)| {
        let of = |place: &Place, id| place.get(id).copied().unwrap_or(0);
        of(now, &green) * of(before, &blue) > of(before, &green) * of(now, &blue)
    });
    if !grows {
        return;
    }
    let read = scene.state().health_read_at;
    let age = read.map_or(std::time::Duration::MAX, |at| scene.elapsed().saturating_sub(at));
    if age > FRESH && !scene.scenario.terms.basic {
        scene.violated(
            "silence is not health",
            format!(
                "{green} got more traffic, and the last answer about health was {} s old",
                age.as_secs()
            ),
        );
    }
    // Between a look and a change somebody else may have stopped them.
    if !dies && !scene.scenario.disturbed() && scene.stage.in_service(&green) == 0 {
        scene.violated("served", format!("{green} got traffic, and no instance of it serves"));
    }
}

/// Somebody else gives an environment another weight, in the console.
pub(super) async fn weigh_by_hand(stage: Arc<Scene>, weight: u32) -> bool {
    let stage = &stage.stage;
    let aws = stage.founder().await;
    match stage.lever {
        Lever::CnameSwap => false,
        Lever::WeightedDns => {
            let Some(zone) = stage.zone.get() else { return false };
            let Ok(records) = aws.records(zone, &format!("{NAME}.")).await else {
                return false;
            };
            let Some(member) = records.first() else { return false };
            let Routing::Weighted { id, weight: before } = &member.routing else {
                return false;
            };
            let weight = u8::try_from(weight).unwrap_or(u8::MAX);
            if *before == weight {
                return false;
            }
            let changed = member.routed(Routing::Weighted { id: id.clone(), weight });
            let changes = [Change::Delete(member.clone()), Change::Create(changed)];
            aws.change_records(zone, &changes, "by hand").await.is_ok()
        }
        Lever::WeightedTargetGroups => {
            let Some(arn) = stage.rules.get().and_then(|rules| rules.first()) else {
                return false;
            };
            let Ok(rules) = aws.rules(std::slice::from_ref(arn)).await else {
                return false;
            };
            let Some(Ok(mut forward)) = rules.into_iter().next().map(|rule| rule.forward) else {
                return false;
            };
            match forward.groups.first_mut() {
                Some((_, own)) if *own != weight => *own = weight,
                _ => return false,
            }
            aws.set_forward(arn, &forward, &InTime::whenever()).await.is_ok()
        }
    }
}
