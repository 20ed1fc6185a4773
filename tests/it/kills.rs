//! `kill -9` at random moments of releases of real applications with real users, each gone on with by another machine.
//!
//! `KILLS=100 cargo test --test it kills -- --nocapture` gives the whole figure, `KILLS_SEED=…` the same moments again (the
//! machine's own pace makes them similar, not equal).

mod lane;
mod moment;
mod pulse;
mod tally;

use std::hash::{BuildHasher as _, RandomState};

use futures_util::future::join_all;
use tokio::time::Instant;

use crate::support::Cloud;
use crate::support::random::Random;
use lane::Lane;
use tally::Tally;

/// Releases under way at once. Many of them wait a minute now and then, because nobody knows whether a call has happened.
const LANES: usize = 8;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is {text:?}, which is no number")),
    )
}

#[expect(clippy::print_stderr, reason = "the figures, and how to repeat a failure")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_survives_kills() {
    let wanted = usize::try_from(number("KILLS").unwrap_or(4)).unwrap();
    let seed = number("KILLS_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    eprintln!("{wanted} kills, seed {seed}");
    let began = Instant::now();
    let cloud = Cloud::start().await;
    let tally = Tally::new(wanted);
    let mut random = Random::new(seed);
    let lanes = LANES.min(wanted);
    let lanes = (0..lanes).map(|number| {
        let random = Random::new(random.next());
        let (cloud, tally) = (&cloud, &tally);
        async move { Lane::start(cloud, number, random).await.run(tally).await }
    });
    join_all(lanes).await;
    cloud.end().await;
    let (summary, wrong) = tally.end(began.elapsed());
    eprintln!("{summary}, seed {seed}");
    assert!(wrong.is_empty(), "seed {seed}: {summary}\n\n{}", wrong.join("\n\n"));
}
