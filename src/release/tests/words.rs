//! Words that machines, tags and people rely on: journals, reports and exit codes repeat them.

use super::plan::{first_entry, plan};
use crate::model::{ReleaseNumber, Timestamp};
use crate::release::{Action, Observation, Outcome, Phase, Role, Safety, Source, Why, Wish, Writer};

fn actions() -> Vec<(Action, &'static str, Safety, &'static str)> {
    let environment = || "e-1".into();
    vec![
        (
            Action::Upload {
                key: "a.zip".to_owned(),
            },
            "upload",
            Safety::Idempotent,
            "upload the bundle as a.zip",
        ),
        (
            Action::CreateVersion { label: "v2".into() },
            "create version",
            Safety::Create,
            "create application version v2",
        ),
        (
            Action::SaveConfiguration {
                template: "shop-r7-blue".to_owned(),
                environment: environment(),
                with_overrides: false,
            },
            "save configuration",
            Safety::Create,
            "save the configuration of e-1 as template shop-r7-blue",
        ),
        (
            Action::CreateEnvironment {
                name: "shop-r7".into(),
                template: "shop-r7-green".to_owned(),
                version: "v2".into(),
                min_instances: 1,
                max_instances: 4,
            },
            "create environment",
            Safety::Create,
            "create environment shop-r7 with version v2 and at least 1 instance",
        ),
        (
            Action::Swap {
                from: environment(),
                to: "e-2".into(),
                other_cname: "other".to_owned(),
            },
            "swap",
            Safety::Toggle,
            "swap the CNAMEs of e-1 and e-2",
        ),
        (
            Action::RestoreCapacity {
                environment: environment(),
                min_instances: 2,
                max_instances: 4,
            },
            "restore capacity",
            Safety::Idempotent,
            "let e-1 run 2 to 4 instances",
        ),
        (
            Action::ReplaceInstance {
                environment: environment(),
                instance: "i-1".into(),
            },
            "replace instance",
            Safety::Destructive,
            "replace instance i-1 of e-1",
        ),
        (
            Action::SaveEvidence {
                environment: environment(),
            },
            "save evidence",
            Safety::Idempotent,
            "save the events and logs of e-1",
        ),
        (
            Action::Terminate {
                environment: environment(),
                role: Role::Green,
            },
            "terminate",
            Safety::Destructive,
            "terminate green (e-1)",
        ),
        (
            Action::Prune { keep: 20 },
            "prune",
            Safety::Destructive,
            "remove old application versions but for the newest 20",
        ),
    ]
}

#[test]
fn calls_are_named_and_described() {
    for (action, name, safety, text) in actions() {
        assert_eq!(action.name(), name);
        assert_eq!(action.safety(), safety, "{name}");
        assert_eq!(action.describe(), text);
        let own = match name {
            "save configuration" => " shop-r7-blue",
            "restore capacity" => " e-1 2",
            "replace instance" => " i-1",
            _ => "",
        };
        assert_eq!(action.key(), format!("{name}{own}"));
    }
    assert_eq!((Role::Blue.as_str(), Role::Green.as_str()), ("blue", "green"));
}

#[test]
fn outcomes_have_words_and_codes() {
    for (outcome, words, code) in [
        (Outcome::Promoted, "promoted", "promoted"),
        (Outcome::RolledBack, "rolled back", "rolled_back"),
        (Outcome::Aborted, "aborted", "aborted"),
        (Outcome::Refused, "refused", "refused"),
        (Outcome::NeedsHuman, "needs a human", "needs_human"),
    ] {
        assert_eq!((outcome.as_str(), outcome.code()), (words, code));
        assert_eq!(outcome.to_string(), words);
        let written = serde_json::to_string(&outcome).expect("it can be written");
        assert_eq!(written, format!("{code:?}"), "machines read one word everywhere");
    }
}

#[test]
fn phases_are_written_as_they_are_told() {
    for phase in [
        Phase::Preflight,
        Phase::Publish,
        Phase::Provision,
        Phase::Smoke,
        Phase::Shift,
        Phase::Bake,
        Phase::Drain,
        Phase::Retire,
        Phase::RollBack,
        Phase::Done,
    ] {
        let written = serde_json::to_string(&phase).expect("it can be written");
        assert_eq!(written, format!("{:?}", phase.as_str().replace(' ', "_")));
        assert_eq!(format!("{phase:>10}").trim_start(), phase.as_str());
    }
}

#[test]
fn people_and_wishes_have_names() {
    let mut writer = Writer {
        host: "here".to_owned(),
        process: 4711,
        run: "x".to_owned(),
        machine: None,
        user: None,
    };
    assert_eq!(writer.to_string(), "process 4711 on here");
    writer.user = Some("anna".to_owned());
    assert_eq!(writer.to_string(), "process 4711 on here for anna");
    let wishes = [Wish::RollBack, Wish::Abort, Wish::EndWait].map(|wish| wish.to_string());
    assert_eq!(wishes, ["roll back", "abort", "end the wait"]);
}

#[test]
fn what_a_release_makes_bears_its_name() {
    let mut plan = plan();
    assert_eq!(plan.id.slot.to_string(), "shop/production");
    assert_eq!(plan.tag(), "shop/production/7");
    assert_eq!(plan.id.to_string(), plan.tag());
    assert_eq!(plan.blue_template(), "shop-r7-blue");
    assert_eq!(plan.green_template(), "shop-r7-green");
    // Numbers begin anew where a journal is lost, and two journals may count the same slot's releases.
    plan.mark = "0a1b2c3d".to_owned();
    assert_eq!(plan.tag(), "shop/production/7/0a1b2c3d");
    assert_eq!(plan.blue_template(), "shop-r7-0a1b2c3d-blue");
    assert_eq!(plan.green_template(), "shop-r7-0a1b2c3d-green");
    plan.source = Source::Recorded {
        release: ReleaseNumber(5),
        template: "shop-r5-blue".to_owned(),
        environment: None,
        cname: None,
    };
    assert_eq!(plan.green_template(), "shop-r5-blue", "it was saved before");
}

#[test]
fn every_reason_can_be_read_by_a_person() {
    let until = Timestamp::from_millis(1_795_000_000_000);
    let time = until.time_of_day();
    let text = |text: &str| text.to_owned();
    for (why, wanted) in [
        (Why::Missing { what: text("x") }, text("missing: x")),
        (Why::Seen { what: text("x") }, text("x")),
        (Why::Over { how: text("x") }, text("x")),
        (Why::CannotSee { what: text("x") }, text("cannot see x")),
        (
            Why::Astray {
                what: text("x"),
                since: until,
                beneath: Vec::new(),
            },
            format!("x, since {time}; looking again"),
        ),
        (Why::Working { what: text("x") }, text("waiting for x")),
        (
            Why::InDoubt { call: text("x"), until },
            format!(
                "unsure whether this has happened: x; reading until it shows, a late one could arrive until {time}"
            ),
        ),
        (
            Why::Retrying {
                call: text("upload"),
                said: text("no"),
                not_before: until,
            },
            format!("will upload again after {time}; AWS said: no"),
        ),
        (
            Why::NotUp {
                version: "v2".into(),
                missing: vec![text("x"), text("y")],
            },
            text("waiting for green to run v2: x; y"),
        ),
        (
            Why::Settling { until },
            format!("green is up; watching that it stays so until {time}"),
        ),
        (
            Why::Smoking {
                passed: 1,
                wanted: 3,
                failure: Some(text("x")),
            },
            text("smoke checks: 1 of 3 rounds in a row passed; last failure: x"),
        ),
        (
            Why::Confirming { missing: text("x") },
            text("waiting for the public name to lead to green: x"),
        ),
        (
            Why::Baking {
                until,
                doubt: Some(text("x")),
            },
            format!("watching green with traffic until {time}; last look: x"),
        ),
        (
            Why::Baking { until, doubt: None },
            format!("watching green with traffic until {time}"),
        ),
        (
            Why::DnsDraining { until },
            format!("old DNS answers may be in use until {time}"),
        ),
        (
            Why::Busy {
                role: Role::Blue,
                requests: Some(3),
            },
            text("blue still gets requests: 3 in its newest window"),
        ),
        (
            Why::Busy {
                role: Role::Green,
                requests: None,
            },
            text("it is not known whether green still gets requests"),
        ),
        (
            Why::Quiet {
                role: Role::Blue,
                until,
            },
            format!("blue is silent; watching that it stays so until {time}"),
        ),
        (
            Why::KeepingBlue { until },
            format!("promoted; blue is kept until {time}, so that a rollback is one call"),
        ),
        (
            Why::KeepingGreen { until },
            format!("blue has the traffic; green is kept for a look at it until {time}"),
        ),
        (
            Why::Returning { missing: text("x") },
            text("waiting for all traffic to be on blue: x"),
        ),
        (Why::RollingBack { because: text("x") }, text("rolling back: x")),
    ] {
        assert_eq!(why.to_string(), wanted);
    }
}

#[test]
fn a_look_that_saw_nothing_says_so() {
    let at = first_entry(plan()).at;
    let seen = Observation::blank(at);
    assert_eq!(seen.at, at);
    assert_eq!(seen.environments.why_unknown(), Some("was not asked for"));
    assert!(seen.facts.is_none() && seen.smoke.is_none() && seen.public.is_none());
}

#[test]
fn a_release_is_promoted_when_its_bake_is_behind_it() {
    let mut run = super::run::Run::new(1).until(Phase::Bake, 0);
    assert!(!run.release.promoted());
    let finished = |release: &crate::release::Release, outcome| {
        let mut over = release.clone();
        over.phase = Phase::Done;
        over.outcome = Some((outcome, String::new()));
        over.promoted()
    };
    assert!(finished(&run.release, Outcome::Promoted));
    assert!(!finished(&run.release, Outcome::NeedsHuman));
    run = run.until(Phase::Drain, 0);
    assert!(run.release.promoted());
    run = run.until(Phase::Retire, 0);
    assert!(run.release.promoted());
    run.release.rollback = Some(crate::release::RollbackState {
        since: run.world.now,
        again: 0,
        why: "bad".to_owned(),
        outcome: Outcome::RolledBack,
        from: Phase::Retire,
        restored_at: None,
        watched_from: None,
    });
    assert!(!run.release.promoted());
}
