//! Everything that is there, and how it goes on.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::ledger::{Ledger, LedgerRow};
use super::random::Random;
use super::site::{Deployed, Fault, Site};
use super::time::{Curve, Stretch, length, millis};
use super::users::{Followers, Lead, Linger};
use super::version::VersionModel;
use crate::local::balancers::routing::{Action, Asked, Condition, Rule, route};
use crate::local::balancers::{DesiredBalancer, LoadBalancerArn, TargetGroupArn};
use crate::local::plane::{DesiredEnvironment, Holder};
use crate::model::{EnvironmentId, Timestamp, VersionLabel};

/// Everything that is there.
#[derive(Clone)]
pub(super) struct State {
    pub(super) random: Random,
    pub(super) versions: BTreeMap<VersionLabel, Arc<VersionModel>>,
    well: Arc<VersionModel>,
    /// All sites that ever were: users may still look for one that is gone.
    pub(super) sites: Vec<Site>,
    places: BTreeMap<EnvironmentId, usize>,
    /// Places of sites that are not gone, the oldest first.
    present: Vec<usize>,
    names: BTreeMap<String, Followers>,
    /// Who holds a name in DNS.
    holders: BTreeMap<String, Holder>,
    /// How long resolvers keep an answer, in milliseconds.
    ttl: i64,
    pub(super) balancers: Vec<DesiredBalancer>,
    /// All load balancers that ever were, for their addresses.
    pub(super) entrances: Vec<LoadBalancerArn>,
    /// Places of sites by their target groups.
    pub(super) groups: BTreeMap<TargetGroupArn, usize>,
    /// Counts requests of probes to load balancers.
    pub(super) asked: u64,
    /// Faults of environments that do not exist yet.
    early_faults: BTreeMap<EnvironmentId, Vec<Fault>>,
    ledger: Ledger,
    /// Up to when all is reckoned.
    settled: i64,
    /// The next moment at which something changes course.
    next: Option<i64>,
    /// Rates of a stretch by site; kept to save allocations.
    rates: Vec<(usize, Curve)>,
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            versions: BTreeMap::new(),
            well: Arc::default(),
            sites: Vec::new(),
            places: BTreeMap::new(),
            present: Vec::new(),
            names: BTreeMap::new(),
            holders: BTreeMap::new(),
            ttl: 0,
            balancers: Vec::new(),
            entrances: Vec::new(),
            groups: BTreeMap::new(),
            asked: 0,
            early_faults: BTreeMap::new(),
            ledger: Ledger::default(),
            settled: i64::MIN,
            next: None,
            rates: Vec::new(),
        }
    }

    pub(super) fn site(&self, id: &EnvironmentId) -> Option<&Site> {
        self.sites.get(*self.places.get(id)?)
    }

    pub(super) fn site_mut(&mut self, id: &EnvironmentId) -> Option<&mut Site> {
        self.sites.get_mut(*self.places.get(id)?)
    }

    /// Lets everything happen that is due by a moment. What users do after the last of it is not reckoned yet.
    pub(super) fn advance(&mut self, now: i64) {
        while let Some(next) = self.next.filter(|next| *next <= now) {
            self.settle_to(next);
            for place in &self.present {
                self.sites[*place].fire(next);
            }
            self.plan();
        }
    }

    /// The same, and reckons what users did until that moment.
    pub(super) fn settle(&mut self, now: i64) {
        self.advance(now);
        self.settle_to(now);
    }

    /// What is reckoned stays as it is: news from before count from then on.
    fn not_before_settled(&self, now: Timestamp) -> Timestamp {
        now.max(Timestamp::from_millis(self.settled))
    }

    /// What became of the users' requests until a moment. The copy is what keeps a look from being a step of its own, which
    /// would round differently from then on.
    pub(super) fn ledger(&mut self, now: i64) -> Vec<LedgerRow> {
        self.advance(now);
        if now <= self.settled {
            return self.ledger.rows();
        }
        let mut copy = self.clone();
        copy.settle_to(now);
        copy.ledger.rows()
    }

    fn settle_to(&mut self, until: i64) {
        if until <= self.settled {
            return;
        }
        let stretch = Stretch {
            from: self.settled,
            until,
        };
        self.settled = until;
        if self.names.values().all(|followers| followers.rate <= 0.0) {
            return;
        }
        let mut rates = std::mem::take(&mut self.rates);
        rates.clear();
        for followers in self.names.values() {
            followers.spread(&stretch, |site, rate| match site {
                Some(site) => add_rate(&mut rates, site, rate),
                None => self.ledger.lose_nowhere(stretch.integral(&rate), &stretch),
            });
        }
        for (place, rate) in &rates {
            let site = &mut self.sites[*place];
            let row = self.ledger.row(site.deployment.row);
            site.serve(rate, &stretch, row);
        }
        self.rates = rates;
    }

    /// To be called after every change: finds out when something changes course next.
    fn plan(&mut self) {
        let now = self.settled;
        let sites = &mut self.sites;
        self.present.retain(|place| !sites[*place].is_gone());
        self.names.retain(|_, followers| {
            followers.forget(now);
            for place in followers.sites() {
                sites[place].deployment.first_users.get_or_insert(now);
            }
            !followers.is_idle()
        });
        let of_sites = self.present.iter().filter_map(|place| sites[*place].next_edge(now));
        let of_names = self.names.values().filter_map(|followers| followers.next_edge(now));
        self.next = of_sites.chain(of_names).min();
    }

    pub(super) fn apply(&mut self, desired: &[DesiredEnvironment], now: Timestamp) {
        let now = self.not_before_settled(now);
        let at = millis(now);
        self.advance(at);
        let as_wanted = |wanted: &DesiredEnvironment| self.site(&wanted.id).is_some_and(|site| site.is_as(wanted));
        let staying = self.present.iter().filter(|place| self.sites[**place].leaves.is_none());
        if staying.count() == desired.len() && desired.iter().all(as_wanted) {
            return;
        }
        self.settle(at);
        for place in &self.present {
            let site = &mut self.sites[*place];
            if site.leaves.is_none() && !desired.iter().any(|wanted| wanted.id == site.id) {
                site.remove(at);
            }
        }
        for wanted in desired {
            match self.places.get(&wanted.id).copied() {
                Some(place) => self.bring(place, wanted, now),
                None => self.make(wanted, now),
            }
        }
        self.plan();
    }

    fn deployed(&mut self, wanted: &DesiredEnvironment, now: Timestamp) -> Deployed {
        let model = self
            .versions
            .get(&wanted.deployment.version_label)
            .unwrap_or(&self.well);
        let model = Arc::clone(model);
        let row = self.ledger.open(Site::row(wanted, now));
        Deployed::new(wanted, model, row, millis(now))
    }

    fn make(&mut self, wanted: &DesiredEnvironment, now: Timestamp) {
        let place = self.sites.len();
        let deployment = self.deployed(wanted, now);
        let faults = self.early_faults.remove(&wanted.id).unwrap_or_default();
        let random = self.random.at(place as u64);
        let mut site = Site::new(wanted, deployment, faults, address(place), random);
        site.fill(millis(now));
        self.sites.push(site);
        self.places.insert(wanted.id.clone(), place);
        self.present.push(place);
        if let Some(group) = &wanted.target_group {
            self.groups.insert(group.clone(), place);
        }
    }

    fn bring(&mut self, place: usize, wanted: &DesiredEnvironment, now: Timestamp) {
        let deployment = (!self.sites[place].runs(wanted)).then(|| self.deployed(wanted, now));
        let site = &mut self.sites[place];
        if site.leaves.is_some() {
            // One that is on its way out stays so; the account makes no environment with the same id again.
            return;
        }
        site.balancer.clone_from(&wanted.balancer);
        site.wanted = wanted.instances;
        site.dismissed.clone_from(&wanted.dismissed);
        if let Some(deployment) = deployment {
            site.deploy(deployment, millis(now));
        }
        site.fill(millis(now));
    }

    pub(super) fn names(&mut self, holders: &[(String, Holder)], ttl: Duration, now: Timestamp) {
        let at = millis(self.not_before_settled(now));
        self.advance(at);
        self.ttl = length(ttl);
        self.holders = holders.iter().cloned().collect();
        self.lead(at);
    }

    pub(super) fn balance(&mut self, desired: &[DesiredBalancer], now: Timestamp) {
        if self.balancers == desired {
            return;
        }
        let at = millis(self.not_before_settled(now));
        self.advance(at);
        self.balancers = desired.to_vec();
        for balancer in desired {
            if !self.entrances.contains(&balancer.arn) {
                self.entrances.push(balancer.arn.clone());
            }
        }
        self.lead(at);
    }

    /// Lets users follow their names to where they lead now.
    fn lead(&mut self, at: i64) {
        let names = self.holders.keys().chain(self.names.keys());
        let mut moved: BTreeMap<String, (Lead, Linger)> = BTreeMap::new();
        let nowhere = Lead::default();
        for name in names {
            let before = self.names.get(name).map_or(&nowhere, |followers| &followers.lead);
            let (lead, cookie) = self.lead_of(name);
            if lead == *before || lead.is_nowhere() && before.is_nowhere() {
                continue;
            }
            let linger = match cookie {
                Some(length) if lead.is_through_the_same(before) => Linger::Cookie(length),
                None if lead.is_through_the_same(before) => Linger::No,
                _ => Linger::Dns(self.ttl),
            };
            moved.insert(name.clone(), (lead, linger));
        }
        if moved.is_empty() {
            return;
        }
        self.settle(at);
        for (name, (lead, linger)) in moved {
            self.names.entry(name).or_default().move_to(lead, at, linger);
        }
        self.plan();
    }

    /// Where a name leads, and for how many milliseconds users stay where a load balancer sent them first.
    ///
    /// A name that is nobody's in the account leads to the load balancer with a rule for just that host: there its owner's
    /// own DNS would send it.
    fn lead_of(&self, name: &str) -> (Lead, Option<i64>) {
        match self.holders.get(name) {
            Some(holder) => self.lead_to(holder, name),
            None => {
                let is_for = |rule: &Rule| {
                    rule.conditions.iter().any(|condition| match condition {
                        Condition::HostHeader(hosts) => hosts.iter().any(|host| host.eq_ignore_ascii_case(name)),
                        _ => false,
                    })
                };
                let mut balancers = self.balancers.iter();
                let balancer =
                    balancers.find(|balancer| balancer.rules().is_some_and(|rules| rules.iter().any(is_for)));
                balancer.map_or_else(Default::default, |balancer| self.lead_through(balancer, name))
            }
        }
    }

    fn lead_to(&self, holder: &Holder, name: &str) -> (Lead, Option<i64>) {
        match holder {
            Holder::Environment(id) => (Lead::to(self.places.get(id).copied()), None),
            Holder::LoadBalancer(arn) => {
                let mut balancers = self.balancers.iter();
                let balancer = balancers.find(|balancer| balancer.arn == *arn);
                balancer.map_or_else(Default::default, |balancer| self.lead_through(balancer, name))
            }
            Holder::Weighted(holders) => {
                let leads = holders
                    .iter()
                    .map(|(holder, weight)| (self.lead_to(holder, name).0, *weight));
                (Lead::weighted(leads), None)
            }
            Holder::Nobody => Default::default(),
        }
    }

    /// Users ask for `/`. Those whom no target group gets are lost, as are those who get an answer of the balancer's own.
    fn lead_through(&self, balancer: &DesiredBalancer, host: &str) -> (Lead, Option<i64>) {
        let action = route(balancer.rules().unwrap_or_default(), &Asked::plainly(host, "/"));
        let Some(Action::Forward(forward)) = action else {
            return (Lead::split(vec![(None, 1.0)], &balancer.arn), None);
        };
        let total = f64::from(forward.total());
        let shares = forward.groups.iter().map(|group| {
            let share = f64::from(group.weight) / total;
            (self.groups.get(&group.arn).copied(), share)
        });
        let shares = if total > 0.0 {
            shares.collect()
        } else {
            vec![(None, 1.0)]
        };
        let sticky = forward.stickiness;
        let cookie = sticky.duration_seconds.filter(|_| sticky.enabled);
        let cookie = cookie.map(|seconds| length(balancer.pace.seconds(seconds)));
        (Lead::split(shares, &balancer.arn), cookie)
    }

    pub(super) fn set_users(&mut self, name: &str, rate: f64, now: Timestamp) {
        self.settle(millis(now));
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        self.names.entry(name).or_default().rate = rate;
        self.lead(millis(now));
        self.plan();
    }

    pub(super) fn break_environment(&mut self, id: &EnvironmentId, from: Timestamp, until: Timestamp, error_rate: f64) {
        let fault = Fault {
            from: millis(self.not_before_settled(from)),
            until: millis(until),
            error_rate,
        };
        match self.site_mut(id) {
            Some(site) => site.add_fault(fault),
            None => self.early_faults.entry(id.clone()).or_default().push(fault),
        }
        self.plan();
    }

    /// Requests per second of users on a site at a moment.
    pub(super) fn users_on(&mut self, id: &EnvironmentId, now: Timestamp) -> f64 {
        let at = millis(now);
        self.advance(at);
        let Some(place) = self.places.get(id).copied() else {
            return 0.0;
        };
        let mut sum = 0.0;
        for followers in self.names.values() {
            followers.spread(&Stretch { from: at, until: at }, |site, rate| {
                if site == Some(place) {
                    sum += rate[0];
                }
            });
        }
        sum
    }

    pub(super) fn environment_at(&self, address: SocketAddr) -> Option<EnvironmentId> {
        let site = self.sites.iter().find(|site| site.address == address)?;
        Some(site.id.clone())
    }

    pub(super) fn address(&self, id: &EnvironmentId) -> Option<SocketAddr> {
        self.site(id)
            .filter(|site| !site.is_gone() && !site.is_behind_another)
            .map(|site| site.address)
    }
}

fn add_rate(rates: &mut Vec<(usize, Curve)>, site: usize, rate: Curve) {
    match rates.iter_mut().find(|(known, _)| *known == site) {
        Some((_, sum)) => sum.iter_mut().zip(rate).for_each(|(sum, rate)| *sum += rate),
        None => rates.push((site, rate)),
    }
}

/// The address of the balancer that was made at that place in the order of all.
fn address(place: usize) -> SocketAddr {
    let [_, a, b, c] = u32::try_from(place + 1).unwrap_or(u32::MAX).to_be_bytes();
    (Ipv4Addr::new(10, a, b, c), 80).into()
}
