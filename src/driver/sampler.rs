//! Probes of both environments between looks, some each second, from green's first traffic to its promotion: what a user would
//! meet.
//!
//! The looks of a release are seconds apart, and what AWS counts is ten seconds old; a green that fails outright shows in the
//! first probes. Blue is asked as often as green, for what fails on both is not green's fault.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::observe::itself;
use super::told::{Told, add};
use crate::model::ProbeResult;
use crate::probe::{Prober, Target};
use crate::release::{DrillKind, Phase, Release, Sampled};
use crate::spec::{Check, StatusRange};
use crate::verdict::Probes;

/// So many failures of green in a row are worth a look at once: fewer decide nothing.
const IN_A_ROW: u32 = 3;

/// No more probes are under way to each environment: one that hangs is not asked ever more.
const UNDER_WAY: usize = 8;

/// Releases of old may want fewer than any clock can count.
const SLOWEST: Duration = Duration::from_secs(1000);

/// Asks both environments as long as that is wanted.
#[derive(Default)]
pub(super) struct Sampler {
    plan: Option<SamplePlan>,
    heard: Arc<Heard>,
    task: Option<JoinHandle<()>>,
    /// What looks were told of and is not on record yet.
    told: Mutex<Told>,
    /// Whether green's failures were among what the newest look was told of.
    told_of_failures: AtomicBool,
}

/// Whom to ask for what, and how often.
#[derive(Clone, Debug, PartialEq)]
struct SamplePlan {
    green: Target,
    blue: Target,
    checks: Vec<Check>,
    every: Duration,
    /// In a drill, its kind and the length of the bake: which of green's probes are made to fail.
    drill: Option<(DrillKind, Duration)>,
}

impl SamplePlan {
    /// The check of a round, as blue is asked.
    fn check(&self, round: usize) -> Check {
        self.checks[round % self.checks.len()].clone()
    }

    /// The same as green is asked: the fault of a drill is a check that no answer passes. Only our own probes meet it.
    #[expect(clippy::cast_precision_loss, reason = "a bake has few rounds")]
    fn check_of_green(&self, round: usize) -> Check {
        let mut check = self.check(round);
        let Some((kind, bake)) = self.drill else { return check };
        let over = self.every.as_secs_f64() * round as f64 / bake.as_secs_f64().max(f64::MIN_POSITIVE);
        if spread(round) < kind.failing(over) {
            check.expect.status = vec![StatusRange { first: 0, last: 0 }];
        }
        check
    }
}

/// What was heard since the last look.
#[derive(Default)]
struct Heard {
    sampled: Mutex<Sampled>,
    failing: Notify,
}

impl Sampler {
    /// Begins, goes on or ends, as the release wants it.
    pub(super) fn follow(&mut self, prober: &Arc<dyn Prober>, release: &Release) {
        let plan = plan(release);
        if plan != self.plan {
            self.end();
        }
        if self.task.is_none()
            && let Some(plan) = &plan
        {
            let sampling = sample(Arc::clone(prober), plan.clone(), Arc::clone(&self.heard));
            self.task = Some(tokio::spawn(sampling));
        }
        self.plan = plan;
    }

    /// What was heard and not put on record yet, if anything was.
    pub(super) fn heard(&self) -> Option<Sampled> {
        let fresh = std::mem::take(&mut *lock(&self.heard.sampled));
        let told = {
            let mut told = lock(&self.told);
            told.add(fresh);
            told.all()
        };
        self.told_of_failures
            .store(told.green.failures > told.unreached, Ordering::Relaxed);
        let any = told.green.requests + told.blue.requests > 0.0;
        any.then_some(told)
    }

    /// What was told last is on record: it is not told again.
    pub(super) fn recorded(&self) {
        self.told_of_failures.store(false, Ordering::Relaxed);
        lock(&self.told).recorded();
    }

    /// The entry that was to put it on record has failed, and may be there all the same, or get there.
    pub(super) fn unsure(&self, nonce: String) {
        lock(&self.told).unsure(nonce);
    }

    /// So much was heard.
    #[cfg(test)]
    pub(super) fn hears(&self, sampled: Sampled) {
        *lock(&self.heard.sampled) = sampled;
    }

    /// An entry was read that has the next place in the journal.
    pub(super) fn read(&self, nonce: &str) {
        lock(&self.told).read(nonce);
    }

    /// Waits until green fails and blue does not. For ever, if the newest look was told that green fails and has put it on no record:
    /// where a person is waited for, it would be told of each failure anew, and look at all of AWS each time.
    pub(super) async fn failing(&self) {
        if self.told_of_failures.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.heard.failing.notified().await;
    }

    /// Asks nobody until it follows again. What was heard is kept.
    pub(super) fn rest(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }

    /// Asks nobody any more, and forgets what was heard: it says nothing of another step, nor of what another process makes of this one.
    pub(super) fn end(&mut self) {
        self.rest();
        self.plan = None;
        self.told_of_failures.store(false, Ordering::Relaxed);
        self.heard = Arc::default();
        self.told = Mutex::default();
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.rest();
    }
}

impl Heard {
    fn note(&self, of_green: bool, result: &ProbeResult) {
        let latency = result.latency.get().as_secs_f64() * 1000.0;
        let one = Probes {
            requests: 1.0,
            failures: if result.passed { 0.0 } else { 1.0 },
            latencies_ms: result.passed.then_some(latency).into_iter().collect(),
        };
        let mut sampled = lock(&self.sampled);
        if of_green {
            sampled.unreached += f64::from(u8::from(result.unreached));
            add(&mut sampled.green, one);
        } else {
            add(&mut sampled.blue, one);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whom to ask, while green has traffic and is not promoted. From then on blue's silence is measured, which our own requests would
/// break.
fn plan(release: &Release) -> Option<SamplePlan> {
    let compared = matches!(release.phase, Phase::Shift | Phase::Bake);
    let rate = release.plan.bake.probes_per_second;
    if !compared || release.shifted_at.is_none() || release.outcome.is_some() || rate <= 0.0 {
        return None;
    }
    // What writes is asked once with a look, by whoever wants that. Between looks it would be written twice a second.
    let mut checks = release.plan.checks(release.step);
    checks.retain(Check::only_reads);
    (!checks.is_empty()).then_some(())?;
    Some(SamplePlan {
        green: itself(&release.plan, &release.green_host()?)?,
        blue: itself(&release.plan, &release.blue_host()?)?,
        checks,
        every: Duration::try_from_secs_f64(1.0 / rate).map_or(SLOWEST, |every| every.min(SLOWEST)),
        drill: release
            .plan
            .drill
            .map(|kind| (kind, release.plan.bake_length(release.step).get())),
    })
}

/// Asks for ever.
async fn sample(prober: Arc<dyn Prober>, plan: SamplePlan, heard: Arc<Heard>) {
    let (mut green_under_way, mut blue_under_way) = (FuturesUnordered::new(), FuturesUnordered::new());
    let mut rounds = Rounds::default();
    let (mut round, mut of_blue) = (0, None);
    let ask = |round: Option<usize>, target: &Target, check: Check| {
        let (prober, target) = (Arc::clone(&prober), target.clone());
        async move { (round, prober.check(&target, &check).await) }
    };
    let mut next = Box::pin(tokio::time::sleep(Duration::ZERO));
    loop {
        // In this order always: a simulated world is the same one each time.
        tokio::select! {
            biased;
            Some((round, result)) = blue_under_way.next() => rounds.of_blue(round, &result, &heard),
            Some((round, result)) = green_under_way.next() => rounds.of_green(round, result, &heard),
            () = &mut next => {
                if blue_under_way.len() < UNDER_WAY {
                    of_blue = Some(round);
                    rounds.open.extend(of_blue);
                    blue_under_way.push(ask(of_blue, &plan.blue, plan.check(round)));
                }
                if green_under_way.len() < UNDER_WAY {
                    green_under_way.push(ask(of_blue, &plan.green, plan.check_of_green(round)));
                }
                round += 1;
                next.as_mut().reset(tokio::time::Instant::now() + plan.every.mul_f64(swing(round)));
            }
        }
    }
}

/// What has been answered, round by round. What takes down both may make one fail at once and the other one hang: what green answered is told
/// when blue's answer of the same round is known, or of the newest in which it was asked.
#[derive(Default)]
struct Rounds {
    /// Those in which blue has not answered yet.
    open: BTreeSet<usize>,
    /// What green has answered in them.
    held: Vec<(usize, ProbeResult)>,
    in_a_row: u32,
    blue_fails: bool,
}

impl Rounds {
    fn of_blue(&mut self, round: Option<usize>, result: &ProbeResult, heard: &Heard) {
        self.blue_fails = !result.passed;
        heard.note(false, result);
        if let Some(round) = round {
            self.open.remove(&round);
        }
        let ended: Vec<_> = self
            .held
            .extract_if(.., |(round, _)| !self.open.contains(round))
            .collect();
        for (_, result) in ended {
            self.tell(&result, heard);
        }
    }

    fn of_green(&mut self, round: Option<usize>, result: ProbeResult, heard: &Heard) {
        match round.filter(|round| self.open.contains(round)) {
            Some(round) => self.held.push((round, result)),
            None => self.tell(&result, heard),
        }
    }

    fn tell(&mut self, result: &ProbeResult, heard: &Heard) {
        heard.note(true, result);
        if result.unreached {
            // It may never have arrived. What that means is for the next look to say, which knows whether others are served.
            return;
        }
        self.in_a_row = if result.passed { 0 } else { self.in_a_row + 1 };
        if self.in_a_row >= IN_A_ROW && !self.blue_fails {
            heard.failing.notify_one();
        }
    }
}

/// How much longer or shorter than usual a pause is, so that probes are not in step with whatever else happens every so often.
fn swing(round: usize) -> f64 {
    spread(round).mul_add(0.4, 0.8)
}

/// Numbers from 0 to 1 that fall on no beat: multiples of the golden ratio.
#[expect(clippy::cast_precision_loss, reason = "only what is behind the point counts")]
fn spread(round: usize) -> f64 {
    (round as f64 * 0.618_033_988_749_895).fract()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::net::IpAddr;

    use async_trait::async_trait;
    use url::Url;

    use super::*;
    use crate::model::{Known, Span, Timestamp};
    use crate::release::Green;
    use crate::release::tests::{blue, plan as a_plan, release};

    /// Two environments that answer, or fail, as they are told.
    #[derive(Default)]
    struct Two {
        green_fails: AtomicBool,
        blue_fails: AtomicBool,
        hang: AtomicBool,
        /// Blue takes its time before it fails.
        blue_hangs: AtomicBool,
        /// What fails of green fails on the way.
        unreached: AtomicBool,
    }

    #[async_trait]
    impl Prober for Two {
        async fn check(&self, target: &Target, check: &Check) -> ProbeResult {
            tokio::time::sleep(Duration::from_millis(10)).await;
            if self.hang.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            let of_green = target.url().host_str() == Some("green.example");
            let fails = if of_green { &self.green_fails } else { &self.blue_fails };
            let passed = !fails.load(Ordering::Relaxed);
            if !of_green && self.blue_hangs.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            let unreached = of_green && !passed && self.unreached.load(Ordering::Relaxed);
            ProbeResult {
                check: check.title(),
                passed,
                status: Some(if passed { 200 } else { 500 }),
                latency: Span::from_millis(10),
                address: None,
                failure: None,
                unreached,
            }
        }

        async fn addresses(&self, _: &str) -> Known<BTreeSet<IpAddr>> {
            Known::Known(BTreeSet::new())
        }

        async fn fetch(&self, _: &Url, _: &BTreeMap<String, String>, _: Duration) -> Result<String, String> {
            Err("not asked for here".to_owned())
        }
    }

    fn baking() -> Release {
        let mut release = release(a_plan());
        release.phase = Phase::Bake;
        release.shifted_at = Some(Timestamp::from_millis(1));
        release.green = Some(Green {
            id: "e-green".into(),
            name: "green".into(),
            cname: None,
            endpoint: Some("green.example".to_owned()),
            reused: false,
            group: None,
        });
        release.blue = Some(blue());
        release
    }

    fn following(prober: &Arc<Two>, release: &Release) -> Sampler {
        let mut sampler = Sampler::default();
        let prober: Arc<dyn Prober> = Arc::clone(prober) as Arc<dyn Prober>;
        sampler.follow(&prober, release);
        sampler
    }

    #[tokio::test(start_paused = true)]
    async fn both_are_asked_as_often_as_the_plan_says_and_each_answer_counts_once() {
        let sampler = following(&Arc::default(), &baking());
        tokio::time::sleep(Duration::from_secs(60)).await;
        let sampled = sampler.heard().expect("they were asked");
        assert_eq!(sampler.heard().as_ref(), Some(&sampled), "it is not on record yet");
        for probes in [&sampled.green, &sampled.blue] {
            assert!((110.0..=131.0).contains(&probes.requests), "{probes:?}");
            assert!(probes.failures == 0.0 && probes.latencies_ms.len() >= 110, "{probes:?}");
        }
        sampler.recorded();
        assert_eq!(sampler.heard(), None, "they are on record");
    }

    #[tokio::test(start_paused = true)]
    async fn however_long_nobody_looks_no_failure_is_lost() {
        let two: Arc<Two> = Arc::default();
        let mut release = baking();
        release.plan.bake.probes_per_second = 50.0;
        let sampler = following(&two, &release);
        tokio::time::sleep(Duration::from_secs(60)).await;
        let before = sampler.heard().expect("they were asked").green;
        assert!(
            before.requests > 2000.0 && before.failures == 0.0,
            "{}",
            before.requests
        );
        two.green_fails.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(60)).await;
        let sampled = sampler.heard().expect("they were asked").green;
        assert!(sampled.failures > 2000.0, "{} failures", sampled.failures);
        assert!(sampled.requests >= before.requests + sampled.failures);
        assert_eq!(sampled.latencies_ms.len(), super::super::told::KEPT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_below_all_reason_is_no_panic() {
        let mut release = baking();
        release.plan.bake.probes_per_second = 1e-300;
        let sampler = following(&Arc::default(), &release);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(sampler.heard().is_some(), "the first question is asked at once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_green_that_fails_outright_is_told_within_two_seconds_and_what_fails_on_both_is_not() {
        let two: Arc<Two> = Arc::default();
        let sampler = following(&two, &baking());
        tokio::time::sleep(Duration::from_secs(5)).await;
        two.blue_fails.store(true, Ordering::Relaxed);
        two.green_fails.store(true, Ordering::Relaxed);
        let told = tokio::time::timeout(Duration::from_secs(30), sampler.failing()).await;
        assert!(told.is_err(), "the fault may be here");
        two.blue_fails.store(false, Ordering::Relaxed);
        two.green_fails.store(false, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(5)).await;
        let _ = sampler.heard();
        sampler.recorded();
        two.green_fails.store(true, Ordering::Relaxed);
        let told = tokio::time::timeout(Duration::from_secs(2), sampler.failing()).await;
        assert!(told.is_ok(), "it fails, and nobody is told");
        let sampled = sampler.heard().expect("they were asked");
        assert!(
            sampled.green.failures >= 3.0 && sampled.blue.failures == 0.0,
            "{sampled:?}"
        );
        let again = || tokio::time::timeout(Duration::from_secs(30), sampler.failing());
        assert!(again().await.is_err(), "the look has put nothing on record");
        sampler.recorded();
        assert!(again().await.is_ok(), "it still fails, and it matters");
    }

    #[tokio::test(start_paused = true)]
    async fn what_green_fails_at_once_waits_for_a_blue_that_fails_late() {
        let two: Arc<Two> = Arc::default();
        let sampler = following(&two, &baking());
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(sampler.heard().is_some());
        sampler.recorded();
        for fails in [&two.green_fails, &two.blue_fails, &two.blue_hangs] {
            fails.store(true, Ordering::Relaxed);
        }
        let told = tokio::time::timeout(Duration::from_secs(4), sampler.failing()).await;
        assert!(told.is_err(), "nobody knows yet whether blue fails as well");
        let early = sampler.heard().map_or(0.0, |sampled| sampled.green.failures);
        assert!(early == 0.0, "{early} without their fellows");
        sampler.recorded();
        let told = tokio::time::timeout(Duration::from_secs(30), sampler.failing()).await;
        assert!(told.is_err(), "it does");
        let sampled = sampler.heard().expect("they were asked");
        assert!(
            sampled.green.failures >= 20.0 && sampled.blue.failures >= 20.0,
            "{sampled:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_arrives_at_green_is_counted_apart_and_wakes_nobody() {
        let two: Arc<Two> = Arc::default();
        let sampler = following(&two, &baking());
        tokio::time::sleep(Duration::from_secs(5)).await;
        two.unreached.store(true, Ordering::Relaxed);
        two.green_fails.store(true, Ordering::Relaxed);
        let told = tokio::time::timeout(Duration::from_secs(10), sampler.failing()).await;
        assert!(told.is_err(), "the next look says what it means");
        let sampled = sampler.heard().expect("they were asked");
        assert!(sampled.unreached >= 15.0, "{sampled:?}");
        assert_eq!(sampled.green.failures.to_bits(), sampled.unreached.to_bits());
        // Although a look was told of those, what green refuses is told at once.
        two.unreached.store(false, Ordering::Relaxed);
        let told = tokio::time::timeout(Duration::from_secs(2), sampler.failing()).await;
        assert!(told.is_ok(), "it fails, and nobody is told");
    }

    #[test]
    fn a_drills_fault_is_met_by_our_probes_of_green_alone() {
        let failing = |kind, round: usize| {
            let mut release = baking();
            release.plan.drill = Some(kind);
            let plan = plan(&release).expect("it is probed");
            assert_eq!(plan.check(round), release.plan.checks(0)[0], "blue is asked as ever");
            plan.check_of_green(round) != plan.check(round)
        };
        let count = |kind, rounds: std::ops::Range<usize>| rounds.filter(|round| failing(kind, *round)).count();
        let bake = baking().plan.bake_length(0).get().as_secs() as usize * 2;
        assert_eq!(count(DrillKind::BadGreen, 0..bake), bake);
        assert_eq!(count(DrillKind::Rollback, 0..bake), 0);
        let (early, late) = (
            count(DrillKind::SlowBurn, 0..bake / 4),
            count(DrillKind::SlowBurn, bake * 3 / 4..bake),
        );
        assert!(
            early < bake / 16 && late > bake / 6,
            "{early} and {late} of {}",
            bake / 4
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_hangs_is_not_asked_ever_more() {
        let two: Arc<Two> = Arc::default();
        two.hang.store(true, Ordering::Relaxed);
        let sampler = following(&two, &baking());
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(sampler.heard(), None);
        assert!(
            Arc::strong_count(&two) <= 2 * UNDER_WAY + 4,
            "{}",
            Arc::strong_count(&two)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_asked_before_green_has_traffic_nor_when_silence_is_waited_for() {
        let asked = |change: fn(&mut Release)| {
            let mut release = baking();
            change(&mut release);
            plan(&release).is_some()
        };
        assert!(asked(|_| {}));
        assert!(!asked(|release| release.shifted_at = None));
        assert!(!asked(|release| release.phase = Phase::RollBack));
        assert!(!asked(|release| release.plan.bake.probes_per_second = 0.0));
        assert!(!asked(|release| release.plan.bake_checks.clear()));
        assert!(!asked(|release| release.plan.bake_checks[0].method = "POST".to_owned()));
        let mut mixed = baking();
        let order = Check {
            method: "POST".to_owned(),
            ..Check::default()
        };
        mixed.plan.bake_checks.insert(0, order);
        let asked_for = plan(&mixed).map(|plan| plan.checks);
        assert_eq!(asked_for, Some(vec![Check::default()]), "what writes is not repeated");
        for phase in [Phase::Drain, Phase::Retire] {
            let mut release = baking();
            release.phase = phase;
            assert_eq!(plan(&release), None, "blue is to fall silent");
        }
        // What was heard of a release that has turned says nothing any more.
        let two: Arc<Two> = Arc::default();
        let mut sampler = following(&two, &baking());
        tokio::time::sleep(Duration::from_secs(5)).await;
        let mut turned = baking();
        turned.phase = Phase::RollBack;
        let prober: Arc<dyn Prober> = Arc::clone(&two) as Arc<dyn Prober>;
        sampler.follow(&prober, &turned);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(sampler.heard(), None);
    }
}
