//! Bundles, good and bad.

use std::io::{Cursor, Write as _};

use cutover::rehearse::sample::{self, Faults, TurnsBad};
use zip::write::SimpleFileOptions;

/// The sample application.
pub(crate) fn good(version: &str) -> Vec<u8> {
    sample::bundle(version, Faults::default())
}

/// The sample application that fails every request that is not for its health check, once there were some.
pub(crate) fn bad(version: &str) -> Vec<u8> {
    let turns_bad = TurnsBad {
        after_requests: 12,
        error_share: 1.0,
        grows_over_requests: 1,
    };
    sample::bundle(
        version,
        Faults {
            turns_bad: Some(turns_bad),
            ..Faults::default()
        },
    )
}

/// A zip of these files.
pub(crate) fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}
