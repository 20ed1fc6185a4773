//! A journal that fails for a while, or for good: how long it is tried, and what is said meanwhile.

use super::meanwhile::turning;
use super::*;

/// Keeps what it is told of trouble.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl crate::release::Listener for Told {
    fn notice(&self, notice: Notice<'_>) {
        if let Notice::Trouble { message } = notice {
            self.0.lock().unwrap().push(message.to_owned());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wish_is_tried_again_while_the_journal_fails_and_not_for_ever() {
    for (heals_after, tried_for, asked) in [
        (None, 2500, None),
        (Some(2200), 2500, Some(true)),
        (Some(100), 500, Some(true)),
    ] {
        let (_folder, journal) = journal();
        let mut operator = first(&journal, &Hands::at(0)).await;
        journal.fails.store(true, Ordering::Relaxed);
        if let Some(millis) = heals_after {
            let journal = Arc::clone(&journal);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                journal.fails.store(false, Ordering::Relaxed);
            });
        }
        let began = tokio::time::Instant::now();
        let ended = tokio::time::timeout(Duration::from_secs(60), operator.ask(Wish::EndWait)).await;
        assert_eq!(began.elapsed().as_millis(), tried_for, "{heals_after:?}");
        assert_eq!(ended.expect("it ends").ok(), asked, "{heals_after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wish_is_not_tried_again_where_a_person_must_change_something_first() {
    let (_folder, journal) = journal();
    let mut operator = first(&journal, &Hands::at(0)).await;
    journal.refused.store(1, Ordering::Relaxed);
    let began = tokio::time::Instant::now();
    operator.ask(Wish::EndWait).await.unwrap_err();
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn a_wish_for_a_release_that_is_over_is_not_written() {
    let (_folder, journal) = journal();
    let mut operator = Box::pin(over(&journal)).await;
    let last = operator.release().sequence;
    assert!(!operator.ask(Wish::EndWait).await.unwrap());
    operator.follow().await.unwrap();
    assert_eq!(operator.release().sequence, last);
}

/// The driver of a release that has just ended.
async fn over(journal: &Arc<Flaky>) -> Driver {
    let mut driver = first(journal, &Hands::at(0)).await;
    let ends = Event::Finished {
        outcome: Outcome::Aborted,
        why: "the test wants it".to_owned(),
        left: None,
    };
    assert!(driver.append(ends).await.unwrap());
    driver
}

#[tokio::test]
async fn the_next_release_begins_when_the_one_before_is_over() {
    let (_folder, journal) = journal();
    let one = Box::pin(over(&journal)).await.release().plan.id.number.0;
    let next = first(&journal, &Hands::at(0)).await;
    assert_eq!(next.release().plan.id.number.0, one + 1);
}

#[tokio::test]
async fn whoever_follows_knows_whether_there_was_anything_new() {
    let (_folder, journal) = journal();
    let clock = Hands::at(0);
    let mut driver = first(&journal, &clock).await;
    let mut follower = second(&journal, &clock, driver.release()).await;
    assert!(!follower.follow().await.unwrap());
    assert!(driver.append(Event::Renewed).await.unwrap());
    assert!(follower.follow().await.unwrap());
    assert!(!follower.follow().await.unwrap());
}

#[tokio::test]
async fn a_driver_does_not_go_by_a_time_of_day_that_somebody_sets() {
    let (_folder, journal) = journal();
    let clock = Hands::at(0);
    let driver = first(&journal, &clock).await;
    let before = driver.seat().clock.now();
    clock.pass(7);
    clock.set(3600);
    assert_eq!(driver.seat().clock.now().since(before), Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_stays_away_is_given_up_after_the_time_that_was_told_now_and_then() {
    let (_folder, journal) = journal();
    let clock = Hands::at(0);
    let told = Arc::new(Told::default());
    let mut driver = first(&journal, &clock).await;
    driver.seat.listener = Arc::clone(&told) as Arc<dyn crate::release::Listener>;
    driver.release.shift_intended = true;
    let turning = turning(&clock);
    let rounds = AtomicUsize::new(0);
    let began = tokio::time::Instant::now();
    let ended = driver
        .run(|_| {
            // It was usable a moment ago.
            if rounds.fetch_add(1, Ordering::Relaxed) == 1 {
                journal.refused.store(usize::MAX, Ordering::Relaxed);
            }
            false
        })
        .await;
    turning.abort();
    ended.unwrap_err();
    let lasted = began.elapsed();
    let patience = limits::RETURN..limits::RETURN + Duration::from_secs(30);
    assert!(patience.contains(&lasted), "{lasted:?}");
    let told = told.0.lock().unwrap();
    let (rounds, times) = (rounds.into_inner() as u64, told.len() as u64);
    let half_minutes = lasted.as_secs() / 30;
    assert!(rounds > half_minutes * 5, "{rounds}");
    assert!((half_minutes * 3 / 4..=half_minutes + 1).contains(&times), "{times}");
    assert!(told[0].contains("trying again for"), "{}", told[0]);
}
