//! That a judge that was written down and read back goes on as if nothing had happened.

use super::*;

#[test]
fn a_judge_that_was_written_down_goes_on_the_same() {
    let windows = release(0.25, |at, window| {
        if at > 100 {
            window.green.errors = Some(4.0);
        }
        window.blue.client_errors = Some(100.0);
        window.green.client_errors = Some(30.0);
        window.blue.probes = Some(Probes {
            requests: 20.0,
            ..Probes::default()
        });
        window.green.probes = window.blue.probes.clone();
    });
    let mut whole = Judge::new(Policy::default());
    let mut stopped = Judge::new(Policy::default());
    let mut last = String::new();
    for window in &windows {
        let text = serde_json::to_string(&stopped).unwrap();
        stopped = serde_json::from_str(&text).unwrap();
        let (one, other) = (whole.window(window), stopped.window(window));
        assert_eq!(
            serde_json::to_string(&one).unwrap(),
            serde_json::to_string(&other).unwrap()
        );
        last = text;
    }
    assert_eq!(whole.window(&windows[0]).decision, Decision::Unhealthy);
    assert!(last.len() < 12_000, "a state has {} bytes", last.len());
    // What no window told of is absent there.
    let mut state: serde_json::Value = serde_json::from_str(&last).unwrap();
    state["stalls"].take();
    let text = state.to_string();
    assert!(
        !text.contains("null,null"),
        "numbers that JSON has no words for: {text}"
    );
}

#[test]
fn a_window_that_was_seen_counts_once() {
    let windows = release(0.05, |at, window| {
        if at >= 30 {
            window.green.errors = Some(2.0);
        }
    });
    let mut once = Judge::new(hold());
    let mut twice = Judge::new(hold());
    for window in &windows[..33] {
        once.window(window);
        twice.window(window);
        twice.window(window);
    }
    assert_eq!(once.window(&windows[33]), twice.window(&windows[33]));
}
