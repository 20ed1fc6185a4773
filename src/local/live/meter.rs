//! Counting requests and their latency, cheaply enough to do it for every request.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::model::{Latency, RequestCounts};

/// Threads write to different shards, so that they rarely wait for each other's cache lines.
const SHARDS: usize = 4;
/// Eight buckets per power of two: a bucket is at most 12.5 % wide.
const STEPS_LOG2: u32 = 3;
const STEPS: usize = 1 << STEPS_LOG2;
/// Enough for 2^27 microseconds, a little more than two minutes; what is slower counts as that.
const BUCKETS: usize = STEPS * 26;

/// Requests of the current window by class of their status.
#[derive(Debug, Default)]
pub(super) struct Tally([AtomicU64; 4]);

impl Tally {
    pub(super) fn count(&self, status: u16) {
        let class = match status {
            0..=299 => 0,
            300..=399 => 1,
            400..=499 => 2,
            _ => 3,
        };
        self.0[class].fetch_add(1, Ordering::Relaxed);
    }

    /// Closes the window.
    pub(super) fn take(&self) -> RequestCounts {
        let [status_2xx, status_3xx, status_4xx, status_5xx] =
            [0, 1, 2, 3].map(|class: usize| self.0[class].swap(0, Ordering::Relaxed));
        RequestCounts {
            status_2xx,
            status_3xx,
            status_4xx,
            status_5xx,
        }
    }
}

/// Requests and latencies of the current window of one instance.
#[derive(Debug)]
pub(super) struct Meter {
    shards: [Shard; SHARDS],
}

#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    tally: Tally,
    buckets: [AtomicU64; BUCKETS],
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| Shard {
                tally: Tally::default(),
                buckets: std::array::from_fn(|_| AtomicU64::new(0)),
            }),
        }
    }
}

impl Meter {
    pub(super) fn record(&self, status: u16, latency: Duration) {
        let shard = &self.shards[shard_of_this_thread()];
        shard.tally.count(status);
        shard.buckets[bucket_of(latency)].fetch_add(1, Ordering::Relaxed);
    }

    /// Closes the window.
    pub(super) fn take(&self) -> (RequestCounts, Spread) {
        let mut counts = RequestCounts::default();
        let mut spread = Spread::default();
        for shard in &self.shards {
            counts.add(&shard.tally.take());
            for (bucket, sum) in shard.buckets.iter().zip(&mut spread.0) {
                *sum += bucket.swap(0, Ordering::Relaxed);
            }
        }
        (counts, spread)
    }
}

fn shard_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SHARD: Cell<Option<usize>> = const { Cell::new(None) };
    }
    SHARD.with(|shard| {
        shard.get().unwrap_or_else(|| {
            let chosen = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
            shard.set(Some(chosen));
            chosen
        })
    })
}

/// How latencies are spread over the buckets.
#[derive(Clone, Debug)]
pub(super) struct Spread(Vec<u64>);

impl Default for Spread {
    fn default() -> Self {
        Self(vec![0; BUCKETS])
    }
}

impl Spread {
    pub(super) fn add(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(&other.0) {
            *sum += more;
        }
    }

    /// The percentiles, interpolated within their buckets; `None` without requests.
    pub(super) fn latency(&self) -> Option<Latency> {
        let total: u64 = self.0.iter().sum();
        let at = |share| self.percentile(total, share);
        (total > 0).then(|| Latency {
            p10: at(0.10),
            p50: at(0.50),
            p75: at(0.75),
            p85: at(0.85),
            p90: at(0.90),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
        })
    }

    fn percentile(&self, total: u64, share: f64) -> f64 {
        let rank = as_f64(total) * share;
        let mut below = 0.0;
        for (index, count) in self.0.iter().map(|count| as_f64(*count)).enumerate() {
            if count > 0.0 && below + count >= rank {
                let (low, high) = bounds_of(index);
                return (low + (high - low) * (rank - below) / count) / 1e6;
            }
            below += count;
        }
        bounds_of(BUCKETS - 1).1 / 1e6
    }
}

/// Counts of requests are far below 2^52, where this would begin to lose ones.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

fn bucket_of(latency: Duration) -> usize {
    let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
    let small = usize::try_from(micros).unwrap_or(usize::MAX);
    if small < STEPS {
        return small;
    }
    let power = micros.ilog2();
    let step = usize::try_from((micros >> (power - STEPS_LOG2)) & (STEPS as u64 - 1)).unwrap_or(0);
    let row = usize::try_from(power - STEPS_LOG2 + 1).unwrap_or(usize::MAX);
    (row.saturating_mul(STEPS).saturating_add(step)).min(BUCKETS - 1)
}

/// Lower and upper bound of a bucket, in microseconds.
fn bounds_of(index: usize) -> (f64, f64) {
    let (row, step) = (index / STEPS, index % STEPS);
    if row == 0 {
        return (as_f64(step as u64), as_f64(step as u64 + 1));
    }
    let width = 1_u64 << (row - 1);
    let low = (STEPS + step) as u64 * width;
    (as_f64(low), as_f64(low + width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latency_lies_within_the_bounds_of_its_bucket() {
        for micros in [
            0,
            1,
            7,
            8,
            9,
            15,
            16,
            17,
            100,
            999,
            1000,
            123_456,
            60_000_000,
            130_000_000,
        ] {
            let index = bucket_of(Duration::from_micros(micros));
            let (low, high) = bounds_of(index);
            let value = as_f64(micros);
            assert!(low <= value && value < high, "{micros} is not in {low}..{high}");
            assert!(high - low <= (value / 8.0).max(1.0), "bucket of {micros} is too wide");
        }
        assert_eq!(bucket_of(Duration::from_hours(5)), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_close_to_the_true_ones() {
        let meter = Meter::default();
        for millis in 1..=1000 {
            meter.record(200, Duration::from_millis(millis));
        }
        let (counts, spread) = meter.take();
        assert_eq!(counts.status_2xx, 1000);
        let latency = spread.latency().expect("there were requests");
        for (seen, wanted) in [
            (latency.p10, 0.1),
            (latency.p50, 0.5),
            (latency.p90, 0.9),
            (latency.p99, 0.99),
        ] {
            assert!((seen - wanted).abs() < wanted * 0.05, "{seen} instead of {wanted}");
        }
    }

    #[test]
    fn a_window_is_empty_after_it_was_taken() {
        let meter = Meter::default();
        for status in [200, 204, 301, 404, 500, 503] {
            meter.record(status, Duration::from_millis(1));
        }
        let (counts, _) = meter.take();
        assert_eq!(
            counts,
            RequestCounts {
                status_2xx: 2,
                status_3xx: 1,
                status_4xx: 1,
                status_5xx: 2
            }
        );
        let (counts, spread) = meter.take();
        assert_eq!(counts.total(), 0);
        assert!(spread.latency().is_none());
    }
}
