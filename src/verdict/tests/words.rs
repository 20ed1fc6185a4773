//! That the reasons say what is wrong to somebody who knows nothing of the method.

use super::*;

fn evidence(metric: Metric, green: Side, blue: Side) -> Option<Evidence> {
    Some(Evidence {
        metric,
        percentile: None,
        green,
        blue,
        e_value: 151.3,
        threshold: 100.0,
        since_s: 310.0,
    })
}

fn events(failures: f64, requests: f64) -> Side {
    Side::Events { requests, failures }
}

fn says(decision: Decision, why: Why, evidence: Option<Evidence>, text: &str) {
    let verdict = Verdict {
        decision,
        why,
        evidence,
        advice: None,
    };
    assert_eq!(verdict.to_string(), text);
}

#[test]
fn rollbacks_tell_what_was_worse_in_numbers() {
    let unhealthy = |why, evidence, text: &str| says(Decision::Unhealthy, why, evidence, text);
    let sure =
        "; a green that is no worse looks so bad in fewer than 1 of 151 releases, and green is taken back at 1 of 100";
    let (green, blue) = (events(9.0, 750.0), events(15.0, 14_250.0));
    unhealthy(
        Why::Worse,
        evidence(Metric::Errors, green, blue),
        &format!(
            "green is worse than blue: server errors (5xx), since t=310 s: green 9 of 750 (1.2 %), blue 15 of 14,250 (0.11 %){sure}"
        ),
    );
    unhealthy(
        Why::Worse,
        evidence(Metric::RareErrors, events(2.0, 2.0), events(0.0, 96.0)),
        &format!(
            "green is worse than blue: server errors (5xx), since t=310 s: green 2 of 2 (100 %), blue 0 of 96 (0 %) in all{sure}"
        ),
    );
    unhealthy(
        Why::Worse,
        evidence(Metric::FrozenErrors, events(40.0, 5000.0), events(150.0, 150_000.0)),
        &format!(
            "green is worse than blue: server errors (5xx), since t=310 s: green 40 of 5000 (0.80 %), blue 150 of 150,000 (0.10 %) \
             before it lost its traffic (frozen baseline){sure}"
        ),
    );
    unhealthy(
        Why::Worse,
        evidence(
            Metric::ExtremeLatency,
            Side::Milliseconds(512.4),
            Side::Milliseconds(401.0),
        ),
        &format!(
            "green is worse than blue: latency of the slowest hundredth, since t=310 s: green 512 ms, blue 401 ms{sure}"
        ),
    );
    unhealthy(
        Why::Worse,
        evidence(Metric::Probes, events(3.0, 3.0), events(0.0, 3.0)),
        &format!(
            "green is worse than blue: failed probes, since t=310 s: green 3 of 3 (100 %), blue 0 of 3 (0 %){sure}"
        ),
    );
    unhealthy(
        Why::SloErrors {
            since_s: 310.0,
            requests: 12_500.0,
            errors: 400.0,
            promised: 0.02,
        },
        None,
        "slo: green breaks the promised error rate of 2.0 %: since t=310 s, 400 of 12,500 requests failed (3.2 %); blue may be no better, so the new \
         version is not blamed",
    );
    unhealthy(
        Why::SloLatency {
            p99_ms: 1020.0,
            promised_ms: 600.0,
        },
        None,
        "slo: green breaks the promised latency: 99 of 100 requests should take at most 600 ms, and take 1020 ms; blue may be no better, so \
         the new version is not blamed",
    );
}

#[test]
fn the_percentile_that_is_told_is_named() {
    let slow = |points: [Option<f64>; 5]| {
        let windows = release(0.5, move |at, window| {
            let factor = if at >= 30 { 2.0 } else { 1.0 };
            window.blue.latency = Latency::Percentiles(points);
            window.green.latency = Latency::Percentiles(points.map(|point| Some(point? * factor)));
        });
        decided(&hold(), &windows).expect("it is twice as slow").1.to_string()
    };
    let all = [Some(60.0), Some(100.0), Some(160.0), Some(210.0), Some(400.0)];
    for (least, words) in [
        (
            0,
            "latency of half of the requests, since t=300 s: green 120 ms, blue 60.0 ms",
        ),
        (
            1,
            "latency of the slowest quarter, since t=300 s: green 200 ms, blue 100 ms",
        ),
        (
            2,
            "latency of the slowest tenth, since t=300 s: green 320 ms, blue 160 ms",
        ),
    ] {
        let told = slow(std::array::from_fn(|nth| all[nth].filter(|_| nth >= least)));
        assert!(told.contains(words), "{told}");
    }
    for (q, words) in [
        (0.95, "latency of the slowest twentieth"),
        (0.99, "latency of the slowest hundredth"),
    ] {
        let mut verdict = evidence(Metric::TailLatency, Side::Milliseconds(2.0), Side::Milliseconds(1.0));
        verdict.as_mut().unwrap().percentile = Some(q);
        let verdict = Verdict {
            decision: Decision::Unhealthy,
            why: Why::Worse,
            evidence: verdict,
            advice: None,
        };
        assert!(verdict.to_string().contains(words), "{verdict}");
    }
}

#[test]
fn a_blue_that_is_unknown_or_silent_is_not_called_gone() {
    let of = |blue: Option<f64>| {
        let mut judge = Judge::new(hold());
        let mut windows = release(0.5, |_, _| ());
        windows.truncate(60);
        // With a request a minute, ten seconds without one are nothing.
        for window in &mut windows {
            (window.blue.requests, window.blue.errors) = (Some(0.2), Some(0.0));
        }
        let last = &mut windows[59].blue;
        (*last).clone_from(&Arm::default());
        (last.requests, last.errors) = (blue, blue);
        let verdicts: Vec<Verdict> = windows.iter().map(|window| judge.window(window)).collect();
        verdicts[59].to_string()
    };
    assert_eq!(
        of(None),
        "nothing is known of blue in this window, so green cannot be compared with it"
    );
    assert_eq!(
        of(Some(0.0)),
        "nothing speaks against green; blue had no request in this window to compare it with"
    );
}

#[test]
fn waits_tell_what_they_are_for() {
    let waits = |why, text: &str| says(Decision::Insufficient, why, None, text);
    waits(Why::NoTraffic, "green has had no traffic yet");
    waits(
        Why::Baking { left_s: 589.2 },
        "nothing speaks against green; no early pass for 590 s more",
    );
    let little = |for_errors, for_latency| Why::TooLittle {
        for_errors,
        for_client_errors: Some(25.0),
        for_latency,
        too_few: true,
        needed: 20.0,
    };
    let so_far = "nothing speaks against green, but too little was seen to let it pass: ";
    waits(
        little(3.25, Some(90.0)),
        &format!("{so_far}more requests are needed to be sure of its error rate (evidence 3.2 of 20)"),
    );
    waits(
        little(33.0, Some(2.5)),
        &format!("{so_far}more requests are needed to be sure of its latency (evidence 2.5 of 20)"),
    );
    waits(
        little(33.0, None),
        &format!("{so_far}its latency could not be compared with blue's, too few requests a window"),
    );
    waits(
        Why::TooLittle {
            for_errors: 33.0,
            for_client_errors: Some(0.5),
            for_latency: None,
            too_few: false,
            needed: 20.0,
        },
        &format!("{so_far}more requests are needed to be sure of its rate of client errors (4xx) (evidence 0.5 of 20)"),
    );
    waits(
        Why::LastWindow {
            metric: Metric::TailLatency,
        },
        "green looked bad in this window (latency of the slowest tenth); it gets no more traffic before another one has been seen",
    );
    says(
        Decision::Healthy,
        Why::Good {
            ratio: 1.5,
            absolute: 0.001,
        },
        None,
        "green is not worse than blue: its error rate is below 1.5 times blue's plus 0.10 %, and its latency is alike",
    );
}

#[test]
fn a_sick_instance_is_named_with_its_numbers() {
    let verdict = Verdict {
        decision: Decision::Insufficient,
        why: Why::SickInstance,
        evidence: None,
        advice: Some(Advice::ReplaceInstance {
            id: "i-0abc".to_owned(),
            requests: 208.0,
            errors: 100.0,
        }),
    };
    assert_eq!(
        verdict.to_string(),
        "one of green's instances is sick and the others are well, so the release is not blamed; replace instance i-0abc: 100 of its 208 \
         requests failed in the last window (48 %)"
    );
}
