//! What became of every request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Clock, Span, Timestamp};

/// The outcomes of all requests so far, in the order in which they ended. Clones share them.
///
/// Each is kept, at about 24 bytes, so that any stretch of a run can be told exactly: an hour at 500 a second takes 43 MB.
#[derive(Clone)]
pub struct Outcomes {
    clock: Arc<dyn Clock>,
    records: Arc<Mutex<Records>>,
}

#[derive(Default)]
struct Records {
    list: Vec<Record>,
    failed: u64,
    retried: u64,
    /// Kinds of failures and versions, each text once; records hold places in it.
    texts: Vec<String>,
}

struct Record {
    ended: Timestamp,
    /// Microseconds from the moment the request was due; at most 71 minutes.
    latency: u32,
    failure: Option<u16>,
    version: Option<u16>,
    drawn: bool,
}

/// One request, as a client reports it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// From the moment the request was due.
    pub(super) latency: Duration,
    /// The kind of failure, if it failed.
    pub(super) failure: Option<String>,
    /// The version that answered, if it said so.
    pub(super) version: Option<String>,
    /// Whether it was sent twice.
    pub(super) retried: bool,
    /// Whether chance has just decided who answers: not a cookie, and not an earlier answer of DNS.
    pub(super) drawn: bool,
}

/// How many requests there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Requests that have ended, well or badly.
    pub requests: u64,
    /// Those that got no whole answer, or one of status 500 or above.
    pub failed: u64,
    /// Those that were sent again because an idle connection turned out to be closed. Browsers do the same; nobody sees it.
    pub retried: u64,
}

/// A point in the sequence of outcomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark(usize);

/// A stretch of the load, in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Requests that ended in it, well or badly.
    pub requests: u64,
    /// Those that got no whole answer, or one of status 500 or above.
    pub failed: u64,
    /// When the first failed request ended.
    pub first_failure: Option<Timestamp>,
    /// When the last failed request ended.
    pub last_failure: Option<Timestamp>,
    /// How many requests failed in which way, such as `status 503` or `connection refused`.
    pub failures_by_kind: BTreeMap<String, u64>,
    /// How many answers came from which version, by the response header `x-app-version`.
    pub versions: BTreeMap<String, u64>,
    /// Median latency of the requests that did not fail, from when they were due; `None` without such.
    pub latency_p50: Option<Span>,
    /// 99th percentile of the same.
    pub latency_p99: Option<Span>,
}

impl Outcomes {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            records: Arc::default(),
        }
    }

    pub(super) fn record(&self, outcome: Outcome) {
        let ended = self.clock.now();
        let mut records = self.lock();
        let failure = outcome.failure.map(|text| records.place(text));
        let version = outcome.version.map(|text| records.place(text));
        records.failed += u64::from(failure.is_some());
        records.retried += u64::from(outcome.retried);
        records.list.push(Record {
            ended,
            latency: u32::try_from(outcome.latency.as_micros()).unwrap_or(u32::MAX),
            failure,
            version,
            drawn: outcome.drawn,
        });
    }

    /// How many requests there were so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let records = self.lock();
        Counts {
            requests: length(records.list.len()),
            failed: records.failed,
            retried: records.retried,
        }
    }

    /// Remembers this point. The default mark stands before the first request.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark(self.lock().list.len())
    }

    /// What became of the requests that ended after the mark.
    #[must_use]
    pub fn since(&self, mark: &Mark) -> Summary {
        let records = self.lock();
        let mut summary = Summary::default();
        let mut latencies = Vec::new();
        for record in records.list.get(mark.0..).unwrap_or_default() {
            summary.requests += 1;
            if let Some(version) = record.version {
                let version = records.texts[usize::from(version)].clone();
                *summary.versions.entry(version).or_default() += 1;
            }
            let Some(kind) = record.failure else {
                latencies.push(record.latency);
                continue;
            };
            let kind = records.texts[usize::from(kind)].clone();
            *summary.failures_by_kind.entry(kind).or_default() += 1;
            summary.failed += 1;
            summary.first_failure = summary.first_failure.or(Some(record.ended));
            summary.last_failure = Some(record.ended);
        }
        drop(records);
        latencies.sort_unstable();
        summary.latency_p50 = percentile(&latencies, 50);
        summary.latency_p99 = percentile(&latencies, 99);
        summary
    }

    /// How many answers came from which version between two moments, of those where chance had just decided who answers.
    #[must_use]
    pub fn drawn_between(&self, from: Timestamp, until: Timestamp) -> BTreeMap<String, u64> {
        let records = self.lock();
        let mut versions = BTreeMap::new();
        // They are in the order in which they ended.
        let first = records.list.partition_point(|record| record.ended < from);
        for record in records.list[first..].iter().take_while(|record| record.ended < until) {
            if let Some(version) = record.version.filter(|_| record.drawn) {
                let version = records.texts[usize::from(version)].clone();
                *versions.entry(version).or_default() += 1;
            }
        }
        versions
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        // Records are whole at every moment, so a panic elsewhere does not spoil them.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records {
    /// Where a text stands in the list of texts, putting it there if need be. There are few: a handful of kinds and versions.
    fn place(&mut self, text: String) -> u16 {
        let found = self.texts.iter().position(|known| *known == text);
        let place = found.unwrap_or_else(|| {
            if self.texts.len() == usize::from(u16::MAX) {
                // A server that makes up a version per answer; the last place stands for the rest.
                return self.texts.len() - 1;
            }
            self.texts.push(text);
            self.texts.len() - 1
        });
        u16::try_from(place).unwrap_or(u16::MAX - 1)
    }
}

/// The nearest-rank percentile of sorted microseconds, to the millisecond, rounded up so that it is never "0s".
fn percentile(sorted: &[u32], percent: usize) -> Option<Span> {
    let rank = (sorted.len() * percent).div_ceil(100);
    let micros = *sorted.get(rank.checked_sub(1)?)?;
    Some(Span::from_millis(u64::from(micros).div_ceil(1000)))
}

fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    /// A second later every time it is asked.
    struct Ticking(AtomicI64);

    impl Clock for Ticking {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.fetch_add(1000, Ordering::SeqCst))
        }

        fn since_boot(&self) -> Duration {
            Duration::ZERO
        }
    }

    fn outcome(millis: u64, failure: Option<&str>, version: Option<&str>) -> Outcome {
        Outcome {
            latency: Duration::from_millis(millis),
            failure: failure.map(str::to_owned),
            version: version.map(str::to_owned),
            retried: millis == 3,
            drawn: true,
        }
    }

    #[test]
    fn any_stretch_can_be_told_exactly() {
        let outcomes = Outcomes::new(Arc::new(Ticking(AtomicI64::new(0))));
        assert_eq!(outcomes.since(&Mark::default()), Summary::default());
        for millis in 1..=100 {
            outcomes.record(outcome(millis, None, Some("1")));
        }
        let mark = outcomes.mark();
        outcomes.record(outcome(5000, Some("no answer within 10s"), None));
        outcomes.record(outcome(3, None, Some("2")));
        outcomes.record(outcome(1, Some("status 503"), Some("2")));
        outcomes.record(outcome(1, Some("status 503"), Some("1")));

        assert_eq!(
            outcomes.counts(),
            Counts {
                requests: 104,
                failed: 3,
                retried: 2
            }
        );
        let all = outcomes.since(&Mark::default());
        assert_eq!(all.requests, 104);
        assert_eq!(
            all.versions,
            BTreeMap::from([("1".to_owned(), 101), ("2".to_owned(), 2)])
        );
        let later = outcomes.since(&mark);
        assert_eq!(
            later,
            Summary {
                requests: 4,
                failed: 3,
                first_failure: Some(Timestamp::from_millis(100_000)),
                last_failure: Some(Timestamp::from_millis(103_000)),
                failures_by_kind: BTreeMap::from([
                    ("no answer within 10s".to_owned(), 1),
                    ("status 503".to_owned(), 2)
                ]),
                versions: BTreeMap::from([("1".to_owned(), 1), ("2".to_owned(), 2)]),
                latency_p50: Some(Span::from_millis(3)),
                latency_p99: Some(Span::from_millis(3)),
            }
        );
        let none = outcomes.since(&outcomes.mark());
        assert_eq!(none, Summary::default());
    }

    #[test]
    fn percentiles_are_of_nearest_rank() {
        let hundred: Vec<u32> = (1..=100).map(|millis| millis * 1000).collect();
        assert_eq!(percentile(&hundred, 50), Some(Span::from_millis(50)));
        assert_eq!(percentile(&hundred, 99), Some(Span::from_millis(99)));
        assert_eq!(percentile(&[250], 99), Some(Span::from_millis(1)));
        assert_eq!(percentile(&[], 50), None);
    }
}
