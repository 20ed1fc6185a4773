//! Everything that must hold before a release begins. All problems are found at once: a user who mends one should not meet
//! the next only after another try.

mod facts;
mod problem;
mod rules;

pub use facts::{BucketSeen, Facts, Quota, QuotaSeen, RuleSeen, SettingsSeen};
pub use problem::Problem;

use super::pair::Blue;
use super::plan::{Plan, Source};
use super::seen::{EnvironmentSeen, EnvironmentStatus, HealthSeen, Processing};
use crate::model::{HealthColor, HealthStatus, Known, ProbeResult, Span, Timestamp};
use crate::spec::Lever;
use problem::UNKNOWN;

/// What preflight found: problems, or the environment that is live and things worth knowing.
#[derive(Clone, Debug, PartialEq)]
pub struct Findings {
    /// All that is in the way.
    pub problems: Vec<Problem>,
    /// The live environment; `Some` when there are no problems.
    pub blue: Option<Blue>,
    /// What cannot be proved in this world, for the plan.
    pub notes: Vec<String>,
    /// Alarms of the plan that do not exist, which it does without.
    pub absent_alarms: Vec<String>,
}

/// Judges the facts.
#[must_use]
pub fn judge(plan: &Plan, facts: &Facts, now: Timestamp) -> Findings {
    let mut found = Findings {
        problems: Vec::new(),
        blue: None,
        notes: Vec::new(),
        absent_alarms: Vec::new(),
    };
    found.bundle(plan, facts);
    if found.unreadable("find out who we are on AWS", &facts.identity) {
        // Without credentials every other read fails for the same reason, and saying it once is enough.
        return found;
    }
    found.application(plan, facts);
    let live = found.live(plan, facts);
    if let Some(live) = live {
        found.live_is_fit(plan, facts, live, now);
    }
    found.version(plan, facts);
    found.bucket(plan, facts);
    found.alarms(plan, facts);
    found.quotas(plan, facts, live);
    if found.problems.is_empty()
        && let (Some(live), Some(settings)) = (live, facts.blue_settings.known())
    {
        let health = facts.blue_health.known();
        if health.is_some_and(|health| !health.enhanced()) {
            found.notes.push(format!(
                "{} reports basic health: how many instances it runs, that every one of green's runs the new version, and that blue falls silent, cannot be seen there",
                live.name
            ));
        }
        if plan.smoke.checks.is_empty() {
            found
                .notes
                .push("no smoke checks are set: green is judged by its health alone".to_owned());
        }
        found.notes.extend(unasked(plan));
        found.notes.extend(outside(plan, facts, live));
        let running = health.map_or(0, |health| health.instances.len());
        found.blue = Some(Blue {
            id: live.id.clone(),
            name: live.name.clone(),
            version: live.version.clone(),
            endpoint: live.endpoint.clone(),
            running: u32::try_from(running).unwrap_or(u32::MAX).max(1),
            min_instances: settings.min_instances,
            max_instances: settings.max_instances,
            enhanced: health.is_some_and(HealthSeen::enhanced),
            account: facts.identity.known().cloned().unwrap_or_default(),
            cname: live.cname.clone(),
            weights: facts
                .split
                .known()
                .map(|split| split.weights_of(&live.id))
                .unwrap_or_default(),
            group: facts.split.known().and_then(|split| split.group_of(&live.id)),
            health: health.and_then(|health| health.status),
            group_limits: facts.blue_group.known().map(|group| group.limits),
            zone: facts.split.known().and_then(|split| split.zone.clone()),
            records: facts
                .split
                .known()
                .and_then(|split| split.own.get(&live.id).cloned())
                .unwrap_or_default(),
        });
        found.notes.extend(found.blue.as_ref().and_then(beside));
    }
    found
}

impl Findings {
    fn add(&mut self, code: &str, message: String, advice: impl Into<String>) {
        self.problems.push(Problem::new(code, message, advice));
    }

    /// Adds a problem if something could not be read.
    fn unreadable<T>(&mut self, what: &str, fact: &Known<T>) -> bool {
        let Some(why) = fact.why_unknown() else { return false };
        self.add(
            UNKNOWN,
            format!("could not {what}: {why}"),
            "check credentials, region and permissions, then try again",
        );
        true
    }

    /// The same for what a release can do without: where somebody wants to leave a version that is bad, it is a note.
    fn unread<T>(&mut self, plan: &Plan, what: &str, fact: &Known<T>) -> bool {
        match fact.why_unknown() {
            Some(why) if plan.even_if_unhealthy => {
                self.notes.push(format!("could not {what}: {why}"));
                true
            }
            _ => self.unreadable(what, fact),
        }
    }

    fn bundle(&mut self, plan: &Plan, facts: &Facts) {
        for problem in &facts.bundle {
            self.problems.push(Problem::of_bundle(problem));
        }
        for store in &plan.extensions.stores {
            self.add(
                "resources",
                format!(
                    "the bundle has each environment make {store} for itself: green gets a new one with nothing in it, and that of the live \
                     environment is deleted with it"
                ),
                "keep it outside of the environments, and tell them of it by an environment property; if nothing in it is needed, name it in \
                 `artifact.disposable`",
            );
        }
        let unread = plan.extensions.unread.iter();
        self.notes.extend(
            unread.map(|file| {
                format!("whether the bundle makes resources that end with blue could not be seen in {file}")
            }),
        );
    }

    fn application(&mut self, plan: &Plan, facts: &Facts) {
        let application = &plan.id.slot.application;
        if self.unreadable(&format!("look up the application {application}"), &facts.application) {
            return;
        }
        if facts.application.known() == Some(&false) {
            self.add(
                "application",
                format!("there is no application {application} in this account and region"),
                "check `application` in cutover.toml, the account and the region",
            );
        }
    }

    /// The one environment that holds the slot's name.
    fn live<'a>(&mut self, plan: &Plan, facts: &'a Facts) -> Option<&'a EnvironmentSeen> {
        if facts.application.known() == Some(&false) {
            return None;
        }
        if self.unreadable("list the application's environments", &facts.environments) {
            return None;
        }
        let environments = facts.environments.known()?;
        if let Some(taken) = environments.iter().find(|seen| seen.name == plan.green_name) {
            self.add(
                "name",
                format!(
                    "an environment called {} is there already ({}), and this release has made nothing yet; where a journal was lost, \
                     numbers begin anew",
                    taken.name, taken.id
                ),
                "use the journal that the slot's releases have had so far, set another `green.name_prefix`, or remove that environment \
                 if it serves nobody",
            );
        }
        if let Some(taken) = &facts.namesake {
            self.add(
                "name",
                format!(
                    "an environment called {} is there already ({}), of another application, and a name is given once in an account and region",
                    taken.name, taken.id
                ),
                "set another `green.name_prefix`",
            );
        }
        if plan.lever.is_gradual() && !self.weights(plan, facts) {
            return None;
        }
        match facts.live(plan).as_slice() {
            [one] => Some(one),
            [] if plan.lever.is_gradual() => {
                let shown = facts.split.known().map(|split| split.describe(&"".into(), None));
                self.add(
                    "live",
                    format!(
                        "no environment of {} has all the traffic of {} ({})",
                        plan.id.slot.application,
                        plan.slot_cname,
                        shown.unwrap_or_default() + &rules::unclear(facts)
                    ),
                    "give everything to the one that is to be replaced, and remove members that lead elsewhere",
                );
                None
            }
            [] => {
                let names: Vec<_> = environments
                    .iter()
                    .filter_map(|seen| Some(format!("{} ({})", seen.cname.as_deref()?, seen.name)))
                    .collect();
                let names = if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(", ")
                };
                let advice = rules::elsewhere(environments, &plan.slot_cname).unwrap_or_else(|| {
                    format!("set `cname` in cutover.toml to the name of the live environment; there are: {names}")
                });
                self.add(
                    "live",
                    format!(
                        "no environment of {} holds the name {}",
                        plan.id.slot.application, plan.slot_cname
                    ),
                    advice,
                );
                None
            }
            several => {
                let names: Vec<_> = several.iter().map(|seen| seen.id.as_str()).collect();
                self.add(
                    "live",
                    format!(
                        "{} environments hold the name {}: {}",
                        several.len(),
                        plan.slot_cname,
                        names.join(", ")
                    ),
                    "wait until a swap that may be under way has ended, then try again",
                );
                None
            }
        }
    }

    /// Whether weights may be written here at all.
    fn weights(&mut self, plan: &Plan, facts: &Facts) -> bool {
        let slot = &plan.slot_cname;
        if self.unreadable(&format!("read the weights of {slot}"), &facts.split) {
            return false;
        }
        let Some(split) = facts.split.known() else { return false };
        for fault in &split.faults {
            self.add("weights", fault.clone(), "mend that, then try again");
        }
        let ttl = Span::from_secs(u64::from(split.ttl.unwrap_or(0)));
        if ttl > plan.drain.dns_ttl {
            self.add(
                "ttl",
                format!(
                    "resolvers keep the answers of {slot} for {ttl}, which is longer than `drain.dns_ttl` ({})",
                    plan.drain.dns_ttl
                ),
                format!("set `drain.dns_ttl = \"{ttl}\"`, or give the records a shorter time to live"),
            );
        }
        self.notes.extend(split.notes.iter().cloned());
        split.faults.is_empty()
    }

    fn live_is_fit(&mut self, plan: &Plan, facts: &Facts, live: &EnvironmentSeen, now: Timestamp) {
        let label = format!("the live environment {} ({})", live.name, live.id);
        if let Source::Recorded {
            release, environment, ..
        } = &plan.source
            && environment.as_ref() == Some(&live.id)
            && live.version.as_ref() == Some(&plan.version_label)
        {
            self.add(
                "version",
                format!(
                    "{label} is the one from before release {release}, and runs {}: it is live again already",
                    plan.version_label
                ),
                "there is nothing to take back",
            );
        }
        if let Some(role) = &live.operations_role {
            self.notes.push(format!(
                "{label} has the operations role {role}, which no saved configuration carries: green is made and changed with this \
                 caller's permissions, and has none; give it the role once it is live (`aws elasticbeanstalk \
                 associate-environment-operations-role`)"
            ));
        }
        if live.status != EnvironmentStatus::Ready {
            self.add(
                "live-busy",
                format!("{label} is {:?}, not Ready", live.status),
                "wait until its update has ended, then try again",
            );
        }
        // While it is busy, its health says nothing.
        if live.status == EnvironmentStatus::Ready
            && !self.unreadable(&format!("read the health of {label}"), &facts.blue_health)
            && let Some(health) = facts.blue_health.known()
            && let Some(bad) = unfit(health, now, plan)
        {
            let message = format!("{label} is not healthy: {bad}");
            if plan.even_if_unhealthy {
                self.notes.push(format!("{message}. A rollback would lead back to it"));
            } else {
                self.add(
                    "live-health",
                    message,
                    "bring it to health first, so that a rollback has somewhere to go; if this release is what heals it, use --even-if-unhealthy",
                );
            }
        }
        if !self.unreadable(&format!("read the configuration of {label}"), &facts.blue_settings)
            && let Some(settings) = facts.blue_settings.known()
        {
            if settings.coupled_database {
                self.add(
                    "database",
                    format!("{label} has a database of its own, which would end with it"),
                    "decouple it first: set DBDeletionPolicy to Retain, apply, then HasCoupledDatabase to false",
                );
            }
            self.balancer(plan, &label, settings.shared_balancer);
            self.rules(plan, facts, live, settings);
        }
        self.unreadable(&format!("read the Auto Scaling group of {label}"), &facts.blue_group);
        self.public_name(plan, facts);
        self.other_names(plan, facts, &label);
        self.notes.extend(own_name(plan, live, &label));
        if !self.unread(
            plan,
            &format!("read the managed updates of {label}"),
            &facts.managed_update,
        ) && let Some(Some(update)) = facts.managed_update.known()
        {
            let message = format!("a managed update of {label} is due or under way: {update}");
            // One that is under way makes it busy, which is told by itself. One that is due is no reason to stay with a bad version.
            self.unless_urgent(
                plan,
                "managed-update",
                message,
                "let it end, or move its window, then try again",
            );
        }
    }

    /// Whether green can be asked by the name in the public URL once it has traffic: where nobody answers by it, green would be
    /// blamed.
    fn public_name(&mut self, plan: &Plan, facts: &Facts) {
        let url = &plan.public_url;
        let advice = "check `public_url` in cutover.toml; `bake.checks = []` does without such checks";
        match &facts.public_addresses {
            _ if plan.bake_checks.is_empty() => {}
            Known::Known(addresses) if !addresses.is_empty() => {}
            Known::Known(_) => self.unless_urgent(
                plan,
                "public-url",
                format!("the name in {url} has no address, and green with traffic is to be checked by it"),
                advice,
            ),
            Known::Unknown(why) => self.unless_urgent(
                plan,
                UNKNOWN,
                format!("could not look up the name in {url}, by which green with traffic is to be checked: {why}"),
                advice,
            ),
        }
        if let (Some(slot), Known::Known(addresses)) = (&facts.slot_addresses, &facts.public_addresses)
            && !addresses.is_empty()
            && addresses.is_disjoint(slot)
        {
            let slot = &plan.slot_cname;
            self.notes.push(format!(
                "the name in {url} has other addresses than {slot}, as behind a distribution: whether it goes along with {slot} cannot be \
                 seen, so see that it does"
            ));
        }
    }

    /// Whether other names would lead nowhere once blue is removed.
    fn other_names(&mut self, plan: &Plan, facts: &Facts, label: &str) {
        let Some(names) = self.beside(plan, &format!("read which names lead to {label}"), &facts.other_names) else {
            return;
        };
        let slot = &plan.slot_cname;
        self.unless_urgent(
            plan,
            "other-names",
            format!("other records lead to {label} as well: {names}; only {slot} is moved, so that they lead nowhere once it is removed"),
            format!("let them lead to {slot} (an alias of it, or a CNAME), which takes them along, or to another environment"),
        );
    }

    /// What else leads to the live environment, as a list. Where that cannot be read, it keeps nobody from leaving a bad version.
    fn beside(&mut self, plan: &Plan, doing: &str, others: &Known<Vec<String>>) -> Option<String> {
        if !plan.even_if_unhealthy {
            self.unreadable(doing, others);
        }
        others
            .known()
            .filter(|others| !others.is_empty())
            .map(|others| others.join(", "))
    }

    /// Adds a problem; or a note where somebody wants to leave a version that is bad, which such a thing must not keep them from.
    fn unless_urgent(&mut self, plan: &Plan, code: &str, message: String, advice: impl Into<String>) {
        if plan.even_if_unhealthy {
            self.notes.push(message);
        } else {
            self.add(code, message, advice);
        }
    }

    /// Whether the lever goes with the balancer.
    fn balancer(&mut self, plan: &Plan, label: &str, shared: bool) {
        let (what, advice) = match (plan.lever, shared) {
            (Lever::CnameSwap, true) => (
                "shares its load balancer, and a CNAME swap does not move the balancer's host rules",
                "use a load balancer of its own for this lever, or the lever `weighted-target-groups`",
            ),
            (Lever::WeightedDns, true) => (
                "shares its load balancer, so that records cannot tell it from green",
                "use a load balancer of its own for this lever, or the lever `weighted-target-groups`",
            ),
            (Lever::WeightedTargetGroups, false) => (
                "has a load balancer of its own, and a target group cannot belong to two",
                "use a shared load balancer for this lever, or the lever `weighted-dns`",
            ),
            _ => return,
        };
        self.add("balancer", format!("{label} {what}"), advice);
    }

    fn version(&mut self, plan: &Plan, facts: &Facts) {
        let label = &plan.version_label;
        if facts.application.known() != Some(&true)
            || self.unreadable(&format!("look up version {label}"), &facts.version)
        {
            return;
        }
        let seen = facts.version.known().and_then(Option::as_ref);
        match (&plan.source, seen) {
            (Source::Bundle { key, .. }, Some(seen)) => {
                if !seen.is_made_of(key) {
                    self.add(
                        "version",
                        format!("version label {label} is taken by another bundle"),
                        "choose another label with --version-label, or leave it out",
                    );
                } else if seen.processing == Processing::Failed {
                    self.add(
                        "version",
                        format!("version {label} has this bundle, but Elastic Beanstalk failed to process it"),
                        "see the application's events for the reason, and delete the version",
                    );
                }
            }
            (Source::Recorded { .. } | Source::Live, None) => self.add(
                "version",
                format!("version {label} is gone, so nothing can be made from it"),
                "release its bundle again with `cutover release`",
            ),
            (Source::Bundle { .. }, None) | (Source::Recorded { .. } | Source::Live, Some(_)) => {}
        }
    }

    fn bucket(&mut self, plan: &Plan, facts: &Facts) {
        if !plan.publishes() || self.unreadable("look up the bucket for bundles", &facts.bucket) {
            return;
        }
        let Some(bucket) = facts.bucket.known() else { return };
        if let Some(region) = &bucket.elsewhere {
            self.add(
                "bucket",
                format!(
                    "the bucket {} is in {region}, and Elastic Beanstalk takes bundles from buckets of the application's region only",
                    bucket.name
                ),
                "name a bucket of that region in `artifact.bucket`, or leave it out",
            );
        } else if !bucket.exists && !bucket.own {
            self.add(
                "bucket",
                format!("there is no bucket {} that we can read", bucket.name),
                "check `artifact.bucket` in cutover.toml and the permissions on it",
            );
        }
    }

    /// An alarm that is on before anything begins cannot tell anything of green.
    fn alarms(&mut self, plan: &Plan, facts: &Facts) {
        if plan.alarms.is_empty() || self.unread(plan, "read the alarms of `verdict.alarms`", &facts.alarms) {
            return;
        }
        for alarm in facts.alarms.known().into_iter().flatten() {
            let name = &alarm.name;
            match alarm.on {
                None => {
                    if plan.even_if_unhealthy {
                        self.absent_alarms.push(name.clone());
                    }
                    self.unless_urgent(
                        plan,
                        "no-alarm",
                        format!("there is no alarm {name} in this account and region"),
                        "check `verdict.alarms` in cutover.toml",
                    );
                }
                Some(true) if plan.even_if_unhealthy => self.notes.push(format!(
                    "the alarm {name} is on before the release begins, and will not count against it"
                )),
                Some(true) => self.add(
                    "alarm",
                    format!("the alarm {name} is on: {}", alarm.reason),
                    "bring the service to health first; if this release is what heals it, use --even-if-unhealthy",
                ),
                Some(false) => {}
            }
        }
    }

    fn quotas(&mut self, plan: &Plan, facts: &Facts, live: Option<&EnvironmentSeen>) {
        // One that is full would let the release fail half-way, with nothing gained.
        if self.unread(plan, "read the account's quotas", &facts.quotas) {
            return;
        }
        for quota in facts.quotas.known().into_iter().flatten() {
            let needed = needed(quota.what, plan, facts, live);
            if needed > 0 && quota.used + needed > quota.maximum {
                self.add(
                    "quota",
                    format!(
                        "the account has {} of at most {} {}, and the release needs {needed} more",
                        quota.used, quota.maximum, quota.what
                    ),
                    "remove some, or ask AWS for a higher quota",
                );
            }
        }
    }
}

/// How many more a release makes.
fn needed(what: Quota, plan: &Plan, facts: &Facts, live: Option<&EnvironmentSeen>) -> u64 {
    match what {
        Quota::Environments => {
            let environments = facts.environments.known().map_or(&[][..], Vec::as_slice);
            let again = live.and_then(|live| plan.used_again(&live.id, environments));
            u64::from(again.is_none())
        }
        Quota::Versions => {
            let there = facts.version.known().is_some_and(Option::is_some);
            u64::from(matches!(plan.source, Source::Bundle { .. }) && !there)
        }
        // Blue's is one; that of green was recorded, if there is one.
        Quota::Templates => match plan.source {
            Source::Bundle { .. } | Source::Live => 2,
            Source::Recorded { .. } => 1,
        },
    }
}

/// What of the smoke checks the bake leaves out for what it might write, and that nothing is left, if so.
fn unasked(plan: &Plan) -> Vec<String> {
    if !plan.bake.checks.is_empty() {
        return Vec::new();
    }
    let mut notes: Vec<String> = plan
        .smoke
        .checks
        .iter()
        .filter(|check| check.host.is_none() && !check.only_reads())
        .map(|check| {
            format!(
                "{} is asked before green has traffic and not in the bake, which would repeat what it writes; name it in `bake.checks` if \
                 it may be asked with each look",
                check.title()
            )
        })
        .collect();
    if plan.bake_checks.is_empty() && !plan.smoke.checks.is_empty() {
        notes.push(
            "no check is asked in the bake: green is judged there by its health and by what both serve; name some in `bake.checks`"
                .to_owned(),
        );
    }
    notes
}

/// Limits that are not those of the live environment's configuration.
fn beside(blue: &Blue) -> Option<String> {
    let group = blue.group_limits.filter(|group| *group != blue.limits())?;
    let most = blue.most();
    Some(format!(
        "the Auto Scaling group of {} may run {group} instances, while its configuration says {}: something beside Elastic Beanstalk \
         changes it, such as a scheduled action. So that no instance that runs is ended, its MaxSize is not set below {most}, nor is \
         green's, unless `green.max_instances` says so",
        blue.name,
        blue.limits()
    ))
}

/// What becomes of the name that the live environment was given, where its traffic moves by weights: it is no part of that, and ends with
/// the environment.
fn own_name(plan: &Plan, live: &EnvironmentSeen, label: &str) -> Option<String> {
    let own = live.cname.as_ref().filter(|_| plan.lever.is_gradual())?;
    // Names that Elastic Beanstalk has made up have this in them (source: docs, "Environment name and domain name").
    let given = !own.contains(".eba-");
    given.then(|| {
        format!(
            "{own}, the own name of {label}, ends with it: whoever asks by that name, and not by {}, gets no answer once the release is \
             over, and anybody may take it",
            plan.slot_cname
        )
    })
}

/// What was asked outside of AWS and is no reason to refuse a release: what blue fails may be new with this version, and an
/// endpoint that is silent now may tell of green in time.
fn outside(plan: &Plan, facts: &Facts, live: &EnvironmentSeen) -> Vec<String> {
    let label = format!("the live environment {} ({})", live.name, live.id);
    let mut notes = Vec::new();
    match &facts.blue_checks {
        Known::Known(results) => {
            let failed: Vec<String> = results
                .iter()
                .filter(|result| !result.passed)
                .map(ProbeResult::fault)
                .collect();
            if !failed.is_empty() {
                let silent = results.iter().all(|result| result.status.is_none());
                let port = if silent && plan.public_url.starts_with("https:") {
                    " (environments are asked on port 80 first, so their load balancer needs a listener there, be it one that leads to https)"
                } else {
                    ""
                };
                notes.push(format!(
                    "{label} does not pass the smoke checks that green will have to pass: {}{port}; where that is not new with this \
                     version, mend the check, or the way from here to the environments",
                    failed.join("; ")
                ));
            }
        }
        Known::Unknown(why) => notes.push(format!("{label} could not be asked by the smoke checks: {why}")),
    }
    if let Some(why) = &facts.endpoint_fault {
        let then = if plan.bake.min_requests == 0 {
            "what it counts will not be judged"
        } else {
            "no bake passes"
        };
        notes.push(format!(
            "asked for the live environment, the address in `verdict.endpoint` tells nothing now: {why}; while that stays so, {then}"
        ));
    }
    notes
}

/// Why an environment is not fit to be live, if so.
fn unfit(health: &HealthSeen, now: Timestamp, plan: &Plan) -> Option<String> {
    match health.status {
        Some(HealthStatus::Ok | HealthStatus::Info) => {
            let age = now.since(health.refreshed_at?);
            (age > plan.provision.max_age.get()).then(|| format!("its health data is {} s old", age.as_secs()))
        }
        Some(status) => Some(health.in_words(&status)),
        None => (health.color != HealthColor::Green).then(|| health.in_words(&health.color)),
    }
}
