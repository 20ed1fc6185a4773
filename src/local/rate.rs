//! How many requests a service takes.

use crate::model::Timestamp;

/// A bucket that fills steadily and holds so many requests at most.
#[derive(Clone, Debug)]
pub(crate) struct Rate {
    a_second: f64,
    most: f64,
    left: f64,
    last: Timestamp,
}

impl Rate {
    /// So many requests each second of AWS's, at a pace, and no more than that at once.
    pub(crate) fn steady(a_second: u32, pace: f64) -> Self {
        Self::with_burst(a_second, a_second, pace)
    }

    /// The same with so many at once.
    pub(crate) fn with_burst(burst: u32, a_second: u32, pace: f64) -> Self {
        Self {
            a_second: f64::from(a_second) * pace,
            most: f64::from(burst),
            left: f64::from(burst),
            last: Timestamp::default(),
        }
    }

    /// Takes one request, if there is one.
    pub(crate) fn take(&mut self, now: Timestamp) -> bool {
        self.left = (self.left + now.since(self.last).as_secs_f64() * self.a_second).min(self.most);
        self.last = self.last.max(now);
        // What a sum of fractions lacks of a whole one is no request.
        if self.left < 1.0 - 1e-9 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_a_second_are_taken() {
        let mut rate = Rate::steady(5, 1.0);
        let at = |millis: i64| Timestamp::from_millis(1_000_000 + millis);
        let taken = |rate: &mut Rate, now| (0..10).filter(|_| rate.take(now)).count();
        assert_eq!(taken(&mut rate, at(0)), 5);
        assert_eq!(taken(&mut rate, at(199)), 0);
        assert_eq!(taken(&mut rate, at(200)), 1);
        assert_eq!(taken(&mut rate, at(1000)), 4);
        assert_eq!(taken(&mut rate, at(60_000)), 5);
    }

    #[test]
    fn a_burst_is_taken_and_then_a_steady_stream() {
        let mut rate = Rate::with_burst(40, 10, 1.0);
        let at = |millis: i64| Timestamp::from_millis(1_000_000 + millis);
        let taken = |rate: &mut Rate, now| (0..100).filter(|_| rate.take(now)).count();
        assert_eq!(taken(&mut rate, at(0)), 40);
        assert_eq!(taken(&mut rate, at(1000)), 10);
        assert_eq!(taken(&mut rate, at(60_000)), 40);
    }

    #[test]
    fn the_pace_counts() {
        let mut rate = Rate::steady(5, 20.0);
        let taken = (0..1000)
            .filter(|millis| rate.take(Timestamp::from_millis(*millis)))
            .count();
        assert!((99..=105).contains(&taken), "{taken}");
    }
}
