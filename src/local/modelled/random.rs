//! Chance without a state: what is drawn depends on the seed and on what it is for, never on who asked before.

/// A place in the tree of everything that can be drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Random(u64);

/// What is drawn, so that two draws with the same numbers differ.
#[derive(Clone, Copy)]
pub(super) enum Draw {
    Instance = 1,
    Start,
    Death,
    Requests,
    Failed,
    Client,
    Balancer,
    Jitter,
    Choice,
    Fate,
    Latency,
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// The place below this one with that number.
    pub(super) fn at(self, number: u64) -> Self {
        Self(mix(self.0 ^ number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// The place of one kind of draw.
    pub(super) fn of(self, draw: Draw) -> Self {
        self.at(draw as u64 ^ 0x5bd1_e995_0000_0000)
    }

    /// All bits.
    pub(super) fn bits(self) -> u64 {
        self.0
    }

    /// At least 0 and below 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub(super) fn unit(self) -> f64 {
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// An expected amount as a whole number: up or down so that the mean is right.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "amounts of requests are positive and far below 2^53"
    )]
    pub(super) fn whole(self, expected: f64) -> u64 {
        if expected > 0.0 {
            (expected + self.unit()).floor() as u64
        } else {
            0
        }
    }
}

/// SplitMix64's last step: every bit of the answer depends on every bit given.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_even_and_independent_of_their_order() {
        let root = Random::new(7);
        let draws: Vec<f64> = (0..10_000)
            .map(|number| root.of(Draw::Start).at(number).unit())
            .collect();
        let mean = draws.iter().sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        assert!(draws.iter().all(|draw| (0.0..1.0).contains(draw)));
        assert_eq!(root.at(3).bits(), Random::new(7).at(3).bits());
        assert_ne!(root.at(3).bits(), root.at(4).bits());
        assert_ne!(root.of(Draw::Start).bits(), root.of(Draw::Death).bits());
        assert_ne!(root.bits(), Random::new(8).bits());
    }

    #[test]
    fn whole_numbers_are_right_on_average() {
        let root = Random::new(1);
        let sum: u64 = (0..10_000).map(|number| root.at(number).whole(2.3)).sum();
        assert!((22_500..23_500).contains(&sum), "{sum}");
        assert_eq!(root.whole(0.0), 0);
        assert!((0..1000).all(|number| root.at(number).whole(50.0) == 50));
    }
}
