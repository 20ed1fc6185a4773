//! That the reasons say what is wrong to somebody who knows nothing of the method.

use super::*;

fn evidence(metric: Metric, green: Side, blue: Side) -> Option<Evidence> {
    Some(Evidence {
        metric,
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
fn waits_tell_what_they_are_for() {
    let waits = |why, text: &str| says(Decision::Insufficient, why, None, text);
    waits(Why::NoTraffic, "green has had no traffic yet");
    waits(
        Why::Baking { left_s: 589.2 },
        "nothing speaks against green; the shortest bake lasts 590 s more",
    );
    let little = |for_errors, for_latency| Why::TooLittle {
        for_errors,
        for_latency,
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
