//! What lets green pass before its time is up, and what does not.

use super::*;

/// A good service of few requests, of which green gets half: percentiles lie a little apart by chance, as those of few do.
fn rare(requests: f64, tail: f64) -> Vec<Window> {
    release(0.5, move |at, window| {
        let part = if at >= 30 { 0.5 } else { 0.0 };
        for (which, (arm, part)) in [(&mut window.blue, 1.0 - part), (&mut window.green, part)]
            .into_iter()
            .enumerate()
        {
            let by_chance = 1.0 + 0.3 * wobble(at + 5000 + 1000 * which as u32);
            let factor = if which == 1 { tail } else { 1.0 };
            arm.requests = Some(requests * part);
            arm.errors = Some(0.0);
            arm.latency = percentiles(80.0 * (1.0 + 0.03 * wobble(at + 7000)), by_chance * factor);
            if part == 0.0 {
                arm.latency = Latency::Unknown;
            }
            let probes = Probes {
                requests: 20.0,
                ..Probes::default()
            };
            arm.probes = Some(probes);
        }
    })
}

#[test]
fn a_bad_window_is_no_moment_to_let_green_pass() {
    // Everything has spoken for green for long; then, in the very window in which it may pass, one request of twenty fails.
    let windows = |bad_until: u32| {
        release(0.25, move |at, window| {
            if (119..bad_until).contains(&at) {
                window.green.errors = Some(62.0);
            }
        })
    };
    let (at, verdict) = decided(&Policy::default(), &windows(119)).unwrap();
    assert_eq!((at, verdict.decision), (1200.0, Decision::Healthy), "{verdict}");
    let (at, verdict) = decided(&Policy::default(), &windows(210)).unwrap();
    assert!(
        verdict.decision == Decision::Unhealthy && at <= 1220.0,
        "t={at} {verdict}"
    );
    let mut judge = Judge::new(Policy::default());
    let last = windows(210)[..120]
        .iter()
        .map(|window| judge.window(window))
        .last()
        .unwrap();
    assert!(
        matches!(last.why, Why::Suspicion | Why::LastWindow { metric: Metric::Errors }),
        "{last}"
    );
    // Was it chance, it costs some windows, and no more.
    let (at, verdict) = decided(&Policy::default(), &windows(120)).unwrap();
    assert!(verdict.decision == Decision::Healthy && at > 1200.0, "t={at} {verdict}");
}

#[test]
fn a_slow_window_is_none_either() {
    let mut windows = release(0.25, |_, _| {});
    let Latency::Percentiles([Some(half), ..]) = windows[119].green.latency else {
        panic!("it tells percentiles");
    };
    windows[119].green.latency = percentiles(1.6 * half, 1.0);
    let (at, verdict) = decided(&Policy::default(), &windows).unwrap();
    assert!(verdict.decision == Decision::Healthy && at > 1200.0, "t={at} {verdict}");
}

#[test]
fn client_errors_must_speak_for_green_where_they_are_counted() {
    let counted_from = |first: u32, green: f64| {
        release(0.25, move |at, window| {
            if at >= first {
                let count = |arm: &mut Arm, rate: f64| arm.client_errors = arm.requests.map(|n| (n * rate).round());
                count(&mut window.blue, 0.05);
                count(&mut window.green, green);
            }
        })
    };
    // They are told at last when everything else speaks for green: some windows of them are needed.
    let (at, verdict) = decided(&Policy::default(), &counted_from(119, 0.05)).unwrap();
    assert!(
        verdict.decision == Decision::Healthy && at > 1200.0 && at < 1300.0,
        "t={at} {verdict}"
    );
    let mut judge = Judge::new(Policy::default());
    let windows = counted_from(119, 0.05);
    let last = windows[..120].iter().map(|window| judge.window(window)).last().unwrap();
    assert!(last.to_string().contains("rate of client errors (4xx)"), "{last}");
    // As many as may be more do not speak for green, and twice as many never.
    for green in [0.11, 0.13] {
        let verdict = decided(&Policy::default(), &counted_from(119, green));
        assert!(
            verdict
                .as_ref()
                .is_none_or(|(_, verdict)| verdict.decision != Decision::Healthy),
            "{green}: {verdict:?}"
        );
    }
}

#[test]
fn the_slowest_of_few_requests_are_compared_over_several_windows() {
    for requests in [200.0, 60.0] {
        // One request in a hundred takes five times as long: with a hundred or thirty a window that is one, or none.
        let (at, verdict) = decided(&Policy::default(), &rare(requests, 5.0)).unwrap();
        let metric = verdict.evidence.as_ref().map(|evidence| evidence.metric);
        assert!(
            verdict.decision == Decision::Unhealthy && metric == Some(Metric::ExtremeLatency),
            "{requests}: t={at} {verdict}"
        );
        assert!(at <= 300.0 + 4e4 / requests, "{requests}: t={at} {verdict}");
        // A good one passes as soon as it may, for how the slowest few do can take hours to show.
        let (at, verdict) = decided(&Policy::default(), &rare(requests, 1.0)).unwrap();
        assert_eq!(
            (at, verdict.decision),
            (1200.0, Decision::Healthy),
            "{requests}: {verdict}"
        );
        // But not while they speak against it.
        let cautious = Policy {
            false_rollbacks: 1e-9,
            ..Policy::default()
        };
        let verdict = undecided(&cautious, &rare(requests, 1.45)[..150]);
        assert!(
            verdict.to_string().contains("its latency") || verdict.why == Why::Suspicion,
            "{requests}: {verdict}"
        );
    }
}

#[test]
fn the_slowest_of_fewer_requests_are_less_slow_and_that_is_no_merit() {
    // Blue has few, and its slowest look quicker for that; green's are what they are.
    let windows = release(0.95, |at, window| {
        if at >= 30 {
            window.blue.requests = Some(30.0);
            window.green.requests = Some(570.0);
            (window.blue.errors, window.green.errors) = (Some(0.0), Some(0.0));
            window.blue.latency = percentiles(80.0, 0.75);
            window.green.latency = percentiles(80.0, 1.0);
        }
    });
    let mut judge = Judge::new(hold());
    let last = windows.iter().map(|window| judge.window(window)).last().unwrap();
    assert!(last.evidence.is_some_and(|evidence| evidence.e_value < 2.0), "{last}");
}
