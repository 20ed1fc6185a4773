//! Several drivers of one release, with clocks of their own, and a journal that fails.

mod failing;
mod meanwhile;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;

use super::act::Meanwhile;
use super::*;
use crate::aws::{Aws, AwsSettings, CallError, Effect, InProcess};
use crate::journal::{DirectoryJournal, Journal, JournalError};
use crate::model::{Clock, ReleaseNumber};
use crate::probe::{HttpProber, ProbeSettings};
use crate::release::tests::{blue, plan};
use crate::release::{Action, CallResult, Entry, FORMAT, Next, Silent};

/// A machine's clocks, turned by hand.
#[derive(Default)]
struct Hands(Mutex<(u64, u64)>);

impl Hands {
    fn at(day: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new((1_800_000_000 + day, 1000))))
    }

    fn pass(&self, seconds: u64) {
        let mut hands = self.0.lock().unwrap();
        hands.0 += seconds;
        hands.1 += seconds;
    }

    /// Somebody sets the time of day.
    fn set(&self, by: u64) {
        self.0.lock().unwrap().0 += by;
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(i64::try_from(self.0.lock().unwrap().0 * 1000).unwrap())
    }

    fn since_boot(&self) -> Duration {
        Duration::from_secs(self.0.lock().unwrap().1)
    }
}

struct Host {
    name: &'static str,
    process: u32,
    alive: AtomicBool,
}

impl Machine for Host {
    fn writer(&self) -> Writer {
        Writer {
            host: self.name.to_owned(),
            process: self.process,
            run: format!("{}-{}", self.name, self.process),
            machine: Some(self.name.to_owned()),
            user: None,
        }
    }

    fn runs(&self, _: u32) -> bool {
        self.alive.load(Ordering::Relaxed)
    }
}

struct NoCloud;

#[async_trait]
impl InProcess for NoCloud {
    async fn answer(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, String> {
        Err("there is no cloud in this test".to_owned())
    }
}

/// A journal that writes, and says that it has failed.
struct Flaky {
    inner: DirectoryJournal,
    fails: AtomicBool,
    writes: AtomicBool,
    /// So many reads are refused, as S3 does while somebody changes the policy of a bucket.
    refused: AtomicUsize,
    /// After this many seconds the process that reads goes on, and what it has read is old: another one has written this.
    stopped: Mutex<Option<(Arc<Hands>, u64, Entry)>>,
}

#[async_trait]
impl Journal for Flaky {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn latest(&self, slot: &Slot) -> Result<Option<ReleaseNumber>, JournalError> {
        self.inner.latest(slot).await
    }

    async fn entry(&self, release: &ReleaseId, sequence: u64) -> Result<Option<Entry>, JournalError> {
        let count = |left: usize| left.checked_sub(1);
        if self
            .refused
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, count)
            .is_ok()
        {
            return Err(JournalError::S3 {
                doing: "read",
                location: "s3://bucket/prefix".to_owned(),
                source: CallError {
                    operation: "GetObject",
                    code: Some("AccessDenied".to_owned()),
                    message: "no".to_owned(),
                    effect: Effect::Refused,
                },
            });
        }
        let read = self.inner.entry(release, sequence).await;
        let stopped = self.stopped.lock().unwrap().take();
        if let Some((clock, seconds, written)) = stopped {
            assert_eq!(self.inner.append(&written).await?, Append::Written);
            clock.pass(seconds);
        }
        read
    }

    async fn append(&self, entry: &Entry) -> Result<Append, JournalError> {
        if !self.fails.load(Ordering::Relaxed) {
            return self.inner.append(entry).await;
        }
        if self.writes.load(Ordering::Relaxed) {
            let _ = self.inner.append(entry).await?;
        }
        Err(JournalError::File {
            doing: "sync",
            path: "here".to_owned(),
            source: std::io::Error::other("no space"),
        })
    }

    async fn keep(&self, release: &ReleaseId, name: &str, content: &[u8]) -> Result<String, JournalError> {
        self.inner.keep(release, name, content).await
    }

    async fn check_writable(&self, slot: &Slot) -> Result<(), JournalError> {
        self.inner.check_writable(slot).await
    }
}

async fn aws(cloud: impl InProcess + 'static) -> Aws {
    Aws::connect(&AwsSettings {
        region: Some("eu-west-1".to_owned()),
        in_process: Some(Arc::new(cloud)),
        endpoint: Some("http://cloud".to_owned()),
        keys: Some(("key".to_owned(), "secret".to_owned())),
    })
    .await
}

async fn seat(journal: Arc<dyn Journal>, clock: &Arc<Hands>, host: &'static str, process: u32) -> Seat {
    let aws = aws(NoCloud).await;
    let settings = ProbeSettings {
        dns_server: Some("127.0.0.1:9".parse().unwrap()),
        port: None,
    };
    let prober = Arc::new(HttpProber::new(settings).unwrap());
    let world = World::new(aws, prober, Overrides::default(), Vec::new());
    let machine = Host {
        name: host,
        process,
        alive: AtomicBool::new(true),
    };
    Seat {
        machine: Arc::new(machine),
        ..Seat::new(
            journal,
            Arc::new(world),
            Arc::clone(clock) as Arc<dyn Clock>,
            Arc::new(Silent),
        )
    }
}

fn journal() -> (tempfile::TempDir, Arc<Flaky>) {
    let folder = tempfile::tempdir().unwrap();
    let flaky = Flaky {
        inner: DirectoryJournal::new(folder.path()),
        fails: AtomicBool::new(false),
        writes: AtomicBool::new(false),
        refused: AtomicUsize::new(0),
        stopped: Mutex::new(None),
    };
    (folder, Arc::new(flaky))
}

fn slot() -> Slot {
    plan().id.slot
}

async fn first(journal: &Arc<Flaky>, clock: &Arc<Hands>) -> Driver {
    let seat = seat(Arc::clone(journal) as Arc<dyn Journal>, clock, "host-a", 7).await;
    let numbered = |next: &Next| {
        let mut plan = plan();
        plan.id.number = next.number;
        plan
    };
    Driver::begin(seat, &slot(), numbered).await.unwrap()
}

async fn second(journal: &Arc<Flaky>, clock: &Arc<Hands>, release: &Release) -> Driver {
    let seat = seat(Arc::clone(journal) as Arc<dyn Journal>, clock, "host-b", 12).await;
    Driver::join(seat, release.clone())
}

#[tokio::test]
async fn a_driver_that_looks_seldom_still_asks_for_more_time() {
    let (_folder, journal) = journal();
    let clock = Hands::at(0);
    let mut driver = first(&journal, &clock).await;
    driver.release.plan.provision.interval = crate::model::Span::from_secs(300);
    for _ in 0..20 {
        let now = driver.seat.clock.now();
        let why = Why::Working {
            what: "green".to_owned(),
        };
        let far = now + Duration::from_secs(3600);
        let Tick::Sleep(length) = driver.wait(why, far, far, "it is over").await.unwrap() else {
            panic!("it does not sleep");
        };
        clock.pass(length.as_secs());
        let left = driver.release().owned_until.since(driver.seat.clock.now());
        assert!(left >= Duration::from_secs(10), "{left:?} are left");
    }
}

#[tokio::test]
async fn a_frozen_driver_that_wakes_does_not_act_and_does_not_fight() {
    let (_folder, journal) = journal();
    let (here, there) = (Hands::at(0), Hands::at(0));
    let mut frozen = first(&journal, &here).await;
    let mut other = second(&journal, &there, frozen.release()).await;
    other.take_over().await.unwrap();
    let taken = other.release().taken_over.clone().unwrap();
    assert!(taken.forced, "it was taken by order");
    assert_eq!(taken.from, *frozen.writer());
    // The frozen one wakes with what it was about to write.
    here.pass(3600);
    there.pass(3600);
    assert!(other.append(Event::Renewed).await.unwrap());
    assert!(!frozen.append(Event::Renewed).await.unwrap(), "its place is taken");
    assert!(matches!(frozen.tick().await.unwrap(), Tick::NotOurs(_)));
    // As long as the other one writes, it is left alone.
    for _ in 0..5 {
        here.pass(40);
        there.pass(40);
        other.read_on().await.unwrap();
        assert!(other.append(Event::Renewed).await.unwrap());
        assert!(matches!(frozen.tick().await.unwrap(), Tick::NotOurs(_)));
    }
    // An operator's entry is no sign of the driver's life.
    here.pass(59);
    frozen.ask(Wish::EndWait).await.unwrap();
    assert!(matches!(frozen.tick().await.unwrap(), Tick::NotOurs(_)));
    here.pass(1);
    assert_eq!(
        frozen.tick().await.unwrap(),
        Tick::Again,
        "the other one has fallen silent"
    );
    assert_eq!(frozen.release().driver, *frozen.writer());
    assert!(!frozen.release().taken_over.clone().unwrap().forced);
    assert!(matches!(other.tick().await.unwrap(), Tick::NotOurs(_)));
}

#[tokio::test]
async fn a_clock_that_is_minutes_ahead_takes_nothing_over_from_a_driver_that_lives() {
    for ahead in [0, 300, 599] {
        let (_folder, journal) = journal();
        let (here, there) = (Hands::at(0), Hands::at(ahead));
        let mut living = first(&journal, &here).await;
        let mut other = second(&journal, &there, living.release()).await;
        for _ in 0..10 {
            here.pass(30);
            there.pass(30);
            living.read_on().await.unwrap();
            assert!(living.append(Event::Renewed).await.unwrap(), "nobody else writes");
            assert!(matches!(other.tick().await.unwrap(), Tick::NotOurs(_)), "{ahead}");
        }
        there.pass(60);
        assert_eq!(
            other.tick().await.unwrap(),
            Tick::Again,
            "{ahead}: it was watched for a minute"
        );
    }
}

#[tokio::test]
async fn a_watch_that_is_handed_on_takes_over_who_is_dead_and_never_who_lives() {
    for lives in [false, true] {
        let (_folder, journal) = journal();
        let (here, there) = (Hands::at(0), Hands::at(3));
        let mut driver = first(&journal, &here).await;
        let mut watched = None;
        let mut took_over = None;
        // Each process has five seconds.
        for slice in 0_u64..30 {
            let mut other = second(&journal, &there, driver.release()).await;
            if let Some(watched) = watched.take() {
                other.watched_before(watched);
            }
            let tick = other.tick().await.unwrap();
            if other.release().driver == *other.writer() {
                assert_eq!(tick, Tick::Again);
                took_over = Some(slice * 5);
                break;
            }
            here.pass(5);
            there.pass(5);
            watched = other.watched();
            if lives && slice % 4 == 0 {
                driver.read_on().await.unwrap();
                assert!(driver.append(Event::Renewed).await.unwrap(), "nobody else writes");
            }
        }
        // A minute, and what the clocks of the processes may differ by.
        assert_eq!(took_over, (!lives).then_some(70));
    }
}

#[tokio::test]
async fn a_request_that_comes_twice_is_one_release() {
    let (_folder, journal) = journal();
    let clock = Hands::at(0);
    let begin = async |request: Option<&str>| {
        let seat = seat(Arc::clone(&journal) as Arc<dyn Journal>, &clock, "host-a", 7).await;
        let origin = request.map(|request| crate::release::Origin {
            request: request.to_owned(),
            execution: None,
        });
        let numbered = |next: &Next| {
            let mut plan = plan();
            plan.id.number = next.number;
            plan.origin.clone_from(&origin);
            plan
        };
        Driver::begin(seat, &slot(), numbered).await
    };
    let one = begin(Some("a-job")).await.unwrap().release().clone();
    let same = begin(Some("a-job")).await.unwrap().release().clone();
    assert_eq!(one.plan.id, same.plan.id);
    for other in [Some("another-job"), None] {
        assert!(matches!(begin(other).await, Err(DriverError::Busy(_))), "{other:?}");
    }
    let found = crate::journal::begun_for(journal.as_ref(), &slot(), "a-job")
        .await
        .unwrap();
    assert_eq!(found.map(|release| release.plan.id), Some(one.plan.id));
    let none = crate::journal::begun_for(journal.as_ref(), &slot(), "another-job")
        .await
        .unwrap();
    assert!(none.is_none());
}

#[tokio::test]
async fn a_driver_that_is_certainly_gone_is_not_watched() {
    let (_folder, journal) = journal();
    let there = Hands::at(0);
    let gone = first(&journal, &there).await;
    // Older than clocks can differ.
    let later = Hands::at(60 + 600);
    let mut other = second(&journal, &later, gone.release()).await;
    assert_eq!(other.tick().await.unwrap(), Tick::Again);
    // A process of this machine that does not run.
    let seat = Seat {
        machine: Arc::new(Host {
            name: "host-b",
            process: 13,
            alive: AtomicBool::new(false),
        }),
        ..other.seat.clone()
    };
    let mut third = Driver::join(seat, other.release().clone());
    assert_eq!(third.tick().await.unwrap(), Tick::Again);
    assert!(
        third
            .release()
            .taken_over
            .clone()
            .unwrap()
            .why
            .contains("does not run any more")
    );
}

#[tokio::test]
async fn a_clock_that_is_set_moves_the_release_with_it() {
    let (_folder, journal) = journal();
    let clock = Hands::at(0);
    let mut driver = first(&journal, &clock).await;
    let before = driver.release().phase_since;
    clock.pass(10);
    clock.set(3600);
    assert_eq!(driver.tick().await.unwrap(), Tick::Again);
    assert_eq!(driver.release().driver, *driver.writer());
    let after = driver.release().phase_since;
    // The entry before was ten seconds old; that much it stands still.
    assert_eq!(after.since(before), Duration::from_secs(3610));
    assert!(driver.release().taken_over.clone().unwrap().why.contains("clock"));
}

async fn published(journal: &Arc<Flaky>) -> Driver {
    let clock = Hands::at(0);
    let mut driver = first(journal, &clock).await;
    let event = Event::PreflightPassed {
        blue: Box::new(blue()),
        notes: Vec::new(),
        absent_alarms: Box::default(),
    };
    assert!(driver.append(event).await.unwrap());
    driver
}

#[tokio::test]
async fn an_intent_that_may_not_have_been_written_leaves_no_doubt() {
    for writes in [true, false] {
        let (_folder, journal) = journal();
        let mut driver = Box::pin(published(&journal)).await;
        journal.fails.store(true, Ordering::Relaxed);
        journal.writes.store(writes, Ordering::Relaxed);
        driver.act(Action::Prune { keep: 1 }).await.unwrap_err();
        journal.fails.store(false, Ordering::Relaxed);
        driver.read_on().await.unwrap();
        assert_eq!(driver.release().pending.is_some(), writes);
        assert_eq!(driver.say_unsaid().await.unwrap(), writes);
        assert_eq!(
            driver.release().pending,
            None,
            "the call was not made, and that is written"
        );
        assert_eq!(driver.release().attempts_of("prune").failed, u32::from(writes));
    }
}

#[tokio::test]
async fn what_was_read_by_a_process_that_was_stopped_is_read_again() {
    let (_folder, journal) = journal();
    let clock = Hands::at(0);
    let mut driver = first(&journal, &clock).await;
    let event = Event::PreflightPassed {
        blue: Box::new(blue()),
        notes: Vec::new(),
        absent_alarms: Box::default(),
    };
    assert!(driver.append(event).await.unwrap());
    let action = Action::Prune { keep: 1 };
    assert!(driver.append(Event::Intended { action }).await.unwrap());
    let intent = driver.release().sequence;
    let before = driver.release().clone();
    assert!(matches!(driver.meanwhile(&before, intent).await, Meanwhile::GoOn));

    let there = Hands::at(0);
    let other = second(&journal, &there, driver.release()).await;
    let taken = Event::TookOver {
        from: driver.writer().clone(),
        why: "by order".to_owned(),
        forced: true,
    };
    let written = other.entry(taken, there.now());
    // It is let go of for far shorter than it asked to be left alone for.
    *journal.stopped.lock().unwrap() = Some((Arc::clone(&clock), 5, written));
    assert!(matches!(driver.meanwhile(&before, intent).await, Meanwhile::Lost));
}

#[tokio::test]
async fn a_result_that_could_not_be_written_is_written_later() {
    let (_folder, journal) = journal();
    let mut driver = Box::pin(published(&journal)).await;
    assert!(
        driver
            .append(Event::Intended {
                action: Action::Prune { keep: 1 }
            })
            .await
            .unwrap()
    );
    let intent = driver.release().sequence;
    driver.unsaid = Some(write::Unsaid {
        intent,
        nonce: None,
        result: CallResult::Accepted { detail: None },
    });
    journal.fails.store(true, Ordering::Relaxed);
    driver.say_unsaid().await.unwrap_err();
    journal.fails.store(false, Ordering::Relaxed);
    assert!(driver.say_unsaid().await.unwrap());
    assert!(driver.release().attempts_of("prune").done);
    assert!(!driver.say_unsaid().await.unwrap());
}

#[tokio::test]
async fn a_wish_is_written_as_the_driver_of_the_release_can_read_it() {
    let (_folder, journal) = journal();
    let driver = Box::pin(published(&journal)).await;
    let mut older = driver.release().clone();
    older.format = FORMAT - 1;
    let clock = Hands::at(0);
    let operator = second(&journal, &clock, &older).await;
    let now = clock.now();
    let wish = operator.entry(
        Event::Asked {
            wish: crate::release::Wish::RollBack,
        },
        now,
    );
    assert_eq!(wish.format, FORMAT - 1);
    // Whoever takes it over writes as it always does: the older one has lost it.
    assert_eq!(operator.entry(Event::Renewed, now).format, FORMAT);
}

/// Puts on record whatever was heard of our own requests, and nothing else.
struct Recorder;

impl Mind for Recorder {
    fn looks(&self, _: &Release, _: Timestamp) -> Looks {
        Looks::default()
    }

    fn decide(&self, release: &Release, seen: &Observation) -> Decision {
        let why = Why::Seen { what: String::new() };
        let Some(sampled) = &seen.sampled else {
            let (until, deadline) = (seen.at, seen.at + Duration::from_secs(60));
            let at_deadline = "nothing happens";
            return Decision {
                why,
                then: Then::Wait {
                    until,
                    deadline,
                    at_deadline,
                },
            };
        };
        let mut measured = crate::release::Measured::nothing();
        measured.window.end_s = f64::from(release.assessment.windows) + 1.0;
        measured.window.green.probes = Some(sampled.green.clone());
        let measured = Box::new(measured);
        Decision {
            why,
            then: Then::Record(Event::Measured { measured }),
        }
    }
}

#[tokio::test]
async fn what_was_heard_is_on_record_once_whatever_the_journal_says() {
    for writes in [true, false] {
        let (_folder, journal) = journal();
        let mut driver = Box::pin(published(&journal)).await;
        let green = crate::release::Green {
            id: "e-green".into(),
            name: "green".into(),
            cname: None,
            endpoint: None,
            reused: false,
            group: None,
        };
        for event in [Event::Published, Event::GreenFound { green }] {
            assert!(driver.append(event).await.unwrap());
        }
        driver.seat.mind = Arc::new(Recorder);
        let hears = |driver: &Driver, requests: f64| {
            let mut sampled = crate::release::Sampled::default();
            sampled.green.requests = requests;
            driver.sampler.hears(sampled);
        };
        hears(&driver, 1.0);
        journal.fails.store(true, Ordering::Relaxed);
        journal.writes.store(writes, Ordering::Relaxed);
        let failed = driver.tick().await.unwrap_err();
        assert!(matches!(failed, DriverError::Journal(_)), "{failed}");
        journal.fails.store(false, Ordering::Relaxed);
        hears(&driver, 2.0);
        for _ in 0..3 {
            driver.tick().await.unwrap();
        }
        let id = driver.release().plan.id.clone();
        let mut recorded = Vec::new();
        for sequence in 1..=driver.release().sequence {
            let entry = journal.entry(&id, sequence).await.unwrap().unwrap();
            if let Event::Measured { measured } = entry.event {
                recorded.push(measured.window.green.probes.unwrap().requests);
            }
        }
        assert_eq!(recorded, if writes { vec![1.0, 2.0] } else { vec![3.0] });
    }
}

#[test]
fn who_reads_that_the_journal_fails_learns_what_that_means_for_green() {
    let mut release = crate::release::tests::release(plan());
    release.blue = Some(blue());
    assert_eq!(meanwhile(&release), "");
    release.shift_intended = true;
    let said = meanwhile(&release);
    assert!(
        said.contains("is not taken back meanwhile") && said.contains(blue().id.as_str()),
        "{said}"
    );
}

#[test]
fn a_journal_is_tried_for_as_long_as_traffic_may_take_to_return() {
    let mut release = crate::release::tests::release(plan());
    assert!(patience(&release) >= Duration::from_secs(300));
    release.shift_intended = true;
    assert_eq!(patience(&release), limits::RETURN);
}

#[test]
fn a_journal_that_keeps_failing_is_tried_less_and_less_often_unless_green_has_traffic() {
    let mut release = crate::release::tests::release(plan());
    let interval = release.plan.provision.interval.get();
    let pauses: Vec<u64> = (0..4).map(|failures| pause(&release, failures).as_secs()).collect();
    assert_eq!(pauses, [2, 4, 8, interval.as_secs()], "{interval:?}");
    assert_eq!(pause(&release, u32::MAX), interval);
    release.shift_intended = true;
    assert_eq!(pause(&release, u32::MAX).as_secs(), 2);
}
