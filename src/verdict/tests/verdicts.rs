//! What is decided, of what, and when.

use super::*;

#[test]
fn a_dead_green_takes_one_window() {
    let dead = release(0.05, |at, window| {
        if at >= 30 {
            window.green.errors = window.green.requests;
        }
    });
    let (at, verdict) = decided(&Policy::default(), &dead).unwrap();
    assert_eq!(at, 310.0, "{verdict}");
    // A green that dies late takes no longer.
    let late = release(0.5, |at, window| {
        if at >= 150 {
            window.green.errors = window.green.requests;
        }
    });
    assert_eq!(decided(&hold(), &late).unwrap().0, 1510.0);
}

#[test]
fn an_outage_of_both_that_blues_window_does_not_show_yet_is_not_greens_fault() {
    let outage = |seen_by_checks: bool| {
        release(0.05, move |at, window| {
            // It began right after blue's window ended, which is nine seconds before green's does.
            let blue = if at > 60 { 1.0 } else { 0.0 };
            if (60..66).contains(&at) {
                window.green.errors = Some(0.97 * window.green.requests());
                window.blue.errors = window
                    .blue
                    .errors
                    .map(|few| few.max(0.97 * blue * window.blue.requests()));
            }
            let failures = if seen_by_checks && (60..66).contains(&at) {
                18.0
            } else {
                0.0
            };
            for arm in [&mut window.blue, &mut window.green] {
                arm.probes = Some(Probes {
                    requests: 20.0,
                    failures,
                    latencies_ms: Vec::new(),
                });
            }
        })
    };
    let last = undecided(&hold(), &outage(true));
    assert!(!matches!(last.why, Why::Suspicion), "{last}");
    let (at, verdict) = decided(&Policy::default(), &outage(false)).unwrap();
    assert_eq!((at, verdict.decision), (610.0, Decision::Unhealthy), "{verdict}");
}

#[test]
fn one_bad_window_is_not_enough_and_two_are() {
    let once = release(0.25, |at, window| {
        if at == 60 {
            window.green.errors = Some(100.0);
        }
    });
    undecided(&hold(), &once);
    let twice = release(0.05, |at, window| {
        if at >= 30 {
            window.green.errors = Some(12.0);
        }
    });
    assert_eq!(decided(&hold(), &twice).unwrap().0, 320.0);
}

#[test]
fn what_happens_to_both_arms_is_not_greens_fault() {
    let incident = release(0.25, |at, window| {
        if (30..90).contains(&at) {
            window.blue.errors = Some(300.0 + (10.0 * wobble(at)).round());
            window.green.errors = Some(100.0 + (6.0 * wobble(at + 500)).round());
            window.blue.latency = percentiles(300.0, 1.0);
            window.green.latency = percentiles(303.0, 1.0);
        }
    });
    undecided(&hold(), &incident);
    let (at, verdict) = decided(&Policy::default(), &incident).unwrap();
    assert_eq!((at, verdict.decision), (1200.0, Decision::Healthy), "{verdict}");
}

#[test]
fn a_good_green_passes_at_the_minimum_bake_and_not_before() {
    let good = release(0.25, |_, _| ());
    let (at, verdict) = decided(&Policy::default(), &good).unwrap();
    assert_eq!((at, verdict.decision), (1200.0, Decision::Healthy), "{verdict}");
    // A green that is worse by more than the margin never does.
    let worse = release(0.25, |at, window| {
        if at >= 30 {
            window.green.errors = Some(if at % 2 == 0 { 4.0 } else { 5.0 });
        }
    });
    assert_eq!(
        decided(&Policy::default(), &worse).unwrap().1.decision,
        Decision::Unhealthy
    );
}

#[test]
fn each_step_needs_evidence_of_its_own() {
    // The next step begins ten seconds before the shortest bake ends.
    let stepped = release(0.25, |at, window| window.step += u32::from(at >= 119));
    let (at, verdict) = decided(&Policy::default(), &stepped).unwrap();
    assert!(verdict.decision == Decision::Healthy && at > 1210.0, "t={at} {verdict}");
}

#[test]
fn what_is_suspected_does_not_pass() {
    // Enough for a suspicion, not for a rollback: a few more failures in green's last windows.
    let suspect = |false_rollbacks| {
        let windows = release(0.25, |at, window| {
            if (116..120).contains(&at) {
                window.green.errors = Some(if at >= 118 { 7.0 } else { 6.0 });
            }
        });
        let policy = Policy {
            false_rollbacks,
            ..Policy::default()
        };
        let mut judge = Judge::new(policy);
        windows[..120].iter().map(|window| judge.window(window)).last().unwrap()
    };
    let verdict = suspect(1e-6);
    let e_value = verdict.evidence.unwrap().e_value;
    assert!(verdict.why == Why::Suspicion || e_value < 10.0, "{verdict}");
    // With a budget of a tenth the rollback is at 10, and half of the way to it at 3.2.
    assert!((3.2..10.0).contains(&e_value), "{e_value}");
    assert_eq!(suspect(0.1).why, Why::Suspicion);
}

#[test]
fn slow_answers_count() {
    for (factor, tail, latest) in [(1.3, 1.0, 350.0), (2.0, 1.0, 320.0), (1.0, 1.6, 420.0)] {
        let slow = release(0.05, |at, window| {
            if at >= 30 {
                let Latency::Percentiles([Some(half), ..]) = window.green.latency else {
                    return;
                };
                window.green.latency = percentiles(half * factor, tail);
            }
        });
        let (at, verdict) = decided(&hold(), &slow).unwrap();
        assert!(
            verdict.decision == Decision::Unhealthy && at <= latest,
            "{factor} {tail}: t={at} {verdict}"
        );
        let metric = verdict.evidence.unwrap().metric;
        let expected: &[Metric] = if tail > 1.0 {
            &[Metric::ExtremeLatency]
        } else {
            &[Metric::Latency]
        };
        assert!(expected.contains(&metric), "{metric:?}");
    }
}

#[test]
fn a_service_that_tells_one_percentile_is_judged_by_it() {
    let slowest = |blue: f64, green: f64| {
        release(0.25, move |at, window| {
            for (arm, factor) in [(&mut window.blue, blue), (&mut window.green, green)] {
                let Latency::Percentiles([.., Some(slowest)]) = arm.latency else {
                    return;
                };
                let factor = if at >= 30 { factor } else { 1.0 };
                arm.latency = Latency::Percentiles([None, None, None, None, Some(slowest * factor)]);
            }
        })
    };
    let (at, verdict) = decided(&hold(), &slowest(1.0, 2.0)).expect("it is twice as slow");
    let evidence = verdict.evidence.unwrap();
    assert!(
        evidence.metric == Metric::ExtremeLatency && evidence.percentile == Some(0.99) && at <= 400.0,
        "t={at} {verdict}"
    );
    let (at, verdict) = decided(&Policy::default(), &slowest(1.0, 1.0)).expect("it is as quick");
    assert_eq!((at, verdict.decision), (1200.0, Decision::Healthy), "{verdict}");
    // A promise is checked by it as well.
    let promised = Policy {
        slo: Slo {
            error_rate: None,
            p99_ms: Some(500.0),
        },
        ..hold()
    };
    let (at, verdict) = decided(&promised, &slowest(6.0, 6.0)).expect("it takes 2400 ms");
    assert!(
        matches!(verdict.why, Why::SloLatency { .. }) && at <= 330.0,
        "t={at} {verdict}"
    );
    // Where blue tells another one, more requests would not help.
    let mut unlike = slowest(1.0, 1.0);
    for window in &mut unlike {
        window.blue.latency = Latency::Percentiles([Some(80.0), None, None, None, None]);
    }
    let verdict = undecided(&Policy::default(), &unlike);
    assert!(
        matches!(verdict.why, Why::TooLittle { too_few: false, .. }),
        "{verdict}"
    );
    assert!(!verdict.to_string().contains("too few"), "{verdict}");
}

#[test]
fn latencies_of_a_cold_green_can_be_left_out() {
    let cold = release(0.05, |at, window| {
        if (30..34).contains(&at) {
            let Latency::Percentiles([Some(half), ..]) = window.green.latency else {
                return;
            };
            window.green.latency = percentiles(half * 2.0, 1.0);
        }
    });
    assert!(decided(&hold(), &cold).is_some());
    let warmed = Policy {
        warm_up_s: 40.0,
        ..hold()
    };
    undecided(&warmed, &cold);
}

#[test]
fn samples_do_where_there_are_no_percentiles() {
    let few = |factor: f64| {
        release(0.5, move |at, window| {
            let samples = |seed: u32, factor: f64| {
                let one = |nth: u32| 80.0 * factor * (0.7 * 2.0 * wobble(at * 97 + seed + nth * 31)).exp();
                Latency::Samples((0..12).map(one).collect())
            };
            window.blue.latency = samples(1, 1.0);
            window.green.latency = samples(7, factor);
        })
    };
    undecided(&hold(), &few(1.0));
    let (_, verdict) = decided(&hold(), &few(3.0)).unwrap();
    assert_eq!(verdict.evidence.unwrap().metric, Metric::SampledLatency, "{verdict}");
    // Many samples are as good as percentiles.
    let many = release(0.5, |at, window| {
        let samples = |seed: u32, factor: f64| {
            let one = |nth: u32| 80.0 * factor * (1.4 * wobble(at * 97 + seed + nth * 31)).exp();
            Latency::Samples((0..400).map(one).collect())
        };
        window.blue.latency = samples(1, 1.0);
        window.green.latency = samples(7, 1.5);
    });
    assert_eq!(
        decided(&hold(), &many).unwrap().1.evidence.unwrap().metric,
        Metric::Latency
    );
}

#[test]
fn milliseconds_that_nobody_notices_are_no_regression() {
    // A process that has little to do answers twice as late, and that is two milliseconds.
    let idle = |late: f64| {
        release(0.5, move |at, window| {
            let samples = |seed: u32, middle: f64| {
                let one = |nth: u32| middle * (0.5 * wobble(at * 97 + seed + nth * 31)).exp();
                Some(Probes {
                    requests: 20.0,
                    failures: 0.0,
                    latencies_ms: (0..20).map(one).collect(),
                })
            };
            window.blue.latency = Latency::Unknown;
            window.green.latency = Latency::Unknown;
            window.blue.probes = samples(1, 2.2);
            window.green.probes = samples(7, late);
        })
    };
    undecided(&hold(), &idle(4.5));
    let exact = Policy {
        latency_absolute_ms: 0.0,
        ..hold()
    };
    for (policy, late) in [(exact, 4.5), (hold(), 12.0)] {
        let (_, verdict) = decided(&policy, &idle(late)).unwrap();
        assert_eq!(verdict.evidence.unwrap().metric, Metric::SampledLatency);
    }
}

#[test]
fn client_errors_have_a_tolerance_of_their_own() {
    let with = |green: f64| {
        release(0.25, move |at, window| {
            window.blue.client_errors = Some(75.0 + (5.0 * wobble(at + 77)).round());
            window.green.client_errors = Some(if at >= 30 { green } else { 0.0 });
        })
    };
    // 2 % of blue's requests; half as much again and half a percent more is allowed.
    undecided(&hold(), &with(40.0));
    let (_, verdict) = decided(&hold(), &with(90.0)).unwrap();
    assert_eq!(verdict.evidence.unwrap().metric, Metric::ClientErrors, "{verdict}");
}

/// Windows of half a second with two probes of each arm, and almost no requests.
fn probed(failing: impl Fn(u32) -> (f64, f64)) -> Vec<Window> {
    (0..3000)
        .map(|at| {
            let mut window = window(f64::from(at + 1) * 0.5, u32::from(at >= 60), (0.0, 0.0), (0.0, 0.0));
            window.begin_s = window.end_s - 0.5;
            let (blue, green) = failing(at);
            let probes = |failures| Probes {
                requests: 1.0,
                failures,
                latencies_ms: Vec::new(),
            };
            window.blue.probes = Some(probes(blue));
            window.green.probes = Some(probes(green));
            window
        })
        .collect()
}

#[test]
fn three_failed_probes_in_a_row_are_enough() {
    let dead = probed(|at| (0.0, if at >= 60 { 1.0 } else { 0.0 }));
    let (at, verdict) = decided(&Policy::default(), &dead).unwrap();
    assert_eq!((at, verdict.decision), (31.5, Decision::Unhealthy), "{verdict}");
    // If blue's fail as well, the fault may be on the way.
    let cut_off = probed(|at| if at >= 60 { (1.0, 1.0) } else { (0.0, 0.0) });
    undecided(&Policy::default(), &cut_off);
}

#[test]
fn probes_let_a_service_without_traffic_pass() {
    let good = probed(|_| (0.0, 0.0));
    let (at, verdict) = decided(&Policy::default(), &good).unwrap();
    assert_eq!((at, verdict.decision), (930.0, Decision::Healthy), "{verdict}");
}

/// A request of blue in each window, and one of green in every tenth: 0.1 requests a second.
fn rare(green_fails: bool) -> Vec<Window> {
    (0..400)
        .map(|at| {
            let green = if at >= 30 && at % 10 == 0 { 1.0 } else { 0.0 };
            let failed = if green_fails { green } else { 0.0 };
            window(
                f64::from(at + 1) * 10.0,
                u32::from(at >= 30),
                (2.0, 0.0),
                (green, failed),
            )
        })
        .collect()
}

#[test]
fn where_requests_are_rare_two_failures_convict_and_nothing_acquits() {
    let (at, verdict) = decided(&Policy::default(), &rare(true)).unwrap();
    assert_eq!((at, verdict.decision), (410.0, Decision::Unhealthy), "{verdict}");
    assert_eq!(verdict.evidence.unwrap().metric, Metric::RareErrors);
    undecided(&Policy::default(), &rare(false));
}

#[test]
fn a_sick_instance_is_named_and_the_release_is_not_blamed() {
    let with = |sick: &'static [usize]| {
        release(0.25, move |at, window| {
            if at < 30 {
                return;
            }
            let mut failed = 0.0;
            window.green.instances = (0..6)
                .map(|nth| {
                    let is_sick = sick.contains(&nth) && at >= 60 + 10 * nth as u32;
                    let errors = if is_sick { 100.0 } else { 0.0 };
                    failed += errors;
                    Instance {
                        id: format!("i-{nth}"),
                        requests: Some(1250.0 / 6.0),
                        errors: Some(errors),
                        healthy: None,
                    }
                })
                .collect();
            window.green.errors = Some(failed);
        })
    };
    let verdict = undecided(&Policy::default(), &with(&[2]));
    assert_eq!(verdict.why, Why::SickInstance, "{verdict}");
    assert!(matches!(&verdict.advice, Some(Advice::ReplaceInstance { id, .. }) if id == "i-2"));
    // When one after the other falls sick, it is the version.
    let (_, verdict) = decided(&Policy::default(), &with(&[0, 1, 2, 3])).unwrap();
    assert_eq!(verdict.decision, Decision::Unhealthy);
}

#[test]
fn what_an_instance_did_before_it_was_found_sick_does_not_hold_the_release() {
    let windows = release(0.05, |at, window| {
        (window.blue.errors, window.green.errors) = (Some(0.0), Some(0.0));
        if at < 30 {
            return;
        }
        // Requests fail on one, which is unwell, until it is replaced. What each of them served nobody tells.
        let falls_sick = (60..63).contains(&at);
        let ids = if at < 63 {
            ["i-0", "i-1", "i-2"]
        } else {
            ["i-0", "i-1", "i-9"]
        };
        let instance = |id: &str| {
            let is_sick = falls_sick && id == "i-2";
            Instance {
                id: id.to_owned(),
                healthy: Some(!is_sick),
                ..Instance::default()
            }
        };
        window.green.instances = ids.map(instance).to_vec();
        window.green.errors = Some(if falls_sick { 2.5 } else { 0.0 });
    });
    let mut judge = Judge::new(Policy::default());
    let verdicts: Vec<Verdict> = windows[..75].iter().map(|window| judge.window(window)).collect();
    let held = |verdict: &&Verdict| matches!(verdict.why, Why::Suspicion | Why::Worse);
    let sick = verdicts.iter().position(|verdict| verdict.advice.is_some());
    let (before, after) = verdicts.split_at(sick.expect("it is found"));
    assert!(before.iter().any(|verdict| held(&verdict)), "it spoke against green");
    let held = after.iter().find(held);
    assert!(held.is_none(), "{}", held.map_or_else(String::new, ToString::to_string));
}

/// Minutes, as CloudWatch tells of them: late, and of no instance.
#[test]
fn what_a_sick_instance_did_is_told_late_and_not_blamed_on_the_version() {
    let verdicts = |replaced: u32| {
        let mut judge = Judge::new(hold());
        let minute = |at: u32| {
            let failed = if (16..replaced + 2).contains(&at) { 100.0 } else { 0.0 };
            let instance = |index: u32| Instance {
                id: format!("i-{index}-{}", u32::from(index == 2 && at >= replaced)),
                healthy: Some(index != 2 || !(15..replaced).contains(&at)),
                ..Instance::default()
            };
            let end_s = f64::from(at + 1) * 60.0;
            let mut window = window(end_s, u32::from(at >= 10), (3000.0, 0.0), (300.0, failed));
            window.begin_s = end_s - 60.0;
            window.green.instances = (0..3).map(instance).collect();
            window
        };
        (0..60).map(|at| judge.window(&minute(at))).collect::<Vec<_>>()
    };
    let bad = |verdict: &Verdict| verdict.decision == Decision::Unhealthy;
    let good = verdicts(19);
    assert!(good.iter().any(|verdict| verdict.advice.is_some()), "it is found");
    let blamed = good.iter().find(|verdict| bad(verdict));
    assert!(
        blamed.is_none(),
        "{}",
        blamed.map_or_else(String::new, ToString::to_string)
    );
    // One that nobody replaces is the users' for as long as it is there.
    assert!(verdicts(60).iter().any(bad));
}

#[test]
fn an_slo_is_held_against_nobody() {
    let policy = Policy {
        slo: Slo {
            error_rate: Some(0.02),
            p99_ms: None,
        },
        ..hold()
    };
    let both = release(0.25, |at, window| {
        if at >= 60 {
            window.blue.errors = Some(375.0);
            window.green.errors = Some(125.0);
        }
    });
    let (at, verdict) = decided(&policy, &both).unwrap();
    assert!(
        matches!(verdict.why, Why::SloErrors { requests, errors, since_s, .. } if errors == 0.1 * requests && since_s == 600.0)
            && at <= 660.0,
        "what was served well before is not counted: t={at} {verdict}"
    );
    undecided(&hold(), &both);
    let slow = release(0.25, |at, window| {
        if at >= 60 {
            window.blue.latency = percentiles(200.0, 1.0);
            window.green.latency = percentiles(200.0, 1.0);
        }
    });
    let policy = Policy {
        slo: Slo {
            error_rate: None,
            p99_ms: Some(600.0),
        },
        ..hold()
    };
    assert!(matches!(decided(&policy, &slow).unwrap().1.why, Why::SloLatency { .. }));
}

#[test]
fn without_blue_only_its_past_is_left() {
    let gone = |errors: f64| {
        release(0.5, move |at, window| {
            if at >= 120 {
                window.blue = Arm {
                    requests: Some(0.0),
                    errors: Some(0.0),
                    ..Arm::default()
                };
                window.green.errors = Some(errors);
            }
        })
    };
    let verdict = undecided(&hold(), &gone(3.0));
    assert_eq!(verdict.why, Why::NothingToCompare);
    let (_, verdict) = decided(&hold(), &gone(40.0)).unwrap();
    assert_eq!(verdict.evidence.unwrap().metric, Metric::FrozenErrors, "{verdict}");
    // It never passes then, either.
    let (at, verdict) = decided(&Policy::default(), &gone(3.0)).unwrap_or((0.0, undecided(&hold(), &gone(3.0))));
    assert!(at <= 1200.0, "t={at} {verdict}");
}

#[test]
fn storms_of_failures_are_not_greens_fault() {
    // Every eighth window a hundred fail at once, on blue or on green as it happens.
    let stormy = release(0.25, |at, window| {
        if at % 8 == 3 {
            let arm = if at >= 30 && wobble(at * 7) > 0.5 {
                &mut window.green
            } else {
                &mut window.blue
            };
            arm.errors = arm.errors.map(|errors| errors + 100.0);
        }
    });
    undecided(&hold(), &stormy);
}

/// 50 requests a second, of which green has a twentieth: a storm may be all that it has in a window.
fn storms_among_few(fails: impl Fn(u32) -> bool) -> Vec<Window> {
    (0..120)
        .map(|at| {
            let storm = |is_hit, n: f64| if is_hit { n.min(40.0) } else { 0.0 };
            let (blue, green) = if at < 30 { (500.0, 0.0) } else { (475.0, 25.0) };
            let of_blue = matches!(at, 4 | 12 | 21 | 33 | 38);
            window(
                f64::from(at + 1) * 10.0,
                u32::from(at >= 30),
                (blue, storm(of_blue, blue)),
                (green, storm(fails(at), green)),
            )
        })
        .collect()
}

#[test]
fn a_storm_of_a_known_size_is_no_dead_green() {
    undecided(&hold(), &storms_among_few(|at| at == 45));
    // A dead one takes a window more.
    let (at, verdict) = decided(&hold(), &storms_among_few(|at| at >= 45)).unwrap();
    assert_eq!(at, 470.0, "{verdict}");
}

#[test]
fn presets_ask_for_different_things() {
    let (strict, standard, patient) = (
        Policy::preset(Preset::Strict),
        Policy::preset(Preset::Standard),
        Policy::preset(Preset::Patient),
    );
    assert!(
        strict.latency_absolute_ms < standard.latency_absolute_ms
            && standard.latency_absolute_ms < patient.latency_absolute_ms
    );
    assert!(strict.latency_ratio < standard.latency_ratio && standard.latency_ratio < patient.latency_ratio);
    assert!(patient.false_rollbacks < standard.false_rollbacks);
    assert_eq!(
        (strict.at_deadline, standard.at_deadline),
        (AtDeadline::RollBack, AtDeadline::Hold)
    );
    // A regression of 0.1 % to 0.2 % is one for the standard, and none for the patient.
    let slight = release(0.25, |at, window| {
        if at >= 30 {
            window.blue.errors = Some(if at % 4 == 0 { 3.0 } else { 4.0 });
            window.green.errors = Some(if at % 2 == 0 { 2.0 } else { 3.0 });
        }
    });
    let without = |preset| Policy {
        promotion: None,
        ..Policy::preset(preset)
    };
    assert!(decided(&without(Preset::Standard), &slight).is_some());
    undecided(&without(Preset::Patient), &slight);
}
