//! Percentiles beyond which too few requests of a window lie, put together over windows until there are enough.

use serde::{Deserialize, Serialize};

use super::latency::{BEYOND, Gap};

/// What was put together so far of one percentile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Gathered {
    so_far: Option<Sums>,
}

/// Sums over windows, each with its requests' weight: what a window weighs must not depend on how slow anything was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Sums {
    begin_s: f64,
    q: f64,
    beyond: f64,
    weight: f64,
    /// Of squared weights, as variances of sums are.
    variance: f64,
    green: f64,
    blue: f64,
    loosely: Differences,
    /// The same with doubt held against green; absent if a window could not tell.
    strictly: Option<Differences>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Differences {
    difference: f64,
    doubt: f64,
}

/// Windows that were put together, as if they were one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Together {
    pub(super) begin_s: f64,
    pub(super) gap: Gap,
    pub(super) strictly: Option<Gap>,
}

impl Gathered {
    /// Takes a window's gap, and the same with doubt held against green. Gives what was put together once it is enough.
    pub(super) fn take(&mut self, begin_s: f64, gap: Gap, strictly: Option<Gap>) -> Option<Together> {
        let of = |gap: Gap| Differences {
            difference: gap.difference * gap.weight,
            doubt: gap.doubt * gap.weight,
        };
        let now = Sums {
            begin_s,
            q: gap.q,
            beyond: gap.beyond,
            weight: gap.weight,
            variance: gap.variance * gap.weight * gap.weight,
            green: gap.green.ln() * gap.weight,
            blue: gap.blue.ln() * gap.weight,
            loosely: of(gap),
            strictly: strictly.map(of),
        };
        let sums = match self.so_far.filter(|before| before.q == gap.q) {
            Some(before) => before.and(now),
            None => now,
        };
        if sums.beyond < BEYOND {
            self.so_far = Some(sums);
            return None;
        }
        self.so_far = None;
        Some(sums.together())
    }
}

impl Sums {
    fn and(self, next: Self) -> Self {
        let add = |one: Differences, other: Differences| Differences {
            difference: one.difference + other.difference,
            doubt: one.doubt + other.doubt,
        };
        Self {
            begin_s: self.begin_s,
            q: self.q,
            beyond: self.beyond + next.beyond,
            weight: self.weight + next.weight,
            variance: self.variance + next.variance,
            green: self.green + next.green,
            blue: self.blue + next.blue,
            loosely: add(self.loosely, next.loosely),
            strictly: self.strictly.zip(next.strictly).map(|(one, other)| add(one, other)),
        }
    }

    fn together(self) -> Together {
        let gap = |sums: Differences| Gap {
            difference: sums.difference / self.weight,
            variance: self.variance / (self.weight * self.weight),
            doubt: sums.doubt / self.weight,
            green: (self.green / self.weight).exp(),
            blue: (self.blue / self.weight).exp(),
            q: self.q,
            beyond: self.beyond,
            weight: self.weight,
        };
        Together {
            begin_s: self.begin_s,
            gap: gap(self.loosely),
            strictly: self.strictly.map(gap),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(difference: f64, weight: f64, beyond: f64) -> Gap {
        Gap {
            difference,
            variance: 0.3 / weight,
            doubt: 0.01,
            green: 400.0 * difference.exp(),
            blue: 400.0,
            q: 0.99,
            beyond,
            weight,
        }
    }

    #[test]
    fn windows_are_weighed_by_their_requests() {
        let mut gathered = Gathered::default();
        assert_eq!(gathered.take(10.0, gap(0.1, 1.0, 0.5), None), None);
        let strictly = Some(gap(0.5, 3.0, 1.5));
        let Together {
            begin_s,
            gap: all,
            strictly,
        } = gathered.take(20.0, gap(0.5, 3.0, 1.5), strictly).unwrap();
        assert_eq!((begin_s, strictly), (10.0, None));
        assert!(
            (all.difference - 0.4).abs() < 1e-12 && (all.doubt - 0.01).abs() < 1e-12,
            "{all:?}"
        );
        // As that of as many requests in one window.
        assert!((all.variance - 0.3 / 4.0).abs() < 1e-12, "{all:?}");
        assert!(
            (all.green - 400.0 * 0.4_f64.exp()).abs() < 1e-9 && (all.blue - 400.0).abs() < 1e-9,
            "{all:?}"
        );
        // And then it begins anew.
        let strictly = Some(gap(0.3, 4.0, 2.0));
        let next = gathered.take(30.0, gap(0.2, 4.0, 2.0), strictly).unwrap();
        assert_eq!(next.begin_s, 30.0);
        assert!((next.gap.difference - 0.2).abs() < 1e-12);
        assert!((next.strictly.unwrap().difference - 0.3).abs() < 1e-12);
    }

    #[test]
    fn different_percentiles_are_not_put_together() {
        let mut gathered = Gathered::default();
        assert_eq!(gathered.take(10.0, gap(0.1, 1.0, 1.5), None), None);
        let other = Gap {
            q: 0.9,
            ..gap(0.7, 1.0, 1.5)
        };
        assert_eq!(gathered.take(20.0, other, None), None);
        let together = gathered.take(30.0, other, None).unwrap();
        assert_eq!(together.begin_s, 20.0);
        assert!((together.gap.difference - 0.7).abs() < 1e-12);
    }
}
