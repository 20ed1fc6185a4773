//! A look into source bundles.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Whether a file is a zip archive with something in it. What cannot be read is none.
///
/// This is the account's one look at a file; it stands for the service's own download of the bundle.
pub(crate) fn is_sound(file: &Path) -> bool {
    let Ok(content) = File::open(file) else { return false };
    zip::ZipArchive::new(BufReader::new(content)).is_ok_and(|archive| !archive.is_empty())
}
