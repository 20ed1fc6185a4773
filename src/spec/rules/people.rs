//! Rules for gates.

use super::{Findings, times};
use crate::model::text::plural;
use crate::spec::document::Place;
use crate::spec::{GatePlace, Spec};

pub(super) fn check(spec: &Spec, findings: &mut Findings<'_>) {
    let gates = Place::of(&["gates"]);
    for (index, gate) in spec.gates.iter().enumerate() {
        let place = gates.index(index);
        times::length(&place.key("deadline"), gate.deadline, false, findings);
        if spec.gates[..index].iter().any(|other| other.before == gate.before) {
            findings.add(
                &place.key("before"),
                format!("there is a gate before {} already", gate.before),
                "one person at a time: leave one of them out",
            );
        }
    }
    let steps = spec.steps().len();
    for (index, gate) in spec.gates.iter().enumerate() {
        if let GatePlace::Step(number) = gate.before
            && !(2..=steps).contains(&usize::from(number))
        {
            findings.add(
                &gates.index(index).key("before"),
                format!(
                    "there is no step {number} to stand before: the release has {}",
                    plural(steps as u64, "step")
                ),
                "a gate before the first step is `before = \"shift\"`; others count from 2",
            );
        }
    }
    let deadline = Place::of(&["foreign", "deadline"]);
    times::length(&deadline, spec.foreign.deadline, false, findings);
}
