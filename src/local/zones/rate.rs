//! How many requests Route 53 takes.

use crate::model::Timestamp;

/// A bucket that fills steadily and holds as many requests as one second brings. Route 53 takes five a second, of the whole
/// account (source: its quotas); how large a burst may be is not documented.
#[derive(Clone, Debug)]
pub(super) struct Rate {
    a_second: f64,
    most: f64,
    left: f64,
    last: Timestamp,
}

impl Rate {
    /// So many requests each second of AWS's, at a pace.
    pub(super) fn new(a_second: u32, pace: f64) -> Self {
        let most = f64::from(a_second);
        Self {
            a_second: most * pace,
            most,
            left: most,
            last: Timestamp::default(),
        }
    }

    /// Takes one request, if there is one.
    pub(super) fn take(&mut self, now: Timestamp) -> bool {
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
        let mut rate = Rate::new(5, 1.0);
        let at = |millis: i64| Timestamp::from_millis(1_000_000 + millis);
        let taken = |rate: &mut Rate, now| (0..10).filter(|_| rate.take(now)).count();
        assert_eq!(taken(&mut rate, at(0)), 5);
        assert_eq!(taken(&mut rate, at(199)), 0);
        assert_eq!(taken(&mut rate, at(200)), 1);
        assert_eq!(taken(&mut rate, at(1000)), 4);
        assert_eq!(taken(&mut rate, at(60_000)), 5);
    }

    #[test]
    fn the_pace_counts() {
        let mut rate = Rate::new(5, 20.0);
        let taken = (0..1000)
            .filter(|millis| rate.take(Timestamp::from_millis(*millis)))
            .count();
        assert!((99..=105).contains(&taken), "{taken}");
    }
}
