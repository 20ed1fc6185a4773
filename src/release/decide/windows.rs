//! Windows of time that are put on record without a look.

use super::super::assessment::measured;
use super::super::event::Event;
use super::super::observation::Observation;
use super::super::state::Release;
use super::super::witness::blue_is_no_witness;
use super::{Decision, record};

/// Puts what is seen of blue by itself on record, where nothing else is to be done.
pub(super) fn lead_in(release: &Release, seen: &Observation) -> Option<Decision> {
    let measured = release
        .assessment
        .leads_in()
        .then(|| measured(release, seen, None))
        .flatten()?;
    let event = Event::Measured {
        measured: Box::new(measured),
    };
    Some(record("what blue served".to_owned(), event))
}

/// What green served, put on record before the next look is due, because our own requests to it fail and those to blue do not.
pub(super) fn failing(release: &Release, seen: &Observation) -> Option<Decision> {
    let sampled = seen.sampled.as_ref()?;
    // What failed on the way is for a look to judge, which knows whether others are served.
    let both = sampled.blue.failures > 0.0 && !blue_is_no_witness(release, seen);
    if sampled.green.failures <= sampled.unreached || both {
        return None;
    }
    let event = Event::Measured {
        measured: Box::new(measured(release, seen, None)?),
    };
    Some(record("our own requests to green fail".to_owned(), event))
}
