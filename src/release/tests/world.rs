//! A small model of Elastic Beanstalk in virtual time: environments with the service's rules, names that move a while after a
//! swap was accepted, users whose old DNS answers linger, and lists that are behind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::faults::Faults;
use super::plan::SLOT;
use super::random::Random;
use super::shares::Shares;
use crate::model::{EnvironmentId, EnvironmentName, HealthColor, Timestamp, VersionLabel};
use crate::release::{Action, CapacitySeen, EnvironmentSeen, EnvironmentStatus, GroupSeen, Limits, Plan, Release};

pub(super) const BLUE: &str = "e-blue";
pub(super) const BLUE_CNAME: &str = "shop-r7.eba-x.eu-west-1.elasticbeanstalk.com";

pub(super) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// How good a green the new version makes.
#[derive(Clone, Debug, Default)]
pub(super) struct Quality {
    /// Its health never becomes Ok.
    pub(super) never_up: bool,
    /// The launch ends with error events.
    pub(super) errors: bool,
    /// The launch fails so badly that the environment is gone.
    pub(super) dies: bool,
    /// Its instances report another version.
    pub(super) wrong_version: bool,
    /// Its smoke checks fail.
    pub(super) smoke_fails: bool,
    /// It breaks so long after it got the slot.
    pub(super) breaks: Option<Duration>,
    /// And is well again so long after that.
    pub(super) mends: Option<Duration>,
    /// What breaks then: answers fail, or health alone shows it.
    pub(super) health_alone: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Environment {
    pub(super) id: EnvironmentId,
    pub(super) name: EnvironmentName,
    pub(super) tag: String,
    pub(super) status: EnvironmentStatus,
    pub(super) cname: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) address: [u8; 4],
    pub(super) version: VersionLabel,
    pub(super) min_instances: u32,
    pub(super) max_instances: u32,
    /// Limits of its group that something beside the service has set.
    pub(super) scheduled: Option<(u32, u32)>,
    pub(super) running: u32,
    pub(super) up_at: Option<Timestamp>,
    pub(super) busy_until: Timestamp,
    pub(super) is_green: bool,
}

/// What somebody else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    Swap,
    SwapAway,
    /// Green's name with a third environment's.
    SwapGreenAway,
    EndGreen,
    EndBlue,
    UpdateBlue(u64),
    UpdateGreen(u64),
    DeployBlue,
    DeployGreen,
    /// Gives blue another weight.
    Weigh(u32),
    /// Adds a member.
    Join,
}

/// What happens at its time.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    Named(EnvironmentId),
    Launched(EnvironmentId),
    Swapped(EnvironmentId, EnvironmentId),
    Rested(EnvironmentId),
    Ended(EnvironmentId),
    Arrives(Box<Release>, u64, Action),
    Foreign(Foreign),
    /// Auto Scaling looks who has nothing to do, and looks again so long after.
    Shrinks(Duration),
}

#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) plan: Plan,
    pub(super) quality: Quality,
    pub(super) basic: bool,
    pub(super) environments: Vec<Environment>,
    /// What can be seen from when on.
    pub(super) artifact: Option<Timestamp>,
    pub(super) version: Option<Timestamp>,
    pub(super) templates: BTreeMap<String, Timestamp>,
    pub(super) agenda: BTreeMap<(Timestamp, u64), Effect>,
    numbers: u64,
    /// Lists as they were, for readers who are behind.
    pub(super) listed: Vec<(Timestamp, Vec<EnvironmentSeen>)>,
    /// Who held the slot's name from when on.
    pub(super) holders: Vec<(Timestamp, Option<EnvironmentId>)>,
    /// Which environments had traffic from when on.
    pub(super) served: Vec<(Timestamp, BTreeSet<EnvironmentId>)>,
    /// The weights, with a lever that has some.
    pub(super) shares: Option<Shares>,
    /// Whether nobody may read them.
    pub(super) shares_hidden: bool,
    /// How long Auto Scaling takes to notice who has something to do.
    pub(super) alarms_lag: Duration,
    /// How long users of an environment that lost the slot stay on it.
    pub(super) linger: Duration,
    pub(super) launch: Duration,
    /// How long a swap takes.
    pub(super) swap: Duration,
    /// Whether environments are at rest while their names move: nobody has promised otherwise.
    pub(super) swap_unseen: bool,
    /// Uploads are accepted, and nothing lies there afterwards.
    pub(super) swallows: bool,
    /// Intents of the swaps that arrived.
    pub(super) swaps: Vec<u64>,
    /// Whether somebody else has changed something.
    pub(super) disturbed: bool,
    /// Calls that were not made because the look right before them said so.
    pub(super) held_back: u32,
    /// What must never happen, and did.
    pub(super) wrongs: Vec<String>,
    pub(super) pruned: bool,
    pub(super) evidence: bool,
    pub(super) faults: Faults,
    pub(super) random: Random,
}

impl World {
    pub(super) fn new(plan: Plan, seed: u64) -> Self {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let blue = Environment {
            id: BLUE.into(),
            name: "shop-r6".into(),
            tag: "shop/production/6".to_owned(),
            status: EnvironmentStatus::Ready,
            cname: Some(SLOT.to_owned()),
            endpoint: Some("blue.elb".to_owned()),
            address: [10, 0, 0, 1],
            version: "v1".into(),
            min_instances: 2,
            max_instances: 4,
            scheduled: None,
            running: 2,
            up_at: Some(now - seconds(3600)),
            busy_until: now,
            is_green: false,
        };
        let third = Environment {
            id: "e-third".into(),
            name: "shop-staging".into(),
            tag: String::new(),
            cname: Some("shop-staging.eu-west-1.elasticbeanstalk.com".to_owned()),
            endpoint: Some("third.elb".to_owned()),
            address: [10, 0, 0, 3],
            ..blue.clone()
        };
        let mut world = Self {
            now,
            plan,
            quality: Quality::default(),
            basic: false,
            environments: vec![blue, third],
            artifact: None,
            version: None,
            templates: BTreeMap::new(),
            agenda: BTreeMap::new(),
            numbers: 0,
            listed: Vec::new(),
            holders: vec![(now - seconds(3600), Some(BLUE.into()))],
            served: vec![(now - seconds(3600), BTreeSet::from([BLUE.into()]))],
            shares: None,
            shares_hidden: false,
            alarms_lag: Duration::ZERO,
            linger: seconds(20),
            launch: seconds(60),
            swap: seconds(5),
            swap_unseen: false,
            swallows: false,
            swaps: Vec::new(),
            disturbed: false,
            held_back: 0,
            wrongs: Vec::new(),
            pruned: false,
            evidence: false,
            faults: Faults::default(),
            random: Random::new(seed),
        };
        world.changed();
        world
    }

    /// Puts something on the agenda.
    pub(super) fn later(&mut self, delay: Duration, effect: Effect) {
        self.numbers += 1;
        self.agenda.insert((self.now + delay, self.numbers), effect);
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, length: Duration) {
        let to = self.now + length;
        while let Some(entry) = self.agenda.first_entry() {
            if entry.key().0 > to {
                break;
            }
            let ((at, _), effect) = entry.remove_entry();
            self.now = self.now.max(at);
            self.happen(effect);
            self.changed();
        }
        self.now = to;
    }

    /// Notes what readers can see from now on, and checks what must hold at every moment.
    pub(super) fn changed(&mut self) {
        let list = self.list();
        self.listed.push((self.now, list));
        let holders: Vec<_> = self.environments.iter().filter(|one| one.holds_slot()).collect();
        if holders.len() > 1 {
            self.wrongs.push("several environments hold the slot's name".to_owned());
        }
        let holder = match &self.shares {
            Some(shares) => shares.most(),
            None => holders.first().map(|one| one.id.clone()),
        };
        let served = match &self.shares {
            Some(shares) => shares.served(),
            None => holder.iter().cloned().collect(),
        };
        if self.served.last().is_none_or(|(_, last)| *last != served) {
            self.served.push((self.now, served));
        }
        if holder.is_none() && !self.disturbed {
            self.wrongs.push("no environment holds the slot's name".to_owned());
        }
        if self.holders.last().is_none_or(|(_, last)| *last != holder) {
            self.holders.push((self.now, holder));
        }
    }

    fn happen(&mut self, effect: Effect) {
        match effect {
            Effect::Named(id) => {
                if let Some(one) = self.find(&id) {
                    one.cname = Some(BLUE_CNAME.to_owned());
                    one.endpoint = Some("green.elb".to_owned());
                }
            }
            Effect::Launched(id) => self.launched(&id),
            Effect::Rested(id) => {
                let now = self.now;
                if let Some(one) = self.find(&id)
                    && one.status == EnvironmentStatus::Updating
                    && one.busy_until <= now
                {
                    one.status = EnvironmentStatus::Ready;
                }
            }
            Effect::Swapped(a, b) => self.swapped(&a, &b),
            Effect::Ended(id) => self.environments.retain(|one| one.id != id),
            Effect::Arrives(release, intent, action) => {
                let _ = self.arrive(&release, intent, &action);
            }
            Effect::Foreign(foreign) => self.foreign(foreign),
            Effect::Shrinks(every) => {
                let served = self.served_at(self.now - self.alarms_lag);
                for one in self.environments.iter_mut().filter(|one| !served.contains(&one.id)) {
                    one.running = (one.running - 1).max(one.min_instances.min(one.running));
                }
                self.later(every, Effect::Shrinks(every));
            }
        }
    }

    fn launched(&mut self, id: &EnvironmentId) {
        let (now, dies) = (self.now, self.quality.dies);
        if dies {
            self.environments.retain(|one| one.id != *id);
        } else if let Some(one) = self.find(id)
            && one.status == EnvironmentStatus::Launching
        {
            one.status = EnvironmentStatus::Ready;
            one.up_at = Some(now + seconds(5));
        }
    }

    fn swapped(&mut self, a: &EnvironmentId, b: &EnvironmentId) {
        let name = |world: &mut Self, id| world.find(id).and_then(|one| one.cname.clone());
        let (of_a, of_b) = (name(self, a), name(self, b));
        for (id, cname) in [(a, of_b), (b, of_a)] {
            if let Some(one) = self.find(id) {
                one.cname = cname;
                if one.status == EnvironmentStatus::Updating {
                    one.status = EnvironmentStatus::Ready;
                }
            }
        }
    }

    fn foreign(&mut self, what: Foreign) {
        let green = self.green().map(|one| one.id.clone());
        let blue = EnvironmentId::from(BLUE);
        self.disturbed = true;
        match (what, green) {
            (Foreign::Swap, Some(green)) => self.swap_by_hand(&blue, &green),
            (Foreign::SwapAway, _) => {
                if let Some(holder) = self.holder() {
                    self.swap_by_hand(&holder, &"e-third".into());
                }
            }
            (Foreign::SwapGreenAway, Some(green)) => self.swap_by_hand(&green, &"e-third".into()),
            (Foreign::EndGreen, Some(green)) => self.end(&green),
            (Foreign::EndBlue, _) => self.end(&blue),
            (Foreign::UpdateBlue(long), _) => self.update(&blue, seconds(long)),
            (Foreign::UpdateGreen(long), Some(green)) => self.update(&green, seconds(long)),
            (Foreign::DeployBlue, _) => self.deploy(&blue),
            (Foreign::DeployGreen, Some(green)) => self.deploy(&green),
            (Foreign::Weigh(weight), _) => self.weigh_by_hand(BLUE, weight),
            (Foreign::Join, _) => self.weigh_by_hand("somebody", 100),
            (
                Foreign::Swap
                | Foreign::SwapGreenAway
                | Foreign::EndGreen
                | Foreign::UpdateGreen(_)
                | Foreign::DeployGreen,
                None,
            ) => {}
        }
    }

    fn deploy(&mut self, id: &EnvironmentId) {
        self.update(id, seconds(30));
        if let Some(one) = self.find(id) {
            one.version = "hotfix".into();
        }
    }

    fn swap_by_hand(&mut self, a: &EnvironmentId, b: &EnvironmentId) {
        if self.ready(a) && self.ready(b) {
            self.begin_swap(a, b);
        }
    }

    pub(super) fn begin_swap(&mut self, a: &EnvironmentId, b: &EnvironmentId) {
        for id in [a, b] {
            if !self.swap_unseen {
                self.update(id, self.swap + seconds(60));
            }
        }
        self.later(self.swap, Effect::Swapped(a.clone(), b.clone()));
    }

    /// A change of the limits.
    pub(super) fn resize(&mut self, id: &EnvironmentId, min_instances: u32, max_instances: u32) {
        self.update(id, seconds(20));
        if let Some(one) = self.find(id) {
            one.min_instances = min_instances;
            one.max_instances = max_instances;
            one.scheduled = None;
            // At once, and whoever uses them.
            one.running = one.running.clamp(min_instances, max_instances.max(min_instances));
        }
    }

    pub(super) fn update(&mut self, id: &EnvironmentId, length: Duration) {
        let until = self.now + length;
        if let Some(one) = self.find(id)
            && one.status == EnvironmentStatus::Ready
        {
            one.status = EnvironmentStatus::Updating;
            one.busy_until = until;
            self.later(length, Effect::Rested(id.clone()));
        }
    }

    pub(super) fn end(&mut self, id: &EnvironmentId) {
        if let Some(one) = self.find(id) {
            one.status = EnvironmentStatus::Terminating;
            self.later(seconds(60), Effect::Ended(id.clone()));
        }
    }

    pub(super) fn find(&mut self, id: &EnvironmentId) -> Option<&mut Environment> {
        self.environments.iter_mut().find(|one| one.id == *id)
    }

    pub(super) fn get(&self, id: &EnvironmentId) -> Option<&Environment> {
        self.environments.iter().find(|one| one.id == *id)
    }

    pub(super) fn green(&self) -> Option<&Environment> {
        self.environments.iter().find(|one| one.is_green)
    }

    pub(super) fn ready(&self, id: &EnvironmentId) -> bool {
        self.get(id).is_some_and(|one| one.status == EnvironmentStatus::Ready)
    }

    /// Who holds the slot's name.
    pub(super) fn holder(&self) -> Option<EnvironmentId> {
        self.holder_at(self.now)
    }

    /// Who held the slot's name at a moment.
    pub(super) fn holder_at(&self, at: Timestamp) -> Option<EnvironmentId> {
        self.holders
            .iter()
            .rev()
            .find(|(since, _)| *since <= at)
            .and_then(|(_, holder)| holder.clone())
    }

    /// Which environments had traffic at a moment.
    pub(super) fn served_at(&self, at: Timestamp) -> BTreeSet<EnvironmentId> {
        let found = self.served.iter().rev().find(|(since, _)| *since <= at);
        found.map(|(_, served)| served.clone()).unwrap_or_default()
    }

    /// Requests that an environment got around a moment, in ten seconds.
    pub(super) fn requests(&self, id: &EnvironmentId, at: Timestamp) -> u64 {
        if self.served_at(at).contains(id) {
            return 50;
        }
        let lost = self
            .served
            .windows(2)
            .rev()
            .find(|pair| pair[0].1.contains(id) && !pair[1].1.contains(id) && pair[1].0 <= at)
            .map(|pair| pair[1].0);
        match lost {
            Some(lost) if at < lost + self.linger => 5,
            _ => 0,
        }
    }

    /// Whether green has broken by now.
    pub(super) fn broken(&self) -> bool {
        let Some(breaks) = self.quality.breaks else {
            return false;
        };
        let Some(green) = self.green().map(|one| &one.id) else {
            return false;
        };
        self.served
            .iter()
            .find(|(_, served)| served.contains(green))
            .is_some_and(|(since, _)| {
                let mends = self.quality.mends.map(|mends| *since + breaks + mends);
                self.now >= *since + breaks && mends.is_none_or(|mends| self.now < mends)
            })
    }

    fn list(&self) -> Vec<EnvironmentSeen> {
        self.environments
            .iter()
            .map(|one| EnvironmentSeen {
                id: one.id.clone(),
                name: one.name.clone(),
                status: one.status,
                cname: one.cname.clone(),
                endpoint: one.endpoint.clone(),
                version: Some(one.version.clone()),
                color: HealthColor::Green,
                release_tag: None,
                operations_role: None,
            })
            .collect()
    }

    /// What a reader sees who may be behind.
    pub(super) fn read_list(&mut self) -> Vec<EnvironmentSeen> {
        let stale = u64::try_from(self.faults.stale.as_millis()).expect("short");
        let at = self.now - Duration::from_millis(self.random.below(stale + 1));
        let seen = self.listed.iter().rev().find(|(since, _)| *since <= at);
        seen.or(self.listed.first())
            .map_or_else(Vec::new, |(_, list)| list.clone())
    }

    /// When something made now can be seen by every reader.
    pub(super) fn seen_from(&mut self) -> Timestamp {
        let stale = u64::try_from(self.faults.stale.as_millis()).expect("short");
        self.now + Duration::from_millis(self.random.below(stale + 1))
    }

    pub(super) fn seen_templates(&self) -> BTreeSet<String> {
        self.templates
            .iter()
            .filter(|(_, from)| **from <= self.now)
            .map(|(name, _)| name.clone())
            .collect()
    }
}

impl Environment {
    pub(super) fn capacity(&self) -> CapacitySeen {
        let limits = |(min_instances, max_instances)| Limits {
            min_instances,
            max_instances,
        };
        let configured = (self.min_instances, self.max_instances);
        CapacitySeen {
            configured: limits(configured),
            group: GroupSeen {
                limits: limits(self.scheduled.unwrap_or(configured)),
                running: self.running,
            },
        }
    }

    pub(super) fn holds_slot(&self) -> bool {
        self.cname.as_deref() == Some(SLOT) && self.status != EnvironmentStatus::Terminating
    }
}
