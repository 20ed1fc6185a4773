//! Pages of long lists.

use super::super::errors::{self, AwsError};
use super::super::wire::Parameters;

/// A page and how to get the next one.
pub(super) struct Page<T> {
    /// What is on it.
    pub(super) items: Vec<T>,
    /// What to ask the next one with.
    pub(super) next: Option<String>,
}

/// Where a token begins: tokens from elsewhere are refused.
const PREFIX: &str = "page-";

/// Cuts one page out of a list that is sorted by falling numbers. A token names the last number that was shown, so that
/// what is added in front meanwhile shifts nothing.
pub(super) fn newest_first<T>(
    items: impl Iterator<Item = (u64, T)>,
    size: Option<usize>,
    parameters: &Parameters,
) -> Result<Page<T>, AwsError> {
    let after = token(parameters)?;
    let mut rest = items
        .filter(|(number, _)| after.is_none_or(|after| *number < after))
        .peekable();
    let mut page = Page {
        items: Vec::new(),
        next: None,
    };
    while let Some((number, item)) = rest.next() {
        page.items.push(item);
        if size.is_some_and(|size| page.items.len() >= size) {
            page.next = rest.peek().map(|_| format!("{PREFIX}{number}"));
            break;
        }
    }
    Ok(page)
}

/// Cuts one page out of a list that does not change. A token names the place of the next item.
pub(super) fn in_order<T>(
    items: impl Iterator<Item = T>,
    size: usize,
    parameters: &Parameters,
) -> Result<Page<T>, AwsError> {
    let start = usize::try_from(token(parameters)?.unwrap_or(0)).unwrap_or(usize::MAX);
    let mut rest = items.skip(start);
    let page: Vec<T> = rest.by_ref().take(size).collect();
    let end = start.saturating_add(page.len());
    Ok(Page {
        items: page,
        next: rest.next().map(|_| format!("{PREFIX}{end}")),
    })
}

fn token(parameters: &Parameters) -> Result<Option<u64>, AwsError> {
    let Some(token) = parameters.text("NextToken") else {
        return Ok(None);
    };
    let number = token.strip_prefix(PREFIX).and_then(|number| number.parse().ok());
    number
        .map(Some)
        .ok_or_else(|| errors::invalid_value(format!("Invalid NextToken: {token}")))
}
