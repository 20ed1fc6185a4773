//! The rules that a type cannot say. Each breach is one problem with its place in the file.

mod checks;
mod green;
mod levers;
mod metrics;
mod names;
mod people;
#[cfg(test)]
mod tests;
mod times;
mod verdict;

use std::collections::BTreeSet;

pub(super) use names::bucket_fault;
pub use names::version_label_fault;

use super::Spec;
use super::document::{Document, Place};
use super::error::Problem;

/// Finds every breach in a spec that was read from a document. `broken` are the places whose value was taken out
/// because it had the wrong type: rules that compare such a value with another are not applied.
pub(super) fn check(spec: &Spec, document: &Document<'_>, broken: &BTreeSet<Place>) -> Vec<Problem> {
    let mut findings = Findings {
        document,
        broken,
        problems: Vec::new(),
    };
    names::check(spec, &mut findings);
    green::check(&spec.green, &mut findings);
    times::check(spec, &mut findings);
    checks::check(spec, &mut findings);
    levers::check(spec, &mut findings);
    people::check(spec, &mut findings);
    verdict::check(spec, &mut findings);
    metrics::check(&spec.verdict, &mut findings);
    findings.problems
}

/// Collects breaches with their places.
struct Findings<'a> {
    document: &'a Document<'a>,
    broken: &'a BTreeSet<Place>,
    problems: Vec<Problem>,
}

impl Findings<'_> {
    fn add(&mut self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        let span = self.document.span(place);
        let message = self.as_written(place, message.into());
        self.problems.push(Problem::new(span, message).with_help(help));
    }

    /// A message about a place with its elements numbered as the file has them.
    fn as_written(&self, place: &Place, message: String) -> String {
        let mut elements = place.elements();
        let named = elements.find(|element| message.contains(&element.to_string()));
        named.map_or(message.clone(), |element| {
            message.replace(&element.to_string(), &self.document.as_written(&element).to_string())
        })
    }

    /// The same, pointing at the key.
    fn add_at_key(&mut self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        let node = self.document.nodes().into_iter().find(|node| node.place == *place);
        let span = node.map_or_else(|| self.document.span(place), |node| node.key);
        let message = self.as_written(place, message.into());
        self.problems.push(Problem::new(span, message).with_help(help));
    }

    /// Whether the values at these places are the user's or a default that the user did not touch.
    fn intact(&self, places: &[&Place]) -> bool {
        places.iter().all(|place| !self.broken.contains(place))
    }

    /// Whether an element was taken out of the list at a place: it may be empty only because of that.
    fn lost_element(&self, list: &Place) -> bool {
        self.broken.iter().any(|place| place.parent().as_ref() == Some(list))
    }

    /// Of two places the one that the file names.
    fn named<'p>(&self, first: &'p Place, second: &'p Place) -> &'p Place {
        if self.document.get(first).is_some() {
            first
        } else {
            second
        }
    }
}
