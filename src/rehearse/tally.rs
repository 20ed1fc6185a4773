//! What a rehearsal came to, for people and for machines.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::drills::Drilled;
use super::load::Summary;
use crate::model::Share;
use crate::release::{DrillKind, Outcome, Release};

/// One release of a rehearsal.
#[derive(Clone, Debug, Serialize)]
pub struct Played {
    /// What was released, as the rehearsal numbers it.
    pub version: String,
    /// How it was released: by `cutover`, the `careless` way, or `in place`.
    pub way: &'static str,
    /// How it ended, as a code; other releases end `done`, whatever they have cost.
    pub outcome: &'static str,
    /// Requests that clients made meanwhile.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
    /// From the swap, or the first change of weights, to the decision to go back, in milliseconds; `null` if there was none.
    pub shift_to_detect_ms: Option<u64>,
    /// From that decision until all traffic was seen on blue and no client failed any more, in milliseconds.
    pub detect_to_restored_ms: Option<u64>,
    /// From the beginning to the end, in milliseconds.
    pub duration_ms: u64,
    /// From the first request that failed to the last one, in milliseconds, of a release in place; `null` for others, and if none
    /// failed.
    pub downtime_ms: Option<u64>,
    /// Long downloads that ended meanwhile; 0 where the application has none.
    pub downloads: u64,
    /// Those that were cut.
    pub cut: u64,
    /// WebSockets that ended meanwhile; 0 where the application has none.
    pub sockets: u64,
    /// Those that ended without a goodbye.
    pub dropped: u64,
    /// Requests and downloads that failed, by what went wrong.
    pub failures: std::collections::BTreeMap<String, u64>,
    /// Median and 99th percentile of the latency, in milliseconds.
    pub latency_ms: Option<(f64, f64)>,
    /// What share of the answers came from the new version in each step in which it had a part of the traffic.
    pub steps: Vec<StepPlayed>,
    /// Why it ended so.
    pub why: String,
    /// What became of it in words, for a person.
    #[serde(skip)]
    said: &'static str,
    #[serde(skip)]
    as_wanted: bool,
}

/// A step in which the new version had a part of the traffic.
#[derive(Clone, Debug, Serialize)]
pub struct StepPlayed {
    /// Its share, as it was wanted.
    pub share: String,
    /// Answers of the new version, of those where chance had just decided who answers.
    pub green: u64,
    /// Such answers of all versions.
    pub all: u64,
    /// The fewest and most of them that can be expected of the new version, with a probability of 99.9 %.
    pub expected: (u64, u64),
    /// The most of them that chance can be blamed for.
    #[serde(skip)]
    most: u64,
}

impl StepPlayed {
    /// A step with that share, as a part of 1, in which so many of all answers came from the new version.
    #[must_use]
    pub fn new(share: Share, green: u64, all: u64) -> Self {
        Self {
            share: share.to_string(),
            green,
            all,
            expected: likely(all, share.as_f64(), SAID),
            most: likely(all, share.as_f64(), FAILS).1,
        }
    }

    /// Whether the new version had more than its share, and chance does not explain it.
    fn had_too_much(&self) -> bool {
        self.green > self.most
    }
}

/// How seldom chance goes beyond each end of what is said to be expected.
const SAID: f64 = 0.0005;

/// How seldom it may make a good rehearsal fail at a step. A rehearsal has about ten of them, and many are played.
const FAILS: f64 = 1e-6;

/// The quantiles of a binomial distribution with that much beyond each of them.
fn likely(draws: u64, chance: f64, tail: f64) -> (u64, u64) {
    if chance >= 1.0 {
        return (draws, draws);
    }
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    let of = |count: u64| count as f64;
    // In logarithms, because the first of them is too small for a float.
    let mut logarithm = of(draws) * (1.0 - chance).ln();
    let mut below = 0.0;
    let (mut fewest, mut most) = (None, draws);
    for count in 0..=draws {
        below += logarithm.exp();
        if fewest.is_none() && below >= tail {
            fewest = Some(count);
        }
        if below >= 1.0 - tail {
            most = count;
            break;
        }
        logarithm += (of(draws - count) / of(count + 1) * chance / (1.0 - chance)).ln();
    }
    (fewest.unwrap_or(0), most)
}

/// What became of the clients' wishes during a release.
#[derive(Clone, Debug, Default)]
pub(super) struct Traffic {
    pub(super) requests: Summary,
    pub(super) downloads: Summary,
    pub(super) live: Summary,
}

/// A whole rehearsal.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Its releases, in order.
    pub releases: Vec<Played>,
    /// Where the journal lies.
    pub journal: PathBuf,
}

impl Traffic {
    /// What did not get a whole answer.
    fn lost(&self) -> u64 {
        self.requests.failed + self.downloads.failed + self.live.failed
    }
}

impl Played {
    pub(super) fn new(version: &str, wanted: Outcome, release: &Release, traffic: Traffic) -> Self {
        let (ended, why) = match &release.outcome {
            Some((outcome, why)) => (Some(*outcome), why.clone()),
            None => (None, "it did not end".to_owned()),
        };
        let back = release.rollback.as_ref();
        let detect = release
            .shift_called_at
            .zip(back)
            .map(|(shifted, back)| millis(back.since.since(shifted)));
        // Clients that remember the old DNS answer meet green for a while longer; the last failure counts, not our own reads.
        let restored = back.and_then(|back| {
            let seen = back.restored_at?;
            let last = traffic.requests.last_failure.filter(|last| *last > back.since);
            Some(millis(last.map_or(seen, |last| last.max(seen)).since(back.since)))
        });
        let took = release.phase_since.since(release.started_at);
        Self {
            outcome: ended.map_or("unfinished", Outcome::code),
            shift_to_detect_ms: detect,
            detect_to_restored_ms: restored,
            why,
            said: ended.map_or("unfinished", Outcome::as_str),
            as_wanted: ended == Some(wanted) && (wanted != Outcome::Promoted || traffic.lost() == 0),
            ..Self::of(version, took, traffic)
        }
    }

    /// A drill. It is as it should be when it proved what it was for, left everything as it was, and no user met a failure.
    pub(super) fn drill(kind: DrillKind, drilled: &Drilled, traffic: Traffic) -> Self {
        let unhurt = traffic.lost() == 0;
        let played = Self::new(kind.as_str(), Outcome::RolledBack, &drilled.release, traffic);
        Self {
            way: "drill",
            said: if drilled.passed { "passed" } else { "not passed" },
            why: drilled.said.clone(),
            as_wanted: drilled.passed && unhurt,
            ..played
        }
    }

    /// A release that was done the careless way. It is as it should be when that shows: when users have paid for it.
    pub(super) fn careless(version: &str, took: Duration, traffic: Traffic) -> Self {
        Self {
            way: "careless",
            outcome: "done",
            why: "the old environment was terminated while clients still had its address".to_owned(),
            said: "careless",
            as_wanted: traffic.lost() > 0,
            ..Self::of(version, took, traffic)
        }
    }

    /// A release in place. It is as it should be when users have met nobody for a while.
    pub(super) fn in_place(version: &str, took: Duration, traffic: Traffic) -> Self {
        let requests = &traffic.requests;
        let down = requests
            .first_failure
            .zip(requests.last_failure)
            .map(|(first, last)| millis(last.since(first)));
        let why = match down {
            #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
            Some(down) => format!(
                "all instances were given the new version at once; clients failed for {:.1} s",
                down as f64 / 1000.0
            ),
            None => "all instances were given the new version at once, and no client noticed".to_owned(),
        };
        Self {
            way: "in place",
            outcome: "done",
            downtime_ms: down,
            why,
            said: "in place",
            as_wanted: traffic.lost() > 0,
            ..Self::of(version, took, traffic)
        }
    }

    fn of(version: &str, took: Duration, traffic: Traffic) -> Self {
        let Traffic {
            requests,
            downloads,
            live,
        } = traffic;
        let mut failures = requests.failures_by_kind;
        for (kind, count) in downloads.failures_by_kind {
            *failures.entry(format!("download: {kind}")).or_default() += count;
        }
        for (kind, count) in live.failures_by_kind {
            *failures.entry(format!("socket: {kind}")).or_default() += count;
        }
        let latency = |span: crate::model::Span| span.get().as_secs_f64() * 1000.0;
        Self {
            version: version.to_owned(),
            way: "cutover",
            outcome: "unfinished",
            requests: requests.requests,
            failed: requests.failed,
            downloads: downloads.requests,
            cut: downloads.failed,
            sockets: live.requests,
            dropped: live.failed,
            shift_to_detect_ms: None,
            detect_to_restored_ms: None,
            duration_ms: millis(took),
            downtime_ms: None,
            failures,
            latency_ms: requests
                .latency_p50
                .zip(requests.latency_p99)
                .map(|(p50, p99)| (latency(p50), latency(p99))),
            steps: Vec::new(),
            why: String::new(),
            said: "unfinished",
            as_wanted: false,
        }
    }

    /// Of a good version during an incident: what the application itself refused is the incident's, and where an instance `is_replaced`, so
    /// is a download on it that takes longer than its balancer waits.
    #[must_use]
    pub(super) fn in_an_incident(self, is_replaced: bool) -> Self {
        let refused = |kind: &str| kind == "status 500" || is_replaced && kind == "download: answer cut short";
        let promoted = self.outcome == Outcome::Promoted.code();
        Self {
            as_wanted: promoted && self.failures.keys().all(|kind| refused(kind)),
            ..self
        }
    }

    /// With its steps.
    #[must_use]
    pub(super) fn in_steps(self, steps: Vec<StepPlayed>) -> Self {
        Self { steps, ..self }
    }

    /// Whether it ended as the rehearsal was made for, with nothing lost by a good release, and something by a careless one, and
    /// whether no step has shown users more of the new version than it was to.
    #[must_use]
    pub fn as_wanted(&self) -> bool {
        self.as_wanted && !self.steps.iter().any(StepPlayed::had_too_much)
    }
}

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

impl Report {
    /// Whether everything went as the rehearsal was made for.
    #[must_use]
    pub fn passed(&self) -> bool {
        !self.releases.is_empty() && self.releases.iter().all(Played::as_wanted)
    }

    /// The report as a table for a person.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = String::new();
        let seconds =
            |millis: Option<u64>| millis.map_or("-".to_owned(), |millis| format!("{:.1} s", millis as f64 / 1000.0));
        // No wider than 80 columns: what is wider is wrapped where the terminal is not.
        let _ = writeln!(
            text,
            "{:<9} {:<11} {:>8} {:>6} {:>6} {:>11} {:>7} {:>8} {:>6}",
            "version", "outcome", "requests", "failed", "cut", "dropped", "exposed", "rollback", "took"
        );
        for played in &self.releases {
            let _ = writeln!(
                text,
                "{:<9} {:<11} {:>8} {:>6} {:>6} {:>11} {:>7} {:>8} {:>6}",
                played.version,
                played.said,
                played.requests,
                played.failed,
                format!("{}/{}", played.cut, played.downloads),
                format!("{}/{}", played.dropped, played.sockets),
                seconds(played.shift_to_detect_ms),
                seconds(played.detect_to_restored_ms),
                seconds(Some(played.duration_ms)),
            );
        }
        for played in &self.releases {
            let _ = writeln!(text, "\nversion {}: {}", played.version, played.why);
            for step in &played.steps {
                // Counts of a rehearsal are far below what a float holds exactly.
                #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
                let measured = step.green as f64 * 100.0 / step.all.max(1) as f64;
                let (fewest, most) = step.expected;
                let judged = if step.had_too_much() {
                    ": more than its share"
                } else {
                    ""
                };
                let _ = writeln!(
                    text,
                    "  step {}: {measured:.1}% of {} answers that chance decided ({} of them; {fewest} to {most} were to be expected){judged}",
                    step.share, step.all, step.green
                );
            }
            for (kind, count) in &played.failures {
                let _ = writeln!(text, "  {count} failed: {kind}");
            }
        }
        let _ = writeln!(
            text,
            "\ncut: downloads that ended too early, of all; dropped: WebSockets that ended without a goodbye, of all"
        );
        let _ = writeln!(
            text,
            "exposed: from the swap, or the first change of weights, until the decision to go back; rollback: from then until all traffic was on blue again and the last client had forgotten green"
        );
        let _ = write!(text, "journal: {}", self.journal.display());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_chance_allows_is_wide_for_few_and_narrow_for_many() {
        // Checked against sums of the distribution by way of the gamma function.
        assert_eq!(likely(0, 0.05, SAID), (0, 0));
        assert_eq!(likely(100, 0.05, SAID), (0, 13));
        assert_eq!(likely(4000, 0.25, SAID), (911, 1091));
        assert_eq!(likely(10, 1.0, SAID), (10, 10));
    }

    #[test]
    fn a_rehearsal_fails_where_green_had_more_than_its_share() {
        let step = |green, all| StepPlayed::new(Share::percent(5), green, all);
        // Beyond what is said to be expected, as it happens once in a while.
        let rare = step(82, 1000);
        assert!(rare.green > rare.expected.1 && !rare.had_too_much(), "{rare:?}");
        assert!(!step(0, 1000).had_too_much() && !step(0, 0).had_too_much());
        assert!(step(100, 1000).had_too_much());
        for (green, passes) in [(50, true), (100, false)] {
            let lost = Traffic {
                requests: Summary {
                    failed: 1,
                    ..Summary::default()
                },
                ..Traffic::default()
            };
            let played = Played::careless("3", Duration::from_secs(42), lost).in_steps(vec![step(green, 1000)]);
            let report = Report {
                releases: vec![played],
                journal: PathBuf::new(),
            };
            assert_eq!(report.passed(), passes);
            assert_eq!(
                report.table().contains("more than its share"),
                !passes,
                "{}",
                report.table()
            );
        }
    }

    #[test]
    fn a_comparison_passes_when_the_careless_way_has_cost_something() {
        for (failed, passes) in [(0, false), (1, true)] {
            let traffic = Traffic {
                requests: Summary {
                    requests: 10,
                    failed,
                    ..Summary::default()
                },
                ..Traffic::default()
            };
            let played = Played::careless("3", Duration::from_secs(42), traffic);
            assert_eq!(played.as_wanted(), passes);
            let report = Report {
                releases: vec![played],
                journal: PathBuf::new(),
            };
            assert_eq!(report.passed(), passes);
            let table = report.table();
            let line = table.lines().nth(1).unwrap_or_default();
            let cells: Vec<&str> = line.split_whitespace().collect();
            assert!(table.lines().take(2).all(|line| line.len() <= 80), "{table}");
            let failed = failed.to_string();
            assert_eq!(cells[..4], ["3", "careless", "10", failed.as_str()], "{table}");
            assert!(line.trim_end().ends_with("42.0 s"), "{table}");
        }
    }
}
