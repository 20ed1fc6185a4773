//! Rules of composite alarms by themselves.

use super::super::rule::Rule;
use super::super::words::StateValue;

/// In which `a` is `ALARM`, `b` is `OK`, and `c c` is `INSUFFICIENT_DATA`.
fn holds(rule: &str) -> bool {
    let state = |alarm: &str| match alarm {
        "a" => Some(StateValue::Alarm),
        "b" => Some(StateValue::Ok),
        "c c" => Some(StateValue::InsufficientData),
        _ => None,
    };
    Rule::parse(rule).unwrap().holds(&state)
}

#[test]
fn words_bind_as_in_logic() {
    for (rule, expected) in [
        ("ALARM(a)", true),
        ("OK(a)", false),
        ("ALARM(\"a\") AND OK(b) AND INSUFFICIENT_DATA(c c)", true),
        ("INSUFFICIENT_DATA( \"c c\" )", true),
        ("NOT ALARM(a)", false),
        ("NOT NOT ALARM(a)", true),
        ("TRUE OR FALSE AND FALSE", true),
        ("(TRUE OR FALSE) AND FALSE", false),
        ("NOT FALSE AND FALSE", false),
        ("not (ok(a) or alarm(b))", true),
        ("(((TRUE)))AND(ALARM(a))", true),
        ("\n ALARM(a)\n AND\tOK(b) ", true),
    ] {
        assert_eq!(holds(rule), expected, "{rule}");
    }
}

#[test]
fn names_may_hold_what_rules_are_made_of() {
    let rule = Rule::parse(r#"ALARM("a (b) \"c\" \\ AND") OR OK(d:e/f) OR ALARM("ä")"#).unwrap();
    let mentioned: Vec<&str> = rule.mentioned().into_iter().collect();
    assert_eq!(mentioned, [r#"a (b) "c" \ AND"#, "d:e/f", "ä"]);
}

#[test]
fn what_is_no_rule_is_refused() {
    for rule in [
        "",
        " ",
        "ALARM",
        "ALARM()",
        "ALARM(\"\")",
        "ALARM(a",
        "ALARM(\"a)",
        "ALARM(\"a\" b)",
        "ALARM(a) ALARM(b)",
        "ALARM(a) AND",
        "AND ALARM(a)",
        "NOT",
        "(TRUE",
        "TRUE)",
        "()",
        "MAYBE(a)",
        "TRUE XOR FALSE",
    ] {
        assert!(Rule::parse(rule).is_err(), "{rule:?}");
    }
}

#[test]
fn rules_are_bounded() {
    let deep = |depth: usize| format!("{}TRUE{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Rule::parse(&deep(249)).is_ok() && Rule::parse(&deep(250)).is_err());
    let many = |count: usize| {
        let parts: Vec<String> = (0..count).map(|number| format!("ALARM(a{number})")).collect();
        parts.join(" OR ")
    };
    assert!(Rule::parse(&many(100)).is_ok() && Rule::parse(&many(101)).is_err());
    assert!(Rule::parse(&format!("{}TRUE", "NOT ".repeat(2000))).is_ok());
}
