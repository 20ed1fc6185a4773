//! The standard output, where data goes. What is lost on the way there must be known in the end: whoever reads it later, in a file
//! on a disk that was full, cannot see that there was more.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

/// Why data was lost first, if some was.
static LOST: Mutex<Option<String>> = Mutex::new(None);

/// Writes a line of data. Nothing is stopped by that it cannot be written.
pub fn write_line(text: impl Display) {
    if let Err(error) = writeln!(anstream::stdout(), "{text}") {
        failed(&error);
    }
}

/// Takes note that something could not be written.
pub fn failed(error: &io::Error) {
    if let Some(why) = loss(error) {
        LOST.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }
}

/// Takes note that something was left out because nobody read what was before it.
pub(super) fn left_out() {
    let why = "the standard output was read too slowly, so some of it is missing at its end or in between; the journal has all of it, see \
               `cutover status`";
    LOST.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get_or_insert_with(|| why.to_owned());
}

/// Why data was lost, if some was.
#[must_use]
pub fn lost() -> Option<String> {
    LOST.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// What is lost by an error; nothing where the reader has gone away, who wants no more.
fn loss(error: &io::Error) -> Option<String> {
    (error.kind() != io::ErrorKind::BrokenPipe).then(|| {
        format!("the standard output could not be written, so some of it is missing: {error}; see that it has space, and ask again")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_has_gone_loses_nothing_and_a_full_disk_does() {
        assert_eq!(loss(&io::ErrorKind::BrokenPipe.into()), None);
        let said = loss(&io::ErrorKind::StorageFull.into()).expect("something is lost");
        assert!(said.contains("standard output") && said.contains("space"), "{said}");
    }
}
