//! Rules for gates.

use super::{Findings, times};
use crate::spec::Spec;
use crate::spec::document::Place;

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
    let deadline = Place::of(&["foreign", "deadline"]);
    times::length(&deadline, spec.foreign.deadline, false, findings);
}
