//! Small helpers for sentences.

/// `1 instance`, `3 instances`.
#[must_use]
pub fn plural(amount: u64, noun: &str) -> String {
    if amount == 1 {
        format!("1 {noun}")
    } else {
        format!("{amount} {noun}s")
    }
}
