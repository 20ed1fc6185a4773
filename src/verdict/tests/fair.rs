//! That bets are fair: their expectation, summed over everything that can happen, is at most 1 while green is no worse.

use super::super::evalue::{Count, Theta, null_share, share_bet, two_arm, two_arm_exchangeable};
use super::super::math::e_value;

/// The probabilities of 0 to n events.
fn binomial(n: u32, p: f64) -> Vec<f64> {
    if p >= 1.0 {
        return (0..=n).map(|k| f64::from(u8::from(k == n))).collect();
    }
    let mut term = (f64::from(n) * (-p).ln_1p()).exp();
    (0..=n)
        .map(|k| {
            let current = term;
            term *= f64::from(n - k) / f64::from(k + 1) * p / (1.0 - p);
            current
        })
        .collect()
}

fn expectation(green: (u32, f64), blue: (u32, f64), bet: impl Fn(Count, Count) -> f64) -> f64 {
    let (of_green, of_blue) = (binomial(green.0, green.1), binomial(blue.0, blue.1));
    let mut sum = 0.0;
    for (k_green, p_green) in of_green.iter().enumerate() {
        for (k_blue, p_blue) in of_blue.iter().enumerate() {
            let p = p_green * p_blue;
            if p > 1e-18 {
                let count = |n: u32, k: usize| Count {
                    n: f64::from(n),
                    k: k as f64,
                };
                sum += p * bet(count(green.0, k_green), count(blue.0, k_blue));
            }
        }
    }
    sum
}

#[test]
fn expectations_have_the_reference_values() {
    let theta = Theta::new(5.0, 5.0_f64.ln());
    for (p, expected) in [(0.0, 0.99986), (0.001, 0.999_362), (0.01, 0.978_259), (0.1, 0.183_81)] {
        let value = expectation((50, 1.1 * p + 1e-3), (400, p), |green, blue| {
            e_value(two_arm(theta, null_share(green.n, blue.n, 1.1), green, blue, 1e-3))
        });
        assert!((value - expected).abs() < 1e-5, "p={p}: {value} {expected}");
    }
}

#[test]
fn comparisons_are_fair_for_all_rates_and_splits() {
    for (n_green, n_blue) in [(1, 1), (1, 60), (10, 190), (50, 50), (90, 10), (60, 1)] {
        for p in [0.0, 1e-4, 1e-3, 0.01, 0.1, 0.3, 0.7] {
            for (ratio, absolute) in [(1.0, 0.0), (1.1, 1e-4), (1.5, 1e-3)] {
                let edge = f64::min(ratio * p + absolute, 1.0);
                for value in [0.05, 0.3, 0.6, 1.7, 3.7, 8.0, 20.0, 70.0] {
                    let theta = Theta::new(value, f64::ln(value));
                    let bet = |green: Count, blue: Count| {
                        e_value(two_arm(
                            theta,
                            null_share(green.n, blue.n, ratio),
                            green,
                            blue,
                            absolute,
                        ))
                    };
                    let at_edge = expectation((n_green, edge), (n_blue, p), bet);
                    assert!(
                        at_edge <= 1.0 + 1e-9,
                        "{n_green}/{n_blue} p={p} {ratio} {absolute} theta={value}: {at_edge}"
                    );
                    if value > 1.0 {
                        let inside = expectation((n_green, 0.5 * edge), (n_blue, p), bet);
                        assert!(inside <= 1.0 + 1e-9, "{inside}");
                    }
                }
            }
        }
    }
}

#[test]
fn share_bets_are_fair_for_all_rates_and_splits() {
    for (n_green, n_blue) in [(1, 60), (10, 190), (50, 50)] {
        for p in [0.0, 1e-3, 0.01, 0.1] {
            for lambda in [0.1, 0.25, 0.5, 0.75, 0.92] {
                let value = expectation((n_green, p), (n_blue, p), |green, blue| {
                    share_bet(lambda, null_share(green.n, blue.n, 1.0), green, blue, 0.0)
                });
                assert!(value <= 1.0 + 1e-9, "{n_green}/{n_blue} p={p} lambda={lambda}: {value}");
            }
        }
    }
}

#[test]
fn bets_on_exchangeable_counts_are_fair() {
    // Given all events, green's number is hypergeometric; summed over both arms with one rate it is the same.
    for (n_green, n_blue) in [(3, 12), (20, 20), (30, 5)] {
        for p in [0.02, 0.3, 0.5, 0.9] {
            for value in [1.7, 3.7, 8.0, 70.0] {
                let theta = Theta::new(value, f64::ln(value));
                let value = expectation((n_green, p), (n_blue, p), |green, blue| {
                    e_value(two_arm_exchangeable(theta, green, blue))
                });
                assert!(value <= 1.0 + 1e-9, "{n_green}/{n_blue} p={p}: {value}");
            }
        }
    }
}
