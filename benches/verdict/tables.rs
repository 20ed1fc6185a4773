//! Playing scenarios to the rules, and the tables of what came of it.

use std::sync::atomic::{AtomicU64, Ordering};

use cutover::verdict::Policy;

use crate::generator::{Trace, trace};
use crate::oracle::{NONE, TOLERANCE, oracle};
use crate::peers::PEERS;
use crate::rules::{Done, judge};
use crate::scenario::Scenario;

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) seeds: u64,
    pub(crate) start: u64,
    /// Peers get fewer: Kayenta's takes a thousand times as long as all others.
    pub(crate) peer_seeds: u64,
    pub(crate) threads: usize,
}

/// How one rule did with one scenario.
#[derive(Clone, Debug, Default)]
pub(crate) struct Score {
    /// From the onset, in seconds; the end of the trace where it was missed.
    delays: Vec<f64>,
    harm: f64,
    missed: u64,
    rolled_back: u64,
    promoted: Vec<f64>,
    traces: u64,
}

impl Score {
    fn add(&mut self, scenario: &Scenario, trace: &Trace, done: Done) {
        self.traces += 1;
        let onset = scenario.lead_s + scenario.onset_s;
        let end = match done {
            Done::RolledBack(at) => {
                self.rolled_back += 1;
                at
            }
            Done::Promoted(at) => {
                self.promoted.push(at - scenario.lead_s);
                scenario.horizon_s()
            }
            Done::Nothing => scenario.horizon_s(),
        };
        if !matches!(done, Done::RolledBack(_)) {
            self.missed += 1;
        }
        self.delays.push(end - onset);
        let windows = trace.windows.iter().zip(&trace.truth);
        self.harm += windows
            .filter(|(window, truth)| truth.fault > 0.0 && window.end_s <= end + 1e-9)
            .map(|(_, truth)| truth.harm)
            .sum::<f64>();
    }

    fn merge(&mut self, other: Self) {
        self.delays.extend(other.delays);
        self.harm += other.harm;
        self.missed += other.missed;
        self.rolled_back += other.rolled_back;
        self.promoted.extend(other.promoted);
        self.traces += other.traces;
    }

    /// The part of traces that it rolled back, in percent.
    pub(crate) fn rolled_back(&self) -> f64 {
        100.0 * self.rolled_back as f64 / self.traces.max(1) as f64
    }

    pub(crate) fn promoted(&self) -> f64 {
        100.0 * self.promoted.len() as f64 / self.traces.max(1) as f64
    }

    pub(crate) fn promoted_median(&self) -> Option<f64> {
        median(&self.promoted)
    }

    pub(crate) fn mean_delay(&self) -> f64 {
        self.delays.iter().sum::<f64>() / self.traces.max(1) as f64
    }

    pub(crate) fn median_delay(&self) -> f64 {
        median(&self.delays).unwrap_or(0.0)
    }

    pub(crate) fn mean_harm(&self) -> f64 {
        self.harm / self.traces.max(1) as f64
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

/// How all rules did with one scenario.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) oracle: Score,
    pub(crate) oracle_tolerant: Score,
    /// The judge with early promotion, and without.
    pub(crate) judge: Score,
    pub(crate) hold: Score,
    pub(crate) peers: Vec<Score>,
}

/// Plays a scenario to all rules.
pub(crate) fn play(scenario: &Scenario, policy: &Policy, options: &Options) -> Row {
    let hold = Policy {
        promotion: None,
        ..policy.clone()
    };
    let next = AtomicU64::new(0);
    let work = || {
        let mut row = Row::empty(scenario.name);
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            if nth >= options.seeds.max(options.peer_seeds) {
                return row;
            }
            let trace = trace(scenario, options.start + nth);
            let by = |at: Option<f64>| at.map_or(Done::Nothing, Done::RolledBack);
            if nth < options.seeds {
                if scenario.is_bad {
                    row.oracle.add(scenario, &trace, by(oracle(scenario, &trace, NONE)));
                    row.oracle_tolerant
                        .add(scenario, &trace, by(oracle(scenario, &trace, TOLERANCE)));
                }
                row.judge.add(scenario, &trace, judge(&trace, policy));
                row.hold.add(scenario, &trace, judge(&trace, &hold));
            }
            if nth < options.peer_seeds {
                for (score, peer) in row.peers.iter_mut().zip(PEERS) {
                    score.add(scenario, &trace, by(peer.judge(scenario, &trace)));
                }
            }
        }
    };
    let mut row = Row::empty(scenario.name);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..options.threads).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            row.merge(thread.join().expect("a thread that plays traces does not panic"));
        }
    });
    row
}

impl Row {
    fn empty(name: &'static str) -> Self {
        Self {
            name,
            oracle: Score::default(),
            oracle_tolerant: Score::default(),
            judge: Score::default(),
            hold: Score::default(),
            peers: vec![Score::default(); PEERS.len()],
        }
    }

    fn merge(&mut self, other: Self) {
        self.oracle.merge(other.oracle);
        self.oracle_tolerant.merge(other.oracle_tolerant);
        self.judge.merge(other.judge);
        self.hold.merge(other.hold);
        for (one, other) in self.peers.iter_mut().zip(other.peers) {
            one.merge(other);
        }
    }
}

fn head(first: &[&str], with_peers: bool) -> String {
    let mut names: Vec<&str> = first.to_vec();
    if with_peers {
        names.extend(PEERS.iter().map(|peer| peer.name()));
    }
    format!("| {} |\n|{}", names.join(" | "), "---|".repeat(names.len()))
}

/// Good releases: how many were taken back, and how many passed early, and when.
pub(crate) fn good_head(with_peers: bool) -> String {
    head(
        &[
            "good release",
            "judge: taken back",
            "without promotion",
            "promoted",
            "median",
        ],
        with_peers,
    )
}

pub(crate) fn good_row(row: &Row, with_peers: bool) -> String {
    let promoted = row
        .judge
        .promoted_median()
        .map_or("–".to_owned(), |at| format!("{at:.0} s"));
    let mut text = format!(
        "| {} | {:.2} % | {:.2} % | {:.0} % | {promoted} |",
        row.name,
        row.judge.rolled_back(),
        row.hold.rolled_back(),
        row.judge.promoted(),
    );
    if with_peers {
        for peer in &row.peers {
            text += &format!(" {:.1} % |", peer.rolled_back());
        }
    }
    text
}

/// Bad releases: delays from the onset.
pub(crate) fn bad_head(with_peers: bool) -> String {
    let first = [
        "bad release",
        "oracle",
        "tolerant oracle",
        "judge",
        "median",
        "x oracle",
        "x tolerant",
        "missed",
        "promoted",
    ];
    head(&first, with_peers)
}

pub(crate) fn bad_row(row: &Row, with_peers: bool) -> String {
    let (mean, oracle, tolerant) = (
        row.hold.mean_delay(),
        row.oracle.mean_delay(),
        row.oracle_tolerant.mean_delay(),
    );
    let mut text = format!(
        "| {} | {oracle:.0} s | {tolerant:.0} s | {mean:.0} s | {:.0} s | {:.2} | {:.2} | {:.1} % | {:.1} % |",
        row.name,
        row.hold.median_delay(),
        mean / oracle,
        mean / tolerant,
        100.0 - row.hold.rolled_back(),
        row.judge.promoted(),
    );
    if with_peers {
        for peer in &row.peers {
            text += &match (peer.rolled_back(), peer.median_delay()) {
                (0.0, _) => " – |".to_owned(),
                (all, delay) if all >= 99.95 => format!(" {delay:.0} s |"),
                (share, _) => format!(" {share:.0} % |"),
            };
        }
    }
    text
}

/// Bad releases: requests that went badly because of the fault.
pub(crate) fn harm_head(with_peers: bool) -> String {
    head(
        &["bad release", "oracle", "tolerant oracle", "judge", "x oracle"],
        with_peers,
    )
}

pub(crate) fn harm_row(row: &Row, with_peers: bool) -> String {
    let number = |value: f64| {
        if value < 99.95 {
            format!("{value:.1}")
        } else {
            format!("{value:.0}")
        }
    };
    let mut text = format!(
        "| {} | {} | {} | {} | {:.1} |",
        row.name,
        number(row.oracle.mean_harm()),
        number(row.oracle_tolerant.mean_harm()),
        number(row.hold.mean_harm()),
        row.hold.mean_harm() / row.oracle.mean_harm(),
    );
    if with_peers {
        for peer in &row.peers {
            text += &format!(" {} |", number(peer.mean_harm()));
        }
    }
    text
}
