//! Services that are rough by themselves: kinds of requests that take very different times, and pauses that hit everything.

use super::*;

/// Windows of which green has half, with these percentiles of blue and green.
fn halves(requests: f64, told: impl Fn(u32) -> [Latency; 2]) -> Vec<Window> {
    release(0.5, move |at, window| {
        let part = if at >= 30 { 0.5 } else { 0.0 };
        for (arm, part) in [(&mut window.blue, 1.0 - part), (&mut window.green, part)] {
            arm.requests = Some(requests * part);
            arm.errors = Some(0.0);
        }
        let [blue, green] = told(at);
        window.blue.latency = blue;
        window.green.latency = if part > 0.0 { green } else { Latency::Unknown };
    })
}

#[test]
fn a_percentile_between_two_kinds_of_requests_lies_with_either_by_chance() {
    // One request of ten is a miss of a cache and takes forty times as long: where the ninetieth percentile lies says nothing.
    let at_either_end = |at: u32| {
        let slow = if wobble(at) > 0.0 { 200.0 } else { 8.0 };
        Latency::Percentiles([Some(5.0), Some(6.0), Some(slow), Some(210.0), Some(260.0)])
    };
    let windows = halves(3000.0, |at| [at_either_end(at + 700), at_either_end(at)]);
    let last = undecided(&hold(), &windows);
    assert!(last.why != Why::Suspicion, "{last}");
    // Where the misses themselves take twice as long, that is found.
    let slower = halves(3000.0, |at| {
        let mut green = at_either_end(at);
        if let Latency::Percentiles(points) = &mut green {
            points[3] = Some(420.0);
            points[4] = Some(520.0);
        }
        [at_either_end(at + 700), green]
    });
    let (at, verdict) = decided(&hold(), &slower).unwrap();
    assert!(
        verdict.decision == Decision::Unhealthy && at <= 400.0,
        "t={at} {verdict}"
    );
}

#[test]
fn a_pause_that_crosses_from_one_window_into_the_next_is_no_slower_version_once_one_was_seen() {
    let paused = |seen: bool| {
        release(0.5, move |at, window| {
            let slow = |arm: &mut Arm, tail: f64| {
                if let Latency::Percentiles([Some(half), _, Some(most), _, Some(slowest)]) = arm.latency {
                    arm.latency =
                        Latency::Percentiles([Some(half), None, Some(most * tail), None, Some(slowest * tail)]);
                }
            };
            if seen && at == 15 {
                slow(&mut window.blue, 3.0);
            }
            if at == 60 || at == 61 {
                slow(&mut window.green, 3.0);
            }
        })
    };
    let (at, verdict) = decided(&hold(), &paused(false)).unwrap();
    assert!(
        verdict.decision == Decision::Unhealthy && at == 620.0,
        "nothing is known of pauses: t={at} {verdict}"
    );
    undecided(&hold(), &paused(true));
}

#[test]
fn one_request_that_times_out_is_not_the_slowest_hundredth_of_few() {
    // In each tenth window, two of green's sixty take thirty seconds.
    let windows = halves(120.0, |at| {
        let slowest = if at % 10 == 0 { 30_000.0 } else { 408.0 };
        let told = |slowest| Latency::Percentiles([Some(80.0), None, Some(196.0), None, Some(slowest)]);
        [told(408.0), told(slowest)]
    });
    let last = undecided(&hold(), &windows);
    assert!(last.why != Why::Suspicion, "{last}");
}

#[test]
fn what_a_bad_window_said_holds_until_it_was_compared_again() {
    let mut windows = release(0.25, |at, window| {
        if at == 119 {
            window.green.errors = Some(62.0);
        }
    });
    windows.truncate(120);
    let mut probed = window(1205.0, 1, (0.0, 0.0), (0.0, 0.0));
    probed.begin_s = 1200.0;
    for arm in [&mut probed.blue, &mut probed.green] {
        (arm.requests, arm.errors) = (None, None);
        arm.probes = Some(Probes {
            requests: 10.0,
            ..Probes::default()
        });
    }
    windows.push(probed);
    let last = undecided(&Policy::default(), &windows);
    assert!(matches!(last.why, Why::LastWindow { metric: Metric::Errors }), "{last}");
}

#[test]
fn what_a_bad_window_said_lapses_where_nothing_is_compared_any_more() {
    // Its latencies are told no more after that; or green has got everything.
    let told_once = |next_step: bool| {
        release(0.25, move |at, window| {
            if at >= 100 {
                (window.blue.latency, window.green.latency) = (Latency::Unknown, Latency::Unknown);
            }
            if at == 99
                && let Latency::Percentiles([Some(half), ..]) = window.green.latency
            {
                window.green.latency = percentiles(1.6 * half, 1.0);
            }
            if next_step && at >= 100 {
                window.step = 2;
            }
        })
    };
    let last = |next_step, many: usize| {
        let mut judge = Judge::new(hold());
        let windows = told_once(next_step);
        windows[..many]
            .iter()
            .map(|window| judge.window(window).why)
            .last()
            .unwrap()
    };
    let bad = |why| {
        matches!(
            why,
            Why::LastWindow {
                metric: Metric::Latency
            }
        )
    };
    assert!(bad(last(false, 100)) && bad(last(false, 102)));
    assert!(!bad(last(false, 104)) && !bad(last(true, 101)));
}

#[test]
fn silence_and_a_sick_instance_hide_no_suspicion() {
    let suspect = |false_rollbacks, silent: bool| {
        let mut windows = release(0.25, |at, window| {
            if (116..120).contains(&at) {
                window.green.errors = Some(if at >= 118 { 7.0 } else { 6.0 });
            }
        });
        windows.truncate(120);
        if silent {
            windows.push(window(1210.0, 1, (4000.0, 4.0), (0.0, 0.0)));
        }
        let policy = Policy {
            false_rollbacks,
            ..hold()
        };
        undecided(&policy, &windows).why
    };
    assert_eq!(suspect(0.1, false), Why::Suspicion);
    assert_eq!(suspect(0.1, true), Why::Suspicion);
    assert_eq!(suspect(1e-6, true), Why::Silence);
}

#[test]
fn latencies_of_two_percentiles_are_compared_however_few_requests_there_are() {
    let windows = halves(300.0, |at| {
        let told = |half: f64| Latency::Percentiles([Some(half), None, None, None, Some(half * 5.1)]);
        let half = 80.0 * (1.0 + 0.03 * wobble(at));
        [told(half), told(3.0 * half)]
    });
    let (at, verdict) = decided(&hold(), &windows).unwrap();
    assert!(
        verdict.decision == Decision::Unhealthy && at <= 340.0,
        "t={at} {verdict}"
    );
}
