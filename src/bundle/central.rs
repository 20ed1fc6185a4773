//! The names in a zip's table of contents, as often as they stand there: the reading library keeps each name once.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};

use super::names;

/// Signature of a central file header (APPNOTE.TXT of PKWARE, 4.3.12), little-endian.
const HEADER: [u8; 4] = [0x50, 0x4b, 0x01, 0x02];

/// Length of such a header before its name, in bytes.
const FIXED: usize = 46;

/// Names of files that stand in the table of contents more than once, in order.
pub(super) fn duplicates(file: &mut (impl Read + Seek), start: u64) -> io::Result<Vec<String>> {
    file.seek(SeekFrom::Start(start))?;
    let mut file = io::BufReader::new(file);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut header = [0_u8; FIXED];
    // The table ends with a record of another kind, so there is always something to read after the last header.
    while file.read_exact(&mut header).is_ok() && header.starts_with(&HEADER) {
        let length = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let mut name = vec![0; length(28)];
        file.read_exact(&mut name)?;
        let skipped = length(30) + length(32);
        file.seek_relative(i64::try_from(skipped).unwrap_or(0))?;
        let name = String::from_utf8_lossy(&name);
        // A folder that is named twice harms nobody.
        if !name.ends_with('/') {
            *counts.entry(names::normal(&name)).or_default() += 1;
        }
    }
    Ok(counts
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|(name, _)| name)
        .collect())
}
