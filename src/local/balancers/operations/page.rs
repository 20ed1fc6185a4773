//! Pages of long lists.

use super::super::Call;
use super::super::errors;
use crate::local::query::{AwsError, Xml};

/// Items on one page (source: `PageSize`).
const PAGE: usize = 400;

/// Cuts one page out of a list in the order of its numbers. The marker names the last number that was shown, so that what
/// goes meanwhile shifts nothing.
pub(super) fn page<'a, T>(
    call: &Call<'_>,
    items: impl Iterator<Item = (u64, &'a T)>,
) -> Result<(Vec<&'a T>, Option<String>), AwsError> {
    let size = call.parameters.number("PageSize", 1..=PAGE)?.unwrap_or(PAGE);
    let after: Option<u64> = match call.parameters.text("Marker") {
        Some(marker) => {
            let parsed = marker.parse().ok();
            Some(parsed.ok_or_else(|| errors::validation(format!("Invalid marker '{marker}'")))?)
        }
        None => None,
    };
    let mut rest = items
        .filter(|(number, _)| after.is_none_or(|after| *number > after))
        .peekable();
    let mut found = Vec::new();
    while let Some((number, item)) = rest.next() {
        found.push(item);
        if found.len() >= size {
            return Ok((found, rest.peek().map(|_| number.to_string())));
        }
    }
    Ok((found, None))
}

/// Writes where the next page begins.
pub(super) fn write_next(xml: &mut Xml, next: Option<String>) {
    xml.optional("NextMarker", next);
}
