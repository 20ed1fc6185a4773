use super::super::{Arm, Latency};
use super::*;

const HEADER: &str = r#"{"window_s":10,"tolerance":{"error_ratio":1.1,"error_abs":1e-4,"latency_ratio":1.05},"promote":{"error_ratio":1.5,"error_abs":1e-3,"latency_ratio":1.15,"min_bake_s":900},"shift_at":300,"horizon_s":2100,"schedule":[[300,0.05],[600,0.25]],"comment":"passed over"}"#;

fn session(header: &str) -> Session {
    let mut session = Session::new(None);
    assert!(session.line(header).unwrap().is_none());
    session
}

fn window(t: u32, blue: (u32, u32), green: (u32, u32)) -> String {
    format!(
        r#"{{"t":{t},"blue":{{"requests":{},"errors":{}}},"green":{{"requests":{},"errors":{}}}}}"#,
        blue.0, blue.1, green.0, green.1
    )
}

fn play(session: &mut Session, lines: impl Iterator<Item = String>) -> Vec<Answer> {
    lines.map(|line| session.line(&line).unwrap().unwrap()).collect()
}

#[test]
fn a_header_says_what_the_release_looks_like() {
    let session = session(HEADER);
    let begun = session.began.unwrap();
    let policy = begun.judge.policy();
    assert_eq!(
        (policy.errors.ratio, policy.errors.absolute, policy.latency_ratio),
        (1.1, 1e-4, 1.05)
    );
    let promotion = policy.promotion.unwrap();
    assert_eq!((promotion.errors.ratio, promotion.errors.absolute), (1.5, 1e-3));
    assert_eq!((promotion.latency_ratio, promotion.minimum_bake_s), (1.15, 900.0));
    let step = |begin_s| begun.header.step_at(begin_s);
    assert_eq!(
        [step(0.0), step(290.0), step(300.0), step(590.0), step(600.0)],
        [0, 0, 1, 1, 2]
    );
}

#[test]
fn a_slip_in_a_header_is_a_mistake_and_what_is_more_than_needed_is_told_once() {
    for (header, key, meant) in [
        (
            r#"{"tolerance":{"eror_ratio":5}}"#,
            "tolerance.eror_ratio",
            "error_ratio",
        ),
        (r#"{"slo":{"eror_rate":0.01}}"#, "slo.eror_rate", "error_rate"),
        (r#"{"promote":{"min_bake":60}}"#, "promote.min_bake", "min_bake_s"),
        (r#"{"window-s":10}"#, "window-s", "window_s"),
    ] {
        let error = Session::new(None).line(header).unwrap_err();
        assert_eq!(
            error.what,
            format!("`{key}` means nothing: did you mean `{meant}`?"),
            "{header}"
        );
    }
    let mut more = session(HEADER);
    let note = more.take_note().unwrap();
    assert!(note.ends_with("mean nothing here: `comment`, `horizon_s`"), "{note}");
    let odd = r#"{"t":310,"blue":{"requets":5,"latency":{"p50":9}},"green":{"requests":3,"errors":0}}"#;
    assert!(more.line(odd).unwrap().is_some());
    let note = more.take_note().unwrap();
    assert!(
        note.ends_with("`blue.latency`, `blue.requets` (did you mean `requests`?)"),
        "{note}"
    );
    assert!(more.line(&odd.replace("310", "320")).unwrap().is_some());
    assert_eq!(more.take_note(), None, "it was told");
}

#[test]
fn what_a_header_leaves_out_is_as_usual() {
    let usual = Policy::default();
    let policy = |header| session(header).began.unwrap().judge.policy().clone();
    assert_eq!(policy("{}"), usual);
    assert_eq!(policy(r#"{"promote":true}"#), usual);
    assert_eq!(policy(r#"{"promote":null}"#).promotion, None);
    assert_eq!(policy(r#"{"promote":false}"#).promotion, None);
    let other = policy(
        r#"{"slo":{"error_rate":0.02},"warm_up_s":20,"false_rollbacks":0.001,"tolerance":{"client_error_ratio":2}}"#,
    );
    assert_eq!((other.slo.error_rate, other.warm_up_s), (Some(0.02), 20.0));
    assert_eq!((other.false_rollbacks, other.client_errors.ratio), (0.001, 2.0));
    let step = |header, begin_s| session(header).began.unwrap().header.step_at(begin_s);
    assert_eq!(
        [
            step("{}", 0.0),
            step(r#"{"shift_at":60}"#, 50.0),
            step(r#"{"shift_at":60}"#, 60.0)
        ],
        [1, 0, 1]
    );
    // A policy that is given beside the trace stands above the header.
    let mut given = Session::new(Some(usual.clone()));
    given.line(r#"{"tolerance":{"latency_ratio":3}}"#).unwrap();
    assert_eq!(*given.began.unwrap().judge.policy(), usual);
}

#[test]
fn each_window_is_answered_and_a_decision_stands() {
    let mut session = session(HEADER);
    let lead = play(&mut session, (1..=30).map(|at| window(at * 10, (5000, 5), (0, 0))));
    assert!(lead.iter().all(|answer| answer.verdict == Word::Continue));
    let answers = play(&mut session, (31..=34).map(|at| window(at * 10, (4750, 5), (250, 250))));
    assert!(answers.iter().all(|answer| answer.verdict == Word::Rollback));
    let text = serde_json::to_string(&answers[0]).unwrap();
    assert!(
        text.starts_with(r#"{"t":310,"verdict":"rollback","reason":"green is worse than blue: server errors (5xx), since t=300 s: green 250 of 250 (100 %)"#),
        "{text}"
    );
    assert!(
        answers[1]
            .reason
            .starts_with("rollback was decided at t=310 s: green is worse"),
        "{}",
        answers[1].reason
    );
}

#[test]
fn a_good_release_is_promoted_once_and_for_all() {
    let mut session = session(HEADER);
    let answers = play(
        &mut session,
        (1..=210).map(|at| match at {
            1..=30 => window(at * 10, (5000, 5), (0, 0)),
            31..=60 => window(at * 10, (4750, 5), (250, u32::from(at % 4 == 0))),
            _ => window(at * 10, (3750, 4), (1250, 1)),
        }),
    );
    let first = answers
        .iter()
        .position(|answer| answer.verdict == Word::Promote)
        .unwrap();
    assert_eq!(answers[first].t.as_u64(), Some(1200));
    assert!(answers[first..].iter().all(|answer| answer.verdict == Word::Promote));
    assert!(answers[..first].iter().all(|answer| answer.verdict == Word::Continue));
}

#[test]
fn an_slo_stays_the_first_word() {
    let mut session = session(r#"{"shift_at":100,"slo":{"error_rate":0.02},"promote":null}"#);
    let answers = play(
        &mut session,
        (1..=60).map(|at| {
            window(
                at * 10,
                (4000, 400),
                (if at > 10 { 1000 } else { 0 }, if at > 10 { 100 } else { 0 }),
            )
        }),
    );
    let broken: Vec<&Answer> = answers
        .iter()
        .filter(|answer| answer.verdict == Word::Rollback)
        .collect();
    assert!(broken.len() > 2);
    assert!(
        broken.iter().all(|answer| answer.reason.starts_with("slo: ")),
        "{}",
        broken[1].reason
    );
}

#[test]
fn null_is_what_is_not_known() {
    let mut nulls = session(r#"{"slo":null,"tolerance":null,"schedule":null,"shift_at":null,"window_s":null}"#);
    let answer = nulls.line(r#"{"t":10,"green":null,"blue":null}"#).unwrap().unwrap();
    assert_eq!(answer.verdict, Word::Continue);
    let line: Line = serde_json::from_str(
        r#"{"t":1,"green":{"classes":null,"instances":null,"latency_ms":[1,null,2.5],"probes":{"requests":null,"failures":1,"latency_ms":[null,3]}},
            "blue":{"instances":[{"id":7,"requests":null,"healthy":null},{"id":null}],"probes":{"requests":20,"latency_ms":null}}}"#,
    )
    .unwrap();
    let (green, blue) = (line.green.arm(), line.blue.arm());
    assert_eq!(green.latency, Latency::Samples(vec![1.0, 2.5]));
    let probes = green.probes.unwrap();
    assert_eq!(
        (probes.requests, probes.failures, probes.latencies_ms),
        (0.0, 0.0, vec![3.0])
    );
    assert_eq!(blue.probes.unwrap().requests, 0.0, "how many failed is not known");
    assert_eq!(blue.instances[0].id, "7");
}

#[test]
fn a_mark_before_the_header_is_passed_over() {
    assert!(session(&format!("\u{feff}{HEADER}\r\n")).has_begun());
}

#[test]
fn a_window_that_is_not_the_latest_says_why_it_says_nothing() {
    let mut session = session("{}");
    play(&mut session, [window(310_000, (100, 0), (100, 0))].into_iter());
    for t in [320, 310_000] {
        let late = &play(&mut session, [window(t, (100, 0), (100, 100))].into_iter())[0];
        assert_eq!(late.verdict, Word::Continue);
        assert!(late.reason.contains("t=310000 s"), "{}", late.reason);
    }
    let next = &play(&mut session, [window(310_010, (100, 0), (100, 0))].into_iter())[0];
    assert!(!next.reason.contains("says nothing"), "{}", next.reason);
}

#[test]
fn a_schedule_says_when_blue_is_left_nothing() {
    let begun = session(r#"{"schedule":[[300,0.5],[600,1],[900,0.9]]}"#).began.unwrap();
    let idle = |t: u32| {
        let line = serde_json::from_str(&format!(r#"{{"t":{t}}}"#)).unwrap();
        begun.window(line).blue.idle
    };
    assert_eq!(
        [idle(310), idle(600), idle(610), idle(910)],
        [false, false, true, false]
    );
}

#[test]
fn lines_may_say_the_same_in_several_ways() {
    let arm = |text: &str| {
        let line: Line = serde_json::from_str(&format!(r#"{{"t":1.5,"green":{text}}}"#)).unwrap();
        line.green.arm()
    };
    let whole = arm(
        r#"{"requests":9,"status":{"4xx":2,"5xx":1},"latency_ms":{"p50":1,"p75":null,"p99":3},"probes":{"requests":4,"errors":1},"instances":[{"id":"i-1","requests":9,"errors":1,"healthy":true,"zone":"a"}],"more":[]}"#,
    );
    assert_eq!((whole.errors, whole.client_errors), (Some(1.0), Some(2.0)));
    assert_eq!(
        whole.latency,
        Latency::Percentiles([Some(1.0), None, None, None, Some(3.0)])
    );
    assert_eq!(whole.probes.unwrap().failures, 1.0);
    assert_eq!(whole.instances[0].healthy, Some(true));
    assert_eq!(
        arm(r#"{"latency_ms":[1,2.5]}"#).latency,
        Latency::Samples(vec![1.0, 2.5])
    );
    assert_eq!(arm(r#"{"latency_ms":null,"requests":null}"#), Arm::default());
    assert_eq!(arm("{}"), Arm::default());
}

#[test]
fn a_bad_line_is_named_with_what_to_do() {
    let error = |header: &str, line: &str| {
        let mut session = Session::new(None);
        match session.line(header) {
            Ok(_) => session.line(line).unwrap_err().to_string(),
            Err(error) => error.to_string(),
        }
    };
    for (header, line, begins) in [
        (
            "not json",
            "",
            "line 1 of the trace: it is no JSON (expected ident, at character 2): not json; the first line is a header such as {",
        ),
        (
            r#"{"t":10,"blue":{},"green":{}}"#,
            "",
            "line 1 of the trace: it is a window, and there was no header before it; ",
        ),
        (
            r#"{"window_s":0}"#,
            "",
            "line 1 of the trace: `window_s` is 0, and must be above 0; ",
        ),
        (
            r#"{"tolerance":{"error_ratio":0.5}}"#,
            "",
            "line 1 of the trace: `tolerance.error_ratio` is 0.5, and must be 1 or more; ",
        ),
        (
            r#"{"schedule":[[300,0.1],[300,0.5]]}"#,
            "",
            "line 1 of the trace: the times of `schedule` do not rise; ",
        ),
        (
            "{}",
            r#"{"blue":{}}"#,
            "line 2 of the trace: missing field `t`, in {\"blue\":{}}; write a window such as {\"t\":310,",
        ),
        (
            "{}",
            r#"{"t":10,"green":{"requests":"many"}}"#,
            "line 2 of the trace: invalid type: string \"many\", expected f64, in ",
        ),
        (
            "{}",
            r#"{"t":10,"green":{"#,
            "line 2 of the trace: it is no JSON (EOF while parsing",
        ),
    ] {
        let told = error(header, line);
        assert!(told.starts_with(begins), "{told}");
    }
    let mut session = session(HEADER);
    assert!(session.line("").unwrap().is_none() && session.has_begun());
    assert!(
        session
            .line("{")
            .unwrap_err()
            .to_string()
            .starts_with("line 3 of the trace")
    );
}
