//! Looks at the model world, as the driver takes them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::faults::Sense;
use super::plan::KEY;
use super::world::{BLUE, World, seconds};
use crate::model::{
    EnvironmentId, HealthColor, HealthStatus, InstanceId, Known, ProbeResult, Served, Span, VersionLabel,
};
use crate::release::preflight::{BucketSeen, Facts, SettingsSeen};
use crate::release::{
    EnvironmentSeen, EnvironmentStatus, HealthSeen, InstanceSeen, Looks, Observation, Processing, PublicSeen, Release,
    VersionSeen,
};

fn unread<T>() -> Known<T> {
    Known::Unknown("the read failed".to_owned())
}

impl World {
    pub(super) fn observe(&mut self, release: &Release, looks: &Looks) -> Observation {
        let latency = 50 + self.random.below(300);
        self.pass(Duration::from_millis(latency));
        let mut seen = Observation::blank(self.now);
        seen.environments = unread();
        if looks.facts {
            seen.facts = Some(self.facts());
        }
        if looks.artifact && !self.fails(Sense::Lists) {
            seen.artifact = Known::Known(self.artifact.is_some_and(|from| from <= self.now));
        }
        if looks.version && !self.fails(Sense::Lists) {
            seen.version = Known::Known(self.version_seen());
        }
        if looks.templates && !self.fails(Sense::Lists) {
            seen.templates = Known::Known(self.seen_templates());
        }
        if looks.environments && !self.fails(Sense::Lists) {
            let mut list = self.read_list();
            if release.green.is_none() {
                // Tags are read from the service itself, which knows nothing of what is gone.
                let gone = list
                    .iter()
                    .any(|one| one.name == self.plan.green_name && self.get(&one.id).is_none());
                for one in &mut list {
                    self.tag(one);
                }
                seen.environments = if gone { unread() } else { Known::Known(list) };
            } else {
                seen.environments = Known::Known(list);
            }
        }
        if looks.split && !self.shares_hidden && !self.fails(Sense::Lists) {
            seen.split = self.split().map_or_else(unread, Known::Known);
        }
        if let Some(change) = &looks.in_sync
            && !self.fails(Sense::Lists)
        {
            seen.in_sync = self.in_sync(change);
        }
        if let Some(id) = &looks.green_health {
            seen.green_health = self.health(id);
        }
        if let Some(id) = &looks.blue_health {
            seen.blue_health = self.health(id);
        }
        if let Some((id, _)) = &looks.errors {
            seen.errors = self.errors(id);
        }
        if looks.smoke.is_some() {
            let green = self.green().map(|one| one.id.clone());
            let failing = self.quality.smoke_fails;
            seen.smoke = Some(vec![self.check(green.as_ref(), failing)]);
        }
        if let Some(endpoint) = &looks.public {
            let mut public = self.public(endpoint);
            if looks.direct.is_some() {
                let green = self.green().map(|one| one.id.clone());
                let failing = self.broken() && !self.quality.health_alone;
                public.direct = vec![self.check(green.as_ref(), failing)];
            }
            seen.public = Some(public);
        }
        seen
    }

    fn fails(&mut self, sense: Sense) -> bool {
        self.faults.fails(sense, self.now, &mut self.random)
    }

    fn tag(&self, one: &mut EnvironmentSeen) {
        if one.name == self.plan.green_name {
            let tag = self.get(&one.id).map(|found| found.tag.clone());
            one.release_tag = Some(tag.unwrap_or_default());
        }
    }

    fn version_seen(&self) -> Option<VersionSeen> {
        let from = self.version.filter(|from| *from <= self.now)?;
        Some(VersionSeen {
            bundle: Some(("bucket".to_owned(), KEY.to_owned())),
            processing: if self.now >= from + seconds(8) {
                Processing::Processed
            } else {
                Processing::Underway
            },
        })
    }

    fn facts(&mut self) -> Facts {
        if self.fails(Sense::Lists) {
            return Facts {
                identity: unread(),
                application: unread(),
                environments: unread(),
                split: unread(),
                rules: unread(),
                blue_health: unread(),
                other_names: unread(),
                other_rules: unread(),
                blue_settings: unread(),
                blue_group: unread(),
                managed_update: unread(),
                version: unread(),
                bucket: unread(),
                quotas: unread(),
                namesake: None,
                alarms: unread(),
                bundle: Vec::new(),
                blue_checks: unread(),
                public_addresses: unread(),
                slot_addresses: None,
                endpoint_fault: None,
            };
        }
        let blue = self.get(&BLUE.into()).expect("blue is there at first").clone();
        let settings = SettingsSeen {
            min_instances: blue.min_instances,
            max_instances: blue.max_instances,
            load_balanced: true,
            coupled_database: false,
            shared_balancer: self.plan.lever == crate::spec::Lever::WeightedTargetGroups,
            own_hosts: Vec::new(),
            sticky_targets: false,
        };
        Facts {
            identity: Known::Known("123456789012".to_owned()),
            application: Known::Known(true),
            environments: Known::Known(self.read_list()),
            split: self.split().map_or_else(unread, Known::Known),
            rules: Known::Known(Vec::new()),
            blue_health: self.health(&BLUE.into()),
            other_names: Known::Known(Vec::new()),
            other_rules: Known::Known(Vec::new()),
            blue_settings: Known::Known(settings),
            blue_group: Known::Known(blue.capacity().group),
            managed_update: Known::Known(None),
            version: Known::Known(self.version_seen()),
            bucket: Known::Known(BucketSeen {
                name: "bucket".to_owned(),
                exists: true,
                own: true,
                elsewhere: None,
            }),
            quotas: Known::Known(Vec::new()),
            namesake: None,
            alarms: Known::Known(Vec::new()),
            bundle: Vec::new(),
            blue_checks: Known::Known(Vec::new()),
            public_addresses: Known::Known([[10, 0, 0, 1].into()].into()),
            slot_addresses: None,
            endpoint_fault: None,
        }
    }

    fn health(&mut self, id: &EnvironmentId) -> Known<HealthSeen> {
        if self.fails(Sense::Health) {
            return unread();
        }
        let refreshed = self.now - Duration::from_millis(self.random.below(10_000));
        let Some(one) = self.get(id) else { return unread() };
        let up = one.up_at.is_some_and(|at| at <= self.now) && !(one.is_green && self.quality.never_up);
        let status = match one.status {
            _ if !up => HealthStatus::Pending,
            _ if one.is_green && self.broken() => HealthStatus::Severe,
            EnvironmentStatus::Updating => HealthStatus::Info,
            _ => HealthStatus::Ok,
        };
        if self.basic {
            return Known::Known(HealthSeen {
                refreshed_at: None,
                reported_at: None,
                status: None,
                color: if one.status == EnvironmentStatus::Updating {
                    HealthColor::Grey
                } else {
                    status.color()
                },
                causes: Vec::new(),
                instances: BTreeMap::new(),
                served: None,
                window: Span::from_secs(10),
            });
        }
        let version = if one.is_green && self.quality.wrong_version {
            VersionLabel::from("v1")
        } else {
            one.version.clone()
        };
        let instances = (0..one.running)
            .map(|number| {
                let seen = InstanceSeen {
                    status,
                    version: up.then(|| version.clone()),
                    served: None,
                };
                (InstanceId::new(format!("i-{number}")), seen)
            })
            .collect();
        Known::Known(HealthSeen {
            refreshed_at: Some(refreshed),
            reported_at: Some(refreshed),
            status: Some(status),
            color: status.color(),
            causes: Vec::new(),
            instances,
            served: Some(Served::well(self.requests(id, refreshed))),
            window: Span::from_secs(10),
        })
    }

    fn errors(&mut self, id: &EnvironmentId) -> Known<Vec<String>> {
        if self.fails(Sense::Health) {
            return unread();
        }
        let launched = self
            .get(id)
            .is_some_and(|one| one.status != EnvironmentStatus::Launching);
        Known::Known(if launched && self.quality.errors {
            vec!["Failed to deploy application.".to_owned()]
        } else {
            Vec::new()
        })
    }

    /// One HTTP check that reaches an environment, if there is one.
    fn check(&mut self, target: Option<&EnvironmentId>, failing: bool) -> ProbeResult {
        let cut_off = self.faults.blind(Sense::Network, self.now);
        let reached = target.is_some_and(|id| self.get(id).is_some()) && !cut_off;
        let passed = reached && !failing;
        ProbeResult {
            check: "GET /".to_owned(),
            passed,
            status: reached.then_some(if passed { 200 } else { 500 }),
            latency: Span::from_millis(5),
            address: None,
            failure: (!passed).then(|| "it was not as it should be".to_owned()),
            unreached: false,
        }
    }

    /// How far answers to users are behind: rules of a load balancer have no resolvers.
    pub(super) fn resolvers_lag(&self) -> Duration {
        match self.plan.lever {
            crate::spec::Lever::WeightedTargetGroups => Duration::ZERO,
            _ => self.plan.drain.dns_ttl.get(),
        }
    }

    fn public(&mut self, endpoint: &str) -> PublicSeen {
        // The resolver gives its old answer for a whole time to live.
        let leads_to = self.holder_at(self.now - self.resolvers_lag());
        let on_green = leads_to
            .as_ref()
            .and_then(|id| self.get(id))
            .is_some_and(|one| one.is_green);
        let failing = on_green && self.broken() && !self.quality.health_alone;
        let address = |world: &Self, id: Option<&EnvironmentId>| -> BTreeSet<IpAddr> {
            id.and_then(|id| world.get(id))
                .map(|one| IpAddr::V4(Ipv4Addr::from(one.address)))
                .into_iter()
                .collect()
        };
        let expected = self
            .environments
            .iter()
            .find(|one| one.endpoint.as_deref() == Some(endpoint))
            .map(|one| one.id.clone());
        PublicSeen {
            checks: vec![self.check(leads_to.as_ref(), failing)],
            direct: Vec::new(),
            blue: Vec::new(),
            slot_addresses: if self.fails(Sense::Network) {
                unread()
            } else {
                Known::Known(address(self, leads_to.as_ref()))
            },
            expected_addresses: if self.fails(Sense::Network) {
                unread()
            } else {
                Known::Known(address(self, expected.as_ref()))
            },
            url: None,
        }
    }
}
