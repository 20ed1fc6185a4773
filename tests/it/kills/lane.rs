//! One slot with its application, its users and its machines, on which release follows release.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cutover::journal::{self, Journal, S3Journal};
use cutover::model::{EnvironmentId, ReleaseNumber};
use cutover::release::{Action, Event, Outcome, Release, ReleaseId, Slot};
use tokio::time::{Instant, sleep};

use super::moment::Moment;
use super::pulse::Pulse;
use super::tally::{Run, Tally};
use crate::support::child::{Child, Ended};
use crate::support::cloud::Users;
use crate::support::project::JOURNAL;
use crate::support::proxy::mutates;
use crate::support::random::Random;
use crate::support::{Cloud, Fault, MOMENT, Project, RELEASE, bundles, turn};

/// What must not happen twice.
const DANGEROUS: [&str; 3] = ["SwapEnvironmentCNAMEs", "CreateEnvironment", "TerminateEnvironment"];

/// How long such a call is on its way at most: long enough for the next driver to look at the world before it arrives.
const SLOWEST: Duration = Duration::from_millis(2500);

/// When nothing moves in this process for so long, the machine is at fault, or what else runs on it.
const STILL: Duration = Duration::from_secs(1);

/// From how many places a slot is released.
const MACHINES: usize = 3;

/// One slot.
pub(super) struct Lane<'a> {
    cloud: &'a Cloud,
    name: String,
    machines: Vec<Project>,
    journal: Arc<dyn Journal>,
    slot: Slot,
    users: Users,
    random: Random,
    /// The version that is live.
    live: u32,
    /// How many releases there were.
    releases: u32,
}

impl<'a> Lane<'a> {
    pub(super) async fn start(cloud: &'a Cloud, number: usize, random: Random) -> Self {
        let _turn = turn().await;
        let name = format!("kills-{number}");
        let first = cloud.project(&name).await;
        // Where another machine finds it; `crash.rs` kills drivers whose journal is in a folder.
        let bucket = cloud.aws.create_storage_location().await.unwrap();
        first.settings(&[(JOURNAL, &format!("journal = \"s3://{bucket}/journals\""))]);
        let journal: Arc<dyn Journal> = Arc::new(S3Journal::new(cloud.aws.clone(), bucket, "journals"));
        let mut machines = vec![first];
        while machines.len() < MACHINES {
            machines.push(machines[0].elsewhere(cloud).await);
        }
        Self {
            cloud,
            slot: Slot {
                application: name.as_str().into(),
                name: "production".into(),
            },
            users: cloud.users(&name, 25.0),
            name,
            machines,
            journal,
            random,
            live: 1,
            releases: 0,
        }
    }

    /// Releases until nobody is left to be killed.
    pub(super) async fn run(mut self, tally: &Tally) {
        loop {
            // One kill is the usual fate; some meet two or three.
            let most = [1, 1, 1, 2, 2, 3][self.random.index(6)];
            let kills = tally.promise(most);
            if kills == 0 {
                return;
            }
            let _turn = turn().await;
            let run = self.release(kills, tally).await;
            let sound = run.wrong.is_empty();
            tally.ended(run);
            if !sound {
                // What comes next here would say nothing.
                return;
            }
        }
    }

    /// One release, its kills, and a look at what is left of it.
    async fn release(&mut self, kills: usize, tally: &Tally) -> Run {
        self.releases += 1;
        let version = self.releases + 1;
        let mut run = Run {
            good: self.random.index(4) > 0,
            ..Run::default()
        };
        let kind = if run.good { "good" } else { "bad" };
        run.story
            .push(format!("{}: version {version} is {kind}, {kills} kills", self.name));
        self.slow_down();
        let before = self.done();
        let mark = self.users.mark();
        let pulse = Pulse::start();
        let ended = self.driven(version, kills, tally, &mut run).await;
        self.judge(version, &ended, &mut run).await;
        self.count(before, &mut run).await;
        if run.good {
            let since = self.users.since(&mark);
            // Users that stood still themselves say nothing of whom they ask.
            if pulse.longest() > STILL {
                let unsent = since
                    .failures_by_kind
                    .iter()
                    .filter(|(kind, _)| kind.starts_with("not sent"));
                run.stood_still = unsent.map(|(_, count)| count).sum();
            }
            run.requests = since.requests - run.stood_still;
            run.failed = since.failed - run.stood_still;
            if run.failed > 0 {
                let kinds = since.failures_by_kind;
                run.wrong
                    .push(format!("{} requests of users failed: {kinds:?}", run.failed));
            }
        }
        if !run.wrong.is_empty() {
            run.story.push(ended.said());
        }
        run
    }

    /// Half of the dangerous calls are on their way for a while.
    fn slow_down(&mut self) {
        for machine in &self.machines {
            machine.proxy.behave();
            for call in DANGEROUS {
                let length = SLOWEST.mul_f64((self.random.share() * 2.0 - 1.0).max(0.0));
                machine.proxy.order(call, Fault::Delay(length), usize::MAX);
            }
        }
    }

    /// Starts the release, kills it, has another machine go on, and so on, to the end.
    async fn driven(&mut self, version: u32, kills: usize, tally: &Tally, run: &mut Run) -> Ended {
        let bundle = if run.good { bundles::good } else { bundles::bad };
        let bundle = bundle(&version.to_string());
        let mut left = kills;
        let mut machine = self.random.index(MACHINES);
        loop {
            let began = Instant::now();
            let first = !self.written(1).await;
            let moment = Moment::draw(&mut self.random, tally.usual(), !first);
            let project = &self.machines[machine];
            let mut child = if first {
                project.release(&format!("v{version}"), &bundle, &[])
            } else {
                project.start(&["resume", "--json"])
            };
            if left == 0 {
                return child.end(RELEASE).await;
            }
            if !self.wait(&mut child, machine, moment).await {
                run.story
                    .push(format!("machine {machine} ended before it was killed, {moment}"));
                tally.give_back(left);
                if first {
                    tally.took(began.elapsed());
                }
                return child.end(MOMENT).await;
            }
            child.kill().await;
            left -= 1;
            let release = self.release_so_far().await;
            let phase = release
                .as_ref()
                .map_or("before it began", |release| release.phase.as_str());
            let pending = release.as_ref().and_then(|release| release.pending.as_ref());
            let doubt = pending.filter(|pending| pending.result.is_none());
            tally.killed(phase, doubt.is_some());
            let doubt = doubt.map(|doubt| format!(", with a call in doubt: {}", doubt.action.describe()));
            run.story.push(format!(
                "machine {machine} killed {moment}, in {phase}{}",
                doubt.unwrap_or_default()
            ));
            machine = (machine + 1 + self.random.index(MACHINES - 1)) % MACHINES;
        }
    }

    /// Waits for a moment in a process's life. `false` if it ended before that.
    async fn wait(&self, child: &mut Child, machine: usize, moment: Moment) -> bool {
        let end = Instant::now() + RELEASE;
        let entries = self.release_so_far().await.map_or(0, |release| release.sequence);
        let calls = self.calls(machine, moment);
        let counted = async || match moment {
            Moment::Time(_) => true,
            Moment::Entry(count, _) => self.written(entries + u64::try_from(count).unwrap()).await,
            Moment::Call(count, _) | Moment::Dangerous(count, _) => self.calls(machine, moment) >= calls + count,
        };
        while !counted().await {
            assert!(
                Instant::now() < end,
                "it neither gets there nor ends: {moment}: {}",
                child.said()
            );
            if !child.runs() {
                return false;
            }
            sleep(Duration::from_millis(3)).await;
        }
        sleep(moment.delay()).await;
        child.runs()
    }

    /// How many calls of the kind that a moment counts a machine has sent. Writes of objects do not count: the journal's are
    /// too many.
    fn calls(&self, machine: usize, moment: Moment) -> usize {
        let proxy = &self.machines[machine].proxy;
        match moment {
            Moment::Dangerous(..) => proxy.count_of(|seen| DANGEROUS.contains(&seen)),
            _ => proxy.count_of(|seen| mutates(seen) && seen != "PutObject"),
        }
    }

    /// How often each of the dangerous calls was done so far.
    fn done(&self) -> [usize; 3] {
        DANGEROUS.map(|call| self.machines.iter().map(|machine| machine.proxy.done(call)).sum())
    }

    fn id(&self) -> ReleaseId {
        ReleaseId {
            slot: self.slot.clone(),
            number: ReleaseNumber(self.releases),
        }
    }

    async fn written(&self, sequence: u64) -> bool {
        self.journal.entry(&self.id(), sequence).await.unwrap().is_some()
    }

    /// The release as its journal tells it: replayed from the first entry.
    async fn release_so_far(&self) -> Option<Release> {
        journal::catch_up(self.journal.as_ref(), &self.id(), None)
            .await
            .unwrap()
    }

    /// Whether it ended rightly: in what the last process says, in the journal, and on the cloud.
    async fn judge(&mut self, version: u32, ended: &Ended, run: &mut Run) {
        let (code, outcome) = if run.good {
            (0, Outcome::Promoted)
        } else {
            (4, Outcome::RolledBack)
        };
        let last = ended.stdout.lines().last().unwrap_or_default();
        let told: serde_json::Value = serde_json::from_str(last).unwrap_or_default();
        if ended.code != Some(code) || told["outcome"] != outcome.code() {
            run.wrong.push(format!("it should say {outcome}, and says: {last}"));
        }
        let written = self.release_so_far().await.and_then(|release| release.outcome);
        if written.as_ref().is_none_or(|(written, _)| *written != outcome) {
            run.wrong
                .push(format!("the journal should say {outcome}, and says {written:?}"));
        }
        if run.good {
            self.live = version;
        }
        let live = self.live.to_string();
        let unsettled = self.cloud.unsettled(&self.name, &format!("v{live}"), &live).await;
        run.wrong.extend(unsettled);
        let there = self.cloud.environments(&self.name).await.len();
        run.orphans = there.saturating_sub(1);
    }

    /// Whether each dangerous call was done as often as it should be, and nothing is left lying about.
    async fn count(&self, before: [usize; 3], run: &mut Run) {
        let after = self.done();
        let [swaps, creates, ends] = std::array::from_fn(|call| after[call] - before[call]);
        let fit = if run.good { swaps == 1 } else { swaps == 0 || swaps == 2 };
        if !fit || creates != 1 || ends != 1 {
            run.wrong
                .push(format!("{swaps} swaps, {creates} environments made, {ends} ended"));
        }
        let mut intents = BTreeMap::new();
        let mut applied: BTreeMap<EnvironmentId, usize> = BTreeMap::new();
        for sequence in 1.. {
            let Some(entry) = self.journal.entry(&self.id(), sequence).await.unwrap() else {
                break;
            };
            match entry.event {
                Event::Intended {
                    action: Action::Swap { to, .. },
                } => drop(intents.insert(sequence, to)),
                Event::Resolved {
                    intent, applied: true, ..
                } => {
                    if let Some(to) = intents.get(&intent) {
                        *applied.entry(to.clone()).or_default() += 1;
                    }
                }
                _ => {}
            }
        }
        if applied.values().sum::<usize>() != swaps || applied.values().any(|count| *count > 1) {
            run.wrong
                .push(format!("{swaps} swaps were done, and the journal knows of {applied:?}"));
        }
        let found = self
            .cloud
            .client
            .describe_applications()
            .application_names(&self.name)
            .send()
            .await
            .unwrap();
        let templates = found.applications()[0].configuration_templates();
        if templates.len() > 1 {
            run.wrong.push(format!("templates are left: {templates:?}"));
        }
    }
}
