//! Waiting in virtual time, by a journal in a folder. There is no cloud: preflight can see nothing, and says so.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::*;
use crate::aws::{Aws, AwsSettings, InProcess};
use crate::compose::Project;
use crate::driver::{Busy, Overrides, World};
use crate::journal::{Append, DirectoryJournal, Journal, catch_up};
use crate::model::{Clock, Timestamp};
use crate::probe::{HttpProber, ProbeSettings};
use crate::release::tests::{first_entry, plan};
use crate::release::{Entry, Event, Listener, Outcome, Source, limits};
use crate::spec::Spec;
use watch::{ORPHAN, Watched, until_over};

/// When the first entry was written, by its driver's clock.
const BEGAN: i64 = 1_000_000;

/// A clock that goes with tokio's, which stands still while anybody works.
struct Paused {
    start: Instant,
    /// By how much the time of day is ahead.
    ahead: Duration,
}

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(BEGAN) + self.ahead + self.start.elapsed()
    }

    fn since_boot(&self) -> Duration {
        Duration::from_secs(1000) + self.start.elapsed()
    }
}

struct NoCloud;

#[async_trait]
impl InProcess for NoCloud {
    async fn answer(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, String> {
        Err("there is no cloud in this test".to_owned())
    }
}

/// Remembers what it is told.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn ahead(&self) -> Vec<String> {
        let all = self.all();
        all.into_iter().filter(|text| text.starts_with("ahead ")).collect()
    }
}

impl Listener for Heard {
    fn notice(&self, notice: Notice<'_>) {
        let text = match notice {
            Notice::Ahead { release, free, until } => {
                let left = until.since(Timestamp::from_millis(BEGAN)).as_secs();
                format!("ahead {}, {}, until {left}", release.phase, free.unwrap_or("driven"))
            }
            Notice::Remark { message } | Notice::Trouble { message } => message.to_owned(),
            Notice::Entry { .. } | Notice::Waiting { .. } | Notice::Progress { .. } | Notice::Plan { .. } => return,
        };
        self.0.lock().unwrap().push(text);
    }
}

/// A slot with release 7 under way, which nobody drives but the test.
struct Scene {
    _folder: tempfile::TempDir,
    journal: Arc<DirectoryJournal>,
    heard: Arc<Heard>,
    seat: Seat,
    start: Instant,
}

impl Scene {
    async fn new() -> Self {
        Self::ahead(Duration::ZERO).await
    }

    /// The time of day of whoever waits is ahead of the driver's.
    async fn ahead(ahead: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = Arc::new(DirectoryJournal::new(folder.path()));
        let heard = Arc::new(Heard::default());
        let aws = Aws::connect(&AwsSettings {
            region: Some("eu-west-1".to_owned()),
            in_process: Some(Arc::new(NoCloud)),
            endpoint: Some("http://cloud".to_owned()),
            keys: Some(("key".to_owned(), "secret".to_owned())),
        })
        .await;
        let prober = Arc::new(HttpProber::new(ProbeSettings::default()).unwrap());
        let world = World::new(aws, prober, Overrides::default(), Vec::new());
        let start = Instant::now();
        let seat = Seat::new(
            Arc::clone(&journal) as Arc<dyn Journal>,
            Arc::new(world),
            Arc::new(Paused { start, ahead }),
            Arc::clone(&heard) as Arc<dyn Listener>,
        );
        let scene = Self {
            _folder: folder,
            journal,
            heard,
            seat,
            start,
        };
        let first = first_entry(plan());
        assert_eq!(scene.journal.append(&first).await.unwrap(), Append::Written);
        scene
    }

    async fn holder(&self) -> Release {
        let read = catch_up(self.journal.as_ref(), &plan().id, None).await.unwrap();
        read.unwrap()
    }

    /// The driver of release 7, or another process, writes an entry after so long.
    fn later(&self, after: Duration, sequence: u64, event: Event) -> tokio::task::JoinHandle<()> {
        let journal = Arc::clone(&self.journal);
        let first = first_entry(plan());
        let at = Timestamp::from_millis(BEGAN) + self.start.elapsed() + after;
        let entry = Entry {
            sequence,
            at,
            owned_until: at + limits::OWNERSHIP,
            nonce: format!("nonce {sequence}"),
            event,
            ..first
        };
        tokio::spawn(async move {
            sleep(after).await;
            assert_eq!(journal.append(&entry).await.unwrap(), Append::Written);
        })
    }

    async fn watched(&self, length: Span) -> Watched {
        let limit = Limit::new(self.seat.clock.as_ref(), length);
        Box::pin(until_over(&self.seat, self.holder().await, &limit))
            .await
            .unwrap()
    }

    async fn begin(&self, patience: Patience) -> NotBegun {
        Box::pin(self.begin_until(patience, std::future::pending())).await
    }

    async fn begin_until(&self, patience: Patience, interrupted: impl Future<Output = ()> + Send) -> NotBegun {
        let spec = Spec::parse("cutover.toml", "application = \"shop\"\ncname = \"shop\"\n").unwrap();
        let project = Project::new(spec, "/tmp".into(), None);
        let source = Source::Recorded {
            release: plan().id.number,
            template: "template".into(),
            environment: None,
            cname: None,
        };
        let planner = Planner::recorded(&project, Some("eu-west-1"), source, "v3".into());
        let interrupted = std::pin::pin!(interrupted);
        let slot = plan().id.slot;
        let begun = Box::pin(begin(self.seat.clone(), &slot, &planner, patience, interrupted)).await;
        match begun {
            Ok(driver) => panic!("release {} has begun", driver.release().plan.id),
            Err(why) => why,
        }
    }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn finished(outcome: Outcome) -> Event {
    let why = "the test wants it".to_owned();
    Event::Finished {
        outcome,
        why,
        left: None,
    }
}

fn problems(why: NotBegun) -> Vec<Problem> {
    match why {
        NotBegun::Refused(problems) => problems,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_release_is_waited_for_and_changes_are_told() {
    let scene = Scene::new().await;
    let blue = crate::release::tests::blue();
    let passed = Event::PreflightPassed {
        blue: Box::new(blue),
        notes: Vec::new(),
        absent_alarms: Box::default(),
    };
    scene.later(seconds(20), 2, passed);
    scene.later(seconds(25), 3, Event::Renewed);
    scene.later(seconds(30), 4, finished(Outcome::Promoted));
    let watched = Box::pin(scene.watched(Span::from_secs(3600))).await;
    let Watched::Over(release) = watched else {
        panic!("{watched:?}");
    };
    assert_eq!(release.outcome.map(|(outcome, _)| outcome), Some(Outcome::Promoted));
    let waited = scene.start.elapsed();
    assert!(waited >= seconds(30) && waited < seconds(33), "{waited:?}");
    let told = [
        "ahead preflight, driven, until 3600",
        "ahead publish, driven, until 3600",
    ];
    assert_eq!(scene.heard.ahead(), told, "once for each change");
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_its_limit() {
    let scene = Scene::new().await;
    let watched = Box::pin(scene.watched(Span::from_millis(3500))).await;
    assert!(matches!(watched, Watched::UnderWay(_)), "{watched:?}");
    let waited = scene.start.elapsed();
    assert!(
        waited >= Duration::from_millis(3500) && waited < seconds(4),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_release_that_was_handed_over_is_told_of_at_once_and_not_waited_for_for_ever() {
    let scene = Scene::new().await;
    scene.later(seconds(10), 2, Event::HandedOver);
    let watched = Box::pin(scene.watched(WAIT)).await;
    assert!(matches!(watched, Watched::UnderWay(_)), "{watched:?}");
    let waited = scene.start.elapsed();
    assert!(
        waited >= seconds(10) + ORPHAN && waited < seconds(13) + ORPHAN,
        "{waited:?}"
    );
    let told = scene.heard.ahead();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].contains("process 4711 on here has handed it over"), "{told:?}");
    assert!(
        told[1].contains("until 31"),
        "not until the end of all waiting: {told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_release_that_somebody_goes_on_with_is_waited_for_as_before() {
    let scene = Scene::new().await;
    scene.later(seconds(1), 2, Event::HandedOver);
    // A new sign of life, long after: the resumed release has the rest of the time to wait.
    for (at, sequence) in (0..).map(|step| 200 + 40 * step).zip(3..20) {
        scene.later(seconds(at), sequence, Event::Renewed);
    }
    scene.later(seconds(1000), 20, finished(Outcome::Promoted));
    let watched = Box::pin(scene.watched(WAIT)).await;
    assert!(matches!(watched, Watched::Over(_)), "{watched:?}");
}

#[tokio::test(start_paused = true)]
async fn a_driver_on_another_machine_is_dead_when_it_was_silent_for_long_enough_here() {
    let scene = Scene::ahead(seconds(300)).await;
    // By this machine's clock it was never heard of in time.
    for (at, sequence) in (0..).map(|step| 30 * step).zip(2..12) {
        scene.later(seconds(at), sequence, Event::Renewed);
    }
    let watched = Box::pin(scene.watched(WAIT)).await;
    assert!(matches!(watched, Watched::UnderWay(_)), "{watched:?}");
    let told = scene.heard.ahead();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains("driven") && told[1].contains("has not been heard of since"),
        "{told:?}"
    );
    let waited = scene.start.elapsed();
    let last = seconds(270) + limits::OWNERSHIP + ORPHAN;
    assert!(waited >= last && waited < last + seconds(5), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn without_patience_the_release_is_refused_at_once() {
    let scene = Scene::new().await;
    let problems = problems(scene.begin(Patience::Refuse).await);
    assert_eq!(problems[0].code, Busy::CODE);
    assert!(problems.len() > 1, "all problems at once: {problems:?}");
    assert!(scene.heard.all().is_empty(), "{:?}", scene.heard.all());
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_is_refused_and_told_who_has_the_slot() {
    let scene = Scene::new().await;
    for (at, sequence) in (0..).map(|step| 30 * step).zip(2..50) {
        scene.later(seconds(at), sequence, Event::Renewed);
    }
    let problems = problems(scene.begin(Patience::wait(Span::from_secs(600)).unwrap()).await);
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}");
    };
    assert_eq!(problem.code, Busy::CODE);
    for word in [
        "release shop/production/7",
        "process 4711 on here",
        "has waited 10m for its turn",
    ] {
        assert!(problem.message.contains(word), "{word}: {}", problem.message);
    }
}

#[tokio::test(start_paused = true)]
async fn everything_is_checked_anew_after_the_wait_and_given_time_to_come_to_rest() {
    let scene = Scene::new().await;
    scene.later(seconds(30), 2, finished(Outcome::Promoted));
    let problems = problems(scene.begin(Patience::Wait(WAIT)).await);
    let codes: Vec<_> = problems.iter().map(|problem| problem.code.as_str()).collect();
    assert_eq!(codes, ["unknown"], "the slot is free, and nothing can be seen");
    let waited = scene.start.elapsed();
    assert!(waited >= seconds(30) + SETTLE, "{waited:?}");
    let heard = scene.heard.all();
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert!(
        heard[1].contains("release shop/production/7 is over: promoted"),
        "{heard:?}"
    );
    assert!(
        heard[2].starts_with("not at rest yet after release shop/production/7"),
        "{heard:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn who_waits_can_be_interrupted() {
    let scene = Scene::new().await;
    let why = scene.begin_until(Patience::Wait(WAIT), sleep(seconds(40))).await;
    let NotBegun::Interrupted(message) = why else {
        panic!("{why:?}");
    };
    for word in [
        "waiting for the end of release shop/production/7",
        "nothing was changed",
    ] {
        assert!(message.contains(word), "{message}");
    }
    assert_eq!(scene.holder().await.sequence, 1, "nothing was written");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_taken_back_for_a_release_that_could_not_begin() {
    let scene = Scene::new().await;
    let problems = problems(scene.begin(Patience::Replace).await);
    let codes: Vec<_> = problems.iter().map(|problem| problem.code.as_str()).collect();
    assert_eq!(codes, ["busy", "unknown"], "all problems at once");
    assert_eq!(scene.holder().await.sequence, 1, "nobody was asked to turn back");
}

#[tokio::test(start_paused = true)]
async fn a_release_that_nobody_drives_is_taken_over_and_taken_back() {
    let scene = Scene::new().await;
    scene.later(Duration::ZERO, 2, Event::HandedOver).await.unwrap();
    let holder = scene.holder().await;
    let limit = Limit::new(scene.seat.clock.as_ref(), WAIT);
    let never = std::pin::pin!(std::future::pending());
    let release = back::turn_back(&scene.seat, holder, &limit, never).await.unwrap();
    assert_eq!(
        release.outcome.as_ref().map(|(outcome, _)| *outcome),
        Some(Outcome::Aborted)
    );
    assert!(release.wishes.roll_back && release.taken_over.is_some(), "{release:?}");
    let heard = scene.heard.all();
    assert!(heard[0].contains("is asked to turn back"), "{heard:?}");
    assert!(heard.last().unwrap().contains("is over: aborted"), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_release_that_was_too_quick_to_be_taken_back_is_promoted() {
    let scene = Scene::new().await;
    let holder = scene.holder().await;
    // Its driver has the two wishes before it, and ends.
    scene.later(seconds(5), 4, finished(Outcome::Promoted));
    let limit = Limit::new(scene.seat.clock.as_ref(), WAIT);
    let never = std::pin::pin!(std::future::pending());
    let release = back::turn_back(&scene.seat, holder, &limit, never).await.unwrap();
    assert_eq!(release.sequence, 4, "two wishes and the end");
    assert!(release.wishes.roll_back && release.wishes.end_wait, "{release:?}");
    let heard = scene.heard.all();
    assert!(
        heard.last().unwrap().contains("too late for it to turn back"),
        "{heard:?}"
    );
    assert!(heard.last().unwrap().contains("begins all the same"), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_release_that_does_not_turn_back_in_time_refuses_the_newer_one() {
    let scene = Scene::new().await;
    for (at, sequence) in (0..).map(|step| 5 + 30 * step).zip(4..20) {
        scene.later(seconds(at), sequence, Event::Renewed);
    }
    let holder = scene.holder().await;
    let limit = Limit::new(scene.seat.clock.as_ref(), Span::from_secs(300));
    let never = std::pin::pin!(std::future::pending());
    let why = back::turn_back(&scene.seat, holder, &limit, never).await.unwrap_err();
    let problems = problems(why);
    assert_eq!(problems[0].code, Busy::CODE);
    assert!(problems[0].message.contains("waited 5m"), "{problems:?}");
    assert_eq!(scene.holder().await.driver.process, 4711, "it was not taken over");
}

#[tokio::test(start_paused = true)]
async fn who_replaces_can_be_interrupted_and_says_how_things_stand() {
    let scene = Scene::new().await;
    let holder = scene.holder().await;
    let limit = Limit::new(scene.seat.clock.as_ref(), WAIT);
    let interrupted = std::pin::pin!(sleep(seconds(10)));
    let why = back::turn_back(&scene.seat, holder, &limit, interrupted)
        .await
        .unwrap_err();
    let NotBegun::Interrupted(message) = why else {
        panic!("{why:?}");
    };
    for word in [
        "release shop/production/7",
        "was asked to turn back",
        "process 4711 on here drives it",
    ] {
        assert!(message.contains(word), "{word}: {message}");
    }
    let release = scene.holder().await;
    assert!(release.wishes.roll_back, "the wish stays on record");
}

#[test]
fn a_wait_has_a_length_that_can_be_meant() {
    assert_eq!(Patience::wait(WAIT), Ok(Patience::Wait(WAIT)));
    for length in [Span::default(), Span::from_secs(400 * 24 * 3600)] {
        let error = Patience::wait(length).unwrap_err();
        assert!(error.contains("30m or 2h"), "{error}");
    }
}
