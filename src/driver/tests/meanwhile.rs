//! What happens to a driver while it waits, looks or calls: another one drives, an operator writes, the journal is away.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use url::Url;

use super::*;
use crate::model::{Known, ProbeResult, Span};
use crate::probe::{Prober, Target};
use crate::release::{Green, Phase};
use crate::spec::Check;

/// A cloud that does not answer.
struct Mute;

#[async_trait]
impl InProcess for Mute {
    async fn answer(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, String> {
        std::future::pending().await
    }
}

/// A cloud that counts what is asked of it, and refuses it.
#[derive(Default)]
struct Counting(Arc<AtomicUsize>);

#[async_trait]
impl InProcess for Counting {
    async fn answer(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, String> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err("there is no cloud in this test".to_owned())
    }
}

/// Environments that count how often they are asked.
#[derive(Default)]
struct Asked(AtomicUsize);

#[async_trait]
impl Prober for Asked {
    async fn check(&self, _: &Target, check: &Check) -> ProbeResult {
        self.0.fetch_add(1, Ordering::Relaxed);
        ProbeResult {
            check: check.title(),
            passed: true,
            status: Some(200),
            latency: Span::from_millis(10),
            address: None,
            failure: None,
            unreached: false,
        }
    }

    async fn addresses(&self, _: &str) -> Known<BTreeSet<IpAddr>> {
        Known::Known(BTreeSet::new())
    }

    async fn fetch(&self, _: &Url, _: &BTreeMap<String, String>, _: Duration) -> Result<String, String> {
        Err("not asked for here".to_owned())
    }
}

impl Asked {
    /// How often in the next so many seconds.
    async fn within(&self, seconds: u64) -> usize {
        let before = self.0.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        self.0.load(Ordering::Relaxed) - before
    }
}

/// A driver whose green has traffic, and is probed.
async fn baking(journal: &Arc<Flaky>, clock: &Arc<Hands>, prober: &Arc<Asked>) -> Driver {
    let mut driver = first(journal, clock).await;
    let prober = Arc::clone(prober) as Arc<dyn Prober>;
    driver.seat.world = Arc::new(World::new(aws(NoCloud).await, prober, Overrides::default(), Vec::new()));
    let release = &mut driver.release;
    release.phase = Phase::Bake;
    release.shifted_at = Some(release.heard_at);
    release.shift_intended = true;
    release.blue = Some(blue());
    release.green = Some(Green {
        id: "e-green".into(),
        name: "green".into(),
        cname: None,
        endpoint: Some("green.example".to_owned()),
        reused: false,
        group: None,
    });
    let prober = &driver.seat.world.prober;
    driver.sampler.follow(prober, &driver.release);
    driver
}

/// The time of day goes on with the timers.
pub(super) fn turning(clock: &Arc<Hands>) -> tokio::task::JoinHandle<()> {
    let clock = Arc::clone(clock);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            clock.pass(1);
        }
    })
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_drive_leaves_blue_in_silence() {
    let (_folder, journal) = journal();
    let clock = Hands::at(0);
    let asked: Arc<Asked> = Arc::default();
    let mut ousted = Box::pin(baking(&journal, &clock, &asked)).await;
    assert!(asked.within(10).await > 10, "both are asked");
    let begun = crate::journal::newest(journal.as_ref(), &slot())
        .await
        .unwrap()
        .unwrap();
    let mut other = second(&journal, &clock, &begun).await;
    other.take_over().await.unwrap();
    assert!(matches!(ousted.tick().await.unwrap(), Tick::NotOurs(_)));
    assert_eq!(asked.within(60).await, 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_cannot_know_whether_it_drives_leaves_blue_in_silence_until_it_does() {
    let (_folder, journal) = journal();
    let clock = Hands::at(0);
    let asked: Arc<Asked> = Arc::default();
    let mut driver = Box::pin(baking(&journal, &clock, &asked)).await;
    assert!(asked.within(10).await > 10, "both are asked");
    journal.refused.store(1, Ordering::Relaxed);
    driver.tick().await.unwrap_err();
    assert_eq!(asked.within(60).await, 0);
    assert!(driver.sampler.heard().is_some(), "what was heard before still counts");
    driver.tick().await.unwrap();
    assert!(asked.within(10).await > 10, "it drives, and knows it");
}

#[tokio::test]
async fn a_wish_that_came_first_is_not_slept_over() {
    let (_folder, journal) = journal();
    let clock = Hands::at(0);
    let mut driver = first(&journal, &clock).await;
    let mut operator = second(&journal, &clock, driver.release()).await;
    let waits = |driver: &Driver| {
        let now = driver.seat.clock.now();
        let what = "green".to_owned();
        (Why::Working { what }, now + Duration::from_secs(3600))
    };
    assert!(operator.ask(Wish::RollBack).await.unwrap());
    let (why, far) = waits(&driver);
    let tick = driver.wait(why.clone(), far, far, "it is over").await.unwrap();
    assert_eq!(tick, Tick::Again, "what it waits for could not be written");
    driver.read_on().await.unwrap();
    let tick = driver.wait(why, far, far, "it is over").await.unwrap();
    assert!(matches!(tick, Tick::Sleep(_)), "nobody was in the way");
    clock.pass(40);
    assert!(operator.ask(Wish::Abort).await.unwrap());
    let (why, far) = waits(&driver);
    let tick = driver.wait(why, far, far, "it is over").await.unwrap();
    assert_eq!(tick, Tick::Again, "more time could not be asked for");
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_looks_for_long_asks_for_more_time() {
    let (_folder, journal) = journal();
    let clock = Hands::at(0);
    let mut driver = first(&journal, &clock).await;
    let prober: Arc<Asked> = Arc::default();
    driver.seat.world = Arc::new(World::new(aws(Mute).await, prober, Overrides::default(), Vec::new()));
    let mut other = second(&journal, &clock, driver.release()).await;
    assert!(matches!(other.tick().await.unwrap(), Tick::NotOurs(_)));
    // It has slept for as long as it may before.
    clock.pass(50);
    let clock = turning(&clock);
    let wanted = Looks {
        environments: true,
        ..Looks::default()
    };
    let mut looking = Box::pin(driver.observe(&wanted));
    for second in 0..120 {
        let ended = tokio::time::timeout(Duration::from_secs(1), &mut looking).await;
        assert!(
            matches!(other.tick().await.unwrap(), Tick::NotOurs(_)),
            "it was taken for dead in second {second}"
        );
        if ended.is_ok() {
            assert!(second > 25, "the look took no time: {second} s");
            clock.abort();
            return;
        }
    }
    panic!("the look has no end");
}

#[tokio::test]
async fn whoever_hands_over_does_so_after_a_wish_that_came_first() {
    let (_folder, journal) = journal();
    let clock = Hands::at(0);
    let mut driver = first(&journal, &clock).await;
    let operator = second(&journal, &clock, driver.release()).await;
    let wish = operator.entry(Event::Asked { wish: Wish::EndWait }, clock.now());
    *journal.stopped.lock().unwrap() = Some((Arc::clone(&clock), 0, wish));
    driver.hand_over().await.unwrap();
    assert!(driver.release().handed_over);
}

#[tokio::test]
async fn a_wish_whose_acknowledgement_was_lost_is_written_once() {
    for writes in [true, false] {
        let (_folder, journal) = journal();
        let clock = Hands::at(0);
        let mut operator = first(&journal, &clock).await;
        let before = operator.release().sequence;
        let wish = Wish::Pause {
            length: Span::from_secs(7200),
        };
        journal.fails.store(true, Ordering::Relaxed);
        journal.writes.store(writes, Ordering::Relaxed);
        operator.ask_once(&wish, "one").await.unwrap_err();
        journal.fails.store(false, Ordering::Relaxed);
        assert_eq!(operator.ask_once(&wish, "one").await.unwrap(), Some(true));
        operator.read_on().await.unwrap();
        assert_eq!(operator.release().sequence, before + 1, "{writes}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_refuses_for_a_while_does_not_end_who_watches_green() {
    for (traffic, used, ends) in [(true, true, false), (false, true, true), (true, false, true)] {
        let (_folder, journal) = journal();
        let clock = Hands::at(0);
        let mut driver = first(&journal, &clock).await;
        driver.release.shift_intended = traffic;
        let rounds = AtomicUsize::new(0);
        let ended = driver
            .run(|_| {
                let round = rounds.fetch_add(1, Ordering::Relaxed);
                if round == usize::from(used) {
                    journal.refused.store(3, Ordering::Relaxed);
                }
                round == 10
            })
            .await;
        assert_eq!(ended.is_err(), ends, "{traffic} {used}: {ended:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_removes_things_stops_before_another_may_have_taken_over() {
    let (_folder, journal) = journal();
    let clock = Hands::at(0);
    let mut driver = first(&journal, &clock).await;
    let prober: Arc<Asked> = Arc::default();
    driver.seat.world = Arc::new(World::new(aws(Mute).await, prober, Overrides::default(), Vec::new()));
    let event = Event::PreflightPassed {
        blue: Box::new(blue()),
        notes: Vec::new(),
        absent_alarms: Box::default(),
    };
    assert!(driver.append(event).await.unwrap());
    let action = Action::Prune { keep: 1 };
    assert!(driver.append(Event::Intended { action: action.clone() }).await.unwrap());
    let intent = driver.release().sequence;
    journal.refused.store(usize::MAX, Ordering::Relaxed);
    let turning = turning(&clock);
    let (began, last) = (clock.since_boot(), clock.since_boot() + limits::OWNERSHIP);
    let result = driver.call(&action, intent, began + limits::INTENT_DEADLINE).await;
    turning.abort();
    let Some(CallResult::Unknown { message }) = result else {
        panic!("{result:?}");
    };
    assert!(message.contains("the journal had not answered"), "{message}");
    assert!(clock.since_boot() < last, "{:?}", clock.since_boot() - began);
}

#[tokio::test]
async fn whoever_wakes_up_before_or_after_an_intent_makes_no_call() {
    let (_folder, journal) = journal();
    let mut driver = Box::pin(published(&journal)).await;
    let clock = Hands::at(0);
    let cloud = Counting::default();
    let calls = Arc::clone(&cloud.0);
    let prober: Arc<Asked> = Arc::default();
    driver.seat.world = Arc::new(World::new(aws(cloud).await, prober, Overrides::default(), Vec::new()));
    let action = Action::Prune { keep: 1 };
    // It was stopped when its intent was written, for longer than the call may be late.
    assert!(driver.append(Event::Intended { action: action.clone() }).await.unwrap());
    let intent = driver.release().sequence;
    let begin_by = driver.seat.clock.since_boot() - Duration::from_secs(1);
    let result = driver.call(&action, intent, begin_by).await;
    let Some(CallResult::Refused {
        message,
        retryable: true,
    }) = &result
    else {
        panic!("{result:?}");
    };
    assert!(message.contains("too much time had passed"), "{message}");
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    let result = result.unwrap();
    assert!(driver.append(Event::Called { intent, result }).await.unwrap());
    // It was stopped before that, and another one has the release.
    let other = second(&journal, &clock, driver.release()).await;
    let taken = Event::TookOver {
        from: driver.writer().clone(),
        why: "by order".to_owned(),
        forced: true,
    };
    let taken = other.entry(taken, clock.now());
    assert_eq!(journal.append(&taken).await.unwrap(), Append::Written);
    driver.act(action.clone()).await.unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    // Where nothing is in the way, it is made.
    let mut driver = second(&journal, &clock, driver.release()).await;
    driver.read_on().await.unwrap();
    let cloud = Counting::default();
    let calls = Arc::clone(&cloud.0);
    let prober: Arc<Asked> = Arc::default();
    driver.seat.world = Arc::new(World::new(aws(cloud).await, prober, Overrides::default(), Vec::new()));
    driver.act(action).await.unwrap();
    assert!(calls.load(Ordering::Relaxed) > 0);
}

/// A cloud in which another driver takes the release over while the first question is answered.
struct Taking {
    journal: Arc<Flaky>,
    entry: std::sync::Mutex<Option<Entry>>,
    asked: Arc<std::sync::Mutex<Vec<String>>>,
}

#[async_trait]
impl InProcess for Taking {
    async fn answer(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, String> {
        let form = String::from_utf8_lossy(request.body()).into_owned();
        let fields: BTreeMap<_, _> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        self.asked.lock().unwrap().push(fields["Action"].clone());
        let entry = self.entry.lock().unwrap().take();
        if let Some(entry) = entry {
            assert_eq!(self.journal.append(&entry).await.unwrap(), Append::Written);
        }
        Ok(http::Response::new(Bytes::new()))
    }
}

#[tokio::test]
async fn each_part_of_a_call_is_made_by_who_drives_then() {
    let (_folder, journal) = journal();
    let mut driver = Box::pin(published(&journal)).await;
    let environment = crate::model::EnvironmentId::from("e-green");
    let action = Action::SaveEvidence { environment };
    assert!(driver.append(Event::Intended { action: action.clone() }).await.unwrap());
    let intent = driver.release().sequence;
    let clock = Hands::at(0);
    let mut other = second(&journal, &clock, driver.release()).await;
    other.read_on().await.unwrap();
    let taken = Event::TookOver {
        from: driver.writer().clone(),
        why: "by order".to_owned(),
        forced: true,
    };
    let asked = Arc::default();
    let cloud = Taking {
        journal: Arc::clone(&journal),
        entry: std::sync::Mutex::new(Some(other.entry(taken, clock.now()))),
        asked: Arc::clone(&asked),
    };
    let prober: Arc<Asked> = Arc::default();
    driver.seat.world = Arc::new(World::new(aws(cloud).await, prober, Overrides::default(), Vec::new()));
    let begin_by = driver.seat.clock.since_boot() + limits::INTENT_DEADLINE;
    let result = driver.call(&action, intent, begin_by).await;
    assert_eq!(result, None, "another one drives");
    assert_eq!(*asked.lock().unwrap(), ["DescribeEvents"]);
}

#[tokio::test(start_paused = true)]
async fn who_comes_again_soon_does_not_wait_for_aws_beside_all_who_come_later() {
    let (_folder, journal) = journal();
    let clock = Hands::at(0);
    let mut driver = Box::pin(published(&journal)).await;
    driver.hand_over().await.unwrap();
    let cloud = Counting::default();
    let calls = Arc::clone(&cloud.0);
    let prober: Arc<Asked> = Arc::default();
    let mut seat = second(&journal, &clock, driver.release()).await.seat;
    seat.world = Arc::new(World::new(aws(cloud).await, prober, Overrides::default(), Vec::new()));
    let release = driver.release().clone();
    let mut patient = Driver::join(seat.clone(), release.clone());
    let long = Duration::from_secs(120);
    assert!(tokio::time::timeout(long, patient.run(|_| false)).await.is_err());
    assert!(calls.swap(0, Ordering::Relaxed) > 20, "it asks again and again");
    let mut hasty = Driver::join_hastily(seat, release);
    let left = hasty.run(|_| false).await.unwrap_err();
    let said = left.to_string();
    assert!(matches!(left, DriverError::Unanswered { .. }), "{said}");
    assert!(said.contains("nobody drives release"), "{said}");
    assert!(hasty.release().handed_over);
    assert!(calls.load(Ordering::Relaxed) < 10, "it asks once");
}

#[tokio::test(start_paused = true)]
async fn whether_it_comes_to_drive_is_watched_and_not_told_by_the_time_of_day() {
    for lives in [true, false] {
        let (_folder, journal) = journal();
        let (here, there) = (Hands::at(0), Hands::at(120));
        let mut driver = first(&journal, &here).await;
        let mut other = second(&journal, &there, driver.release()).await;
        assert!(is_free(driver.release(), there.now()).is_some(), "by the time of day");
        let turning = turning(&there);
        let living = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            if lives {
                assert!(driver.append(Event::Renewed).await.unwrap());
            }
        };
        let (comes, ()) = tokio::join!(other.comes_to_drive(), living);
        turning.abort();
        assert_eq!(comes.unwrap(), !lives);
        assert_eq!(other.release().driver == *other.writer(), !lives);
    }
}

#[tokio::test]
async fn a_release_does_not_go_on_in_the_journal_of_another_one() {
    let (folder, journal) = journal();
    let clock = Hands::at(0);
    let mut driver = first(&journal, &clock).await;
    for _ in 0..3 {
        assert!(driver.append(Event::Renewed).await.unwrap());
    }
    let (application, away) = (folder.path().join("shop"), folder.path().join("away"));
    std::fs::rename(&application, &away).unwrap();
    let gone = |tried: Result<bool, DriverError>| matches!(tried, Err(DriverError::Journal(JournalError::Gone { .. })));
    assert!(gone(driver.append(Event::Renewed).await));
    assert!(gone(driver.follow().await), "it cannot be read either");
    // It is back.
    std::fs::rename(&away, &application).unwrap();
    driver.read_on().await.unwrap();
    assert!(driver.append(Event::Renewed).await.unwrap());
    // It is gone for good, and another release has begun, and come as far.
    std::fs::remove_dir_all(&application).unwrap();
    assert!(gone(driver.append(Event::Renewed).await));
    let numbered = |next: &Next| {
        let mut plan = plan();
        plan.id.number = next.number;
        plan
    };
    let seat = seat(Arc::clone(&journal) as Arc<dyn Journal>, &clock, "host-b", 12).await;
    let mut other = Driver::begin(seat, &slot(), numbered).await.unwrap();
    assert_eq!(other.release().plan.id, driver.release().plan.id);
    while other.release().sequence < driver.release().sequence {
        assert!(other.append(Event::Renewed).await.unwrap());
    }
    let error = driver.tick().await.unwrap_err();
    assert!(
        error.to_string().contains("another release shop/production/1"),
        "{error}"
    );
    assert!(
        matches!(&error, DriverError::Journal(error) if !error.may_pass()),
        "{error}"
    );
}
