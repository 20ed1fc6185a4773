//! Target groups: whose is whose stands in the journal, and what about rules and groups is in the way of a release.

use super::plan::gradual;
use super::run::{GREEN, Run};
use super::world::BLUE;
use crate::release::{Action, Event};
use crate::spec::Lever;

fn run() -> Run {
    Run::of(gradual(Lever::WeightedTargetGroups), 1)
}

#[test]
fn green_s_target_group_is_on_record_before_the_first_rule_names_it() {
    let run = run().finish();
    let groups = run.entries.iter().filter_map(|entry| match &entry.event {
        Event::Intended {
            action: Action::Weigh { green_group, .. },
        } => Some(green_group.as_deref()),
        _ => None,
    });
    assert_eq!(groups.clone().next(), Some(Some(GREEN)));
    let group = run.release.green.as_ref().and_then(|green| green.group.as_deref());
    assert_eq!(group, Some(GREEN));
    let group = run.release.blue.as_ref().and_then(|blue| blue.group.as_deref());
    assert_eq!(group, Some(BLUE), "preflight knows blue's");
}

#[test]
fn a_journal_without_target_groups_is_read() {
    let old = r#"{"action":"weigh","weighting":"attached","before":"1"}"#;
    let action: Action = serde_json::from_str(old).unwrap();
    assert!(matches!(&action, Action::Weigh { green_group: None, .. }));
    assert_eq!(
        serde_json::to_value(&action).unwrap(),
        serde_json::from_str::<serde_json::Value>(old).unwrap()
    );
}
