//! What a blue that has little traffic says, and what its silence does.

use super::*;

/// A request a second, of which blue keeps a tenth from 300 s on: a request of blue in every second window. All that green and blue answer in a
/// window fails where `fails` says so.
fn held_back(fails: impl Fn(u32) -> (bool, bool)) -> Vec<Window> {
    (0..120)
        .map(|at| {
            let (blue, green) = match at {
                0..30 => (10.0, 0.0),
                _ => (f64::from(1 - at % 2), 9.0),
            };
            let (blue_fails, green_fails) = fails(at);
            let failed = |n: f64, all| (n, if all { n } else { 0.0 });
            window(
                f64::from(at + 1) * 10.0,
                u32::from(at >= 30),
                failed(blue, blue_fails),
                failed(green, green_fails),
            )
        })
        .collect()
}

fn probes(failures: f64) -> Option<Probes> {
    Some(Probes {
        requests: 20.0,
        failures,
        latencies_ms: Vec::new(),
    })
}

#[test]
fn a_window_without_a_request_of_blue_does_not_bring_its_past_back() {
    let outage = |at| (50..90).contains(&at);
    let verdict = undecided(&hold(), &held_back(|at| (outage(at), outage(at))));
    assert!(verdict.evidence.unwrap().e_value < 10.0, "{verdict}");
}

#[test]
fn blues_past_counts_once_it_has_been_left_nothing() {
    // Nobody says so: then it takes as long a silence as chance does not make. 10 requests a window, of which it may keep a twentieth.
    let mut silent = held_back(|at| (false, at >= 60));
    for window in &mut silent[40..] {
        window.blue = Arm {
            requests: Some(0.0),
            errors: Some(0.0),
            ..Arm::default()
        };
    }
    let found = |windows: &[Window]| {
        let (at, verdict) = decided(&hold(), windows)?;
        let evidence = verdict.evidence?;
        assert!(
            matches!(evidence.metric, Metric::FrozenErrors | Metric::RareErrors),
            "{verdict}"
        );
        Some(at)
    };
    let late = found(&silent).expect("blue is silent for minutes");
    assert!(late > 600.0, "{late}");
    let told = |well: bool| {
        let mut told = silent.clone();
        for window in &mut told[40..] {
            window.blue.idle = true;
            window.blue.probes = probes(if well { 0.0 } else { 20.0 });
        }
        told
    };
    assert!(found(&told(true)).expect("it is said") <= late);
    // What its own checks fail at the same time is on the way, or of both.
    undecided(&hold(), &told(false));
}

#[test]
fn where_blue_is_left_nothing_no_answer_of_it_is_waited_for() {
    let few = |idle: bool| {
        let windows = (0..60).map(|at| {
            let (blue, green) = if at < 30 { (2.0, 0.0) } else { (0.0, 2.0) };
            let mut window = window(
                f64::from(at + 1) * 10.0,
                u32::from(at >= 30),
                (blue, 0.0),
                (green, green),
            );
            window.blue.idle = idle && at >= 30;
            window
        });
        decided(&hold(), &windows.collect::<Vec<_>>()).map(|(at, _)| at)
    };
    assert_eq!((few(true), few(false)), (Some(310.0), None));
}

#[test]
fn a_green_that_has_everything_and_dies_takes_one_window() {
    let swapped = |blue_is_well: bool| {
        let mut windows = release(1.0, move |at, window| {
            if at >= 30 {
                window.blue.idle = true;
                window.blue.probes = probes(if blue_is_well { 0.0 } else { 20.0 });
            }
            if at >= 60 {
                window.green.errors = window.green.requests;
            }
        });
        windows.truncate(100);
        windows
    };
    let (at, verdict) = decided(&hold(), &swapped(true)).unwrap();
    assert_eq!(
        (at, verdict.evidence.unwrap().metric),
        (610.0, Metric::FrozenErrors),
        "{verdict}"
    );
    undecided(&hold(), &swapped(false));
}

/// A swap after 300 s, after which some users stay on blue, of which so many fail in a window; from 600 s on a part of green's requests fails.
fn left_over(users: (f64, f64), failing: f64) -> Vec<Window> {
    let mut windows = release(1.0, move |at, window| {
        if at >= 30 {
            window.blue.idle = true;
            window.blue.probes = probes(0.0);
            (window.blue.requests, window.blue.errors) = (Some(users.0), Some(users.1));
        }
        if at >= 60 {
            window.green.errors = window.green.requests.map(|n| (n * failing).round());
        }
    });
    windows.truncate(120);
    windows
}

#[test]
fn a_few_who_stay_with_blue_do_not_hide_that_green_is_worse() {
    for users in [(0.0, 0.0), (1.0, 0.0), (3.0, 0.0), (30.0, 0.0), (3.0, 3.0)] {
        for failing in [0.03, 0.1, 0.2] {
            let (at, verdict) = decided(&hold(), &left_over(users, failing)).expect("it is worse");
            assert!((610.0..=660.0).contains(&at), "{users:?} {failing}: {at} {verdict}");
        }
        undecided(&hold(), &left_over(users, 0.001));
    }
}

#[test]
fn what_the_last_users_of_blue_meet_is_not_its_past() {
    // A bot finds nothing but errors there, for a quarter of an hour before green gets worse.
    let mut windows = left_over((4.0, 4.0), 0.001);
    for window in &mut windows {
        let rare = |n: Option<f64>| n.map(|n| (n / 100.0).ceil());
        (window.green.requests, window.green.errors) = (rare(window.green.requests), Some(0.0));
        if window.step == 0 {
            (window.blue.requests, window.blue.errors) = (rare(window.blue.requests), Some(0.0));
        }
    }
    for window in &mut windows[100..] {
        window.green.errors = Some(15.0);
    }
    let (at, verdict) = decided(&hold(), &windows).expect("a third of its requests fail");
    assert!(at <= 1060.0, "{at} {verdict}");
}

#[test]
fn an_incident_of_both_is_no_trickle_while_many_are_left() {
    // Right after the swap: a fifth of the users still come to blue, and both fail alike.
    let mut both = left_over((1000.0, 50.0), 0.05);
    undecided(&hold(), &both);
    // And where those few who are left fail like most of green's.
    for window in &mut both[30..] {
        window.blue.probes = None;
        (window.blue.requests, window.blue.errors) = (Some(4.0), Some(3.0));
    }
    undecided(&hold(), &both);
}
