//! Values that were worked out elsewhere.

use super::super::evalue::{Count, Theta, bounded_rate, null_share, one_arm, share_bet, two_arm, two_arm_exchangeable};

fn count(k: f64, n: f64) -> Count {
    Count { n, k }
}

fn theta(value: f64) -> Theta {
    Theta::new(value, value.ln())
}

fn compared(value: f64, green: Count, blue: Count, ratio: f64, absolute: f64) -> f64 {
    two_arm(theta(value), null_share(green.n, blue.n, ratio), green, blue, absolute)
}

#[test]
fn comparisons_have_the_reference_values() {
    let (green, blue) = (count(3.0, 250.0), count(5.0, 4750.0));
    let none = count(0.0, 250.0);
    for (value, expected) in [
        (compared(2.0, green, blue, 1.0, 0.0), 1.689_120_23),
        (compared(5.0, green, blue, 1.0, 0.0), 3.369_741_28),
        (compared(0.5, green, blue, 1.0, 0.0), -1.876_899_08),
        (compared(2.0, green, blue, 1.1, 1e-4), 1.630_784_95),
        (compared(5.0, green, blue, 1.1, 1e-4), 3.167_136_3),
        (compared(0.5, green, blue, 1.1, 1e-4), -1.845_336_97),
        (compared(2.0, none, blue, 1.0, 0.0), -0.243_950_82),
        (compared(5.0, none, blue, 1.0, 0.0), -0.911_607_78),
        (
            compared(0.5, count(0.0, 2000.0), count(1.0, 2000.0), 1.5, 1e-3),
            0.928_103_51,
        ),
    ] {
        assert!((value - expected).abs() < 1e-8, "{value} {expected}");
    }
}

#[test]
fn three_failed_probes_say_as_much_as_they_should() {
    // Three failures in a row against a ceiling of 2 %.
    assert!((one_arm(theta(30.0), count(3.0, 3.0), 0.02) - 8.463_592).abs() < 1e-5);
    // The same beside twelve clean probes of blue.
    let value = compared(100.0, count(3.0, 3.0), count(0.0, 12.0), 1.0, 0.0);
    assert!((value - 4.71).abs() < 0.01, "{value}");
}

#[test]
fn a_silent_arm_says_nothing() {
    for value in [0.05, 2.0, 100.0] {
        assert_eq!(
            compared(value, count(0.0, 0.0), count(7.0, 100.0), 1.0, 0.0),
            compared(value, count(0.0, 0.0), count(9.0, 70.0), 1.0, 0.0)
        );
        assert!(compared(value, count(7.0, 100.0), count(0.0, 0.0), 1.0, 0.0).abs() < 1e-12);
    }
}

#[test]
fn a_share_bet_is_won_by_the_share() {
    let (green, blue) = (count(4.0, 250.0), count(4.0, 4750.0));
    // 1 + 0.5 / 0.05 (0.5 - 0.05)
    assert!((share_bet(0.5, 0.05, green, blue, 0.0) - 5.5).abs() < 1e-12);
    assert!((share_bet(0.5, 0.05, green, blue, 1e-4) - 5.5 * (-0.25_f64).exp()).abs() < 1e-12);
    assert_eq!(share_bet(0.5, 0.05, count(0.0, 250.0), count(0.0, 4750.0), 0.0), 1.0);
}

#[test]
fn a_past_rate_is_bounded_with_a_margin() {
    // K = 8, c = 2: 8 + 2 + sqrt(4 + 32) = 16, times 1.5, of 1000.
    assert!((bounded_rate(count(8.0, 1000.0), 2.0) - 0.024).abs() < 1e-12);
    assert_eq!(bounded_rate(count(0.0, 0.0), 2.0), 1.0);
}

#[test]
fn exchangeable_counts_take_the_sharper_of_two_bounds() {
    let (green, blue) = (count(8.0, 10.0), count(2.0, 10.0));
    let value = two_arm_exchangeable(theta(3.0), green, blue);
    // Both bounds are alike here: 8 ln 3 - 10 ln(1 + 2 / 2).
    assert!(
        (value - (8.0 * 3.0_f64.ln() - 10.0 * 2.0_f64.ln())).abs() < 1e-12,
        "{value}"
    );
    // All of green's and a few of blue's: by green's requests it is sharper.
    let many = two_arm_exchangeable(theta(3.0), count(4.0, 4.0), count(10.0, 20.0));
    assert!(
        (many - (4.0 * 3.0_f64.ln() - 4.0 * (1.0 + 14.0 / 24.0 * 2.0_f64).ln())).abs() < 1e-12,
        "{many}"
    );
}
