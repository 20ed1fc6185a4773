//! What the kills came to.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// Figures of all runs.
pub(super) struct Tally(Mutex<Figures>);

#[derive(Default)]
struct Figures {
    /// Kills that nobody has promised yet.
    left: usize,
    kills: BTreeMap<String, u64>,
    in_doubt: u64,
    good: u64,
    bad: u64,
    right: u64,
    requests: u64,
    failed: u64,
    stood_still: u64,
    orphans: usize,
    wrong: Vec<String>,
    /// Of runs without a wait for a call in doubt, newest last.
    usual: Option<Duration>,
}

/// What a run came to.
#[derive(Default)]
pub(super) struct Run {
    /// Whether the version was good.
    pub(super) good: bool,
    /// Requests of users while a good version was released.
    pub(super) requests: u64,
    /// Those that failed.
    pub(super) failed: u64,
    /// Those that were never sent because this process stood still. They are not among the others.
    pub(super) stood_still: u64,
    /// Environments too many at the end.
    pub(super) orphans: usize,
    /// Everything that is not as it should be.
    pub(super) wrong: Vec<String>,
    /// How it went, for messages.
    pub(super) story: Vec<String>,
}

impl Tally {
    pub(super) fn new(kills: usize) -> Self {
        Self(Mutex::new(Figures {
            left: kills,
            ..Figures::default()
        }))
    }

    /// Takes up to so many kills upon oneself.
    pub(super) fn promise(&self, most: usize) -> usize {
        let mut figures = self.figures();
        let taken = figures.left.min(most);
        figures.left -= taken;
        taken
    }

    /// Gives back kills that came too late: the process had ended.
    pub(super) fn give_back(&self, kills: usize) {
        self.figures().left += kills;
    }

    /// A process was killed in this phase, with a call in doubt or without.
    pub(super) fn killed(&self, phase: &str, in_doubt: bool) {
        let mut figures = self.figures();
        *figures.kills.entry(phase.to_owned()).or_default() += 1;
        figures.in_doubt += u64::from(in_doubt);
    }

    /// How long a release usually takes here.
    pub(super) fn usual(&self) -> Duration {
        self.figures().usual.unwrap_or(Duration::from_secs(9))
    }

    /// A release has taken so long.
    pub(super) fn took(&self, length: Duration) {
        self.figures().usual = Some(length);
    }

    #[expect(clippy::print_stderr, reason = "what is wrong is worth knowing before all is over")]
    pub(super) fn ended(&self, run: Run) {
        let mut figures = self.figures();
        if run.good {
            figures.good += 1;
        } else {
            figures.bad += 1;
        }
        figures.requests += run.requests;
        figures.failed += run.failed;
        figures.stood_still += run.stood_still;
        figures.orphans += run.orphans;
        if run.wrong.is_empty() {
            figures.right += 1;
        } else {
            let wrong = format!("{}\n{}", run.wrong.join("\n"), run.story.join("\n"));
            eprintln!("{wrong}\n");
            figures.wrong.push(wrong);
        }
    }

    /// All in one line, and everything that went wrong.
    pub(super) fn end(self, took: Duration) -> (String, Vec<String>) {
        let figures = self.0.into_inner().unwrap();
        let kills: u64 = figures.kills.values().sum();
        let phases: Vec<_> = figures
            .kills
            .iter()
            .map(|(phase, count)| format!("{phase} {count}"))
            .collect();
        let summary = format!(
            "{} releases ({} good, {} bad), {kills} kills ({}; {} with a call in doubt): {} right ends, {} of {} requests failed in good \
             releases, {} orphans, {:.0} s",
            figures.good + figures.bad,
            figures.good,
            figures.bad,
            phases.join(", "),
            figures.in_doubt,
            figures.right,
            figures.failed,
            figures.requests,
            figures.orphans,
            took.as_secs_f64(),
        );
        let summary = match figures.stood_still {
            0 => summary,
            unsent => format!("{summary}, {unsent} requests not sent because this machine stood still"),
        };
        (summary, figures.wrong)
    }

    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.0.lock().unwrap()
    }
}
