//! The file that holds what a cloud remembers: a log of changes, each of which sets or removes entries by their keys.
//!
//! A line says what the file is and in which format. Then come records: the length of what follows, a checksum of it, and the
//! changes that took effect together. A record is on the disk before anybody hears of what it holds, and no record is begun
//! before the one before it is. So only the last one can be torn by a power cut, and nobody was told of what it holds: it is
//! left out. A record that is wrong and not the last was not torn but damaged, and the file is refused.
//!
//! Records that later ones have made useless go when the log is written anew, under another name that takes the place of the old
//! one at once.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// Changes that take effect together: new values by key, and `None` for what is gone.
pub(in crate::local) type Changes = Vec<(String, Option<Vec<u8>>)>;

/// What the file begins with, up to the number of its format.
const TITLE: &str = "cutover cloud memory, format ";
/// Its format. One that is not this one is refused.
const FORMAT: u32 = 1;
/// Length and checksum before each record.
const HEAD: usize = 4 + 8;
/// How a removed entry is written, in place of a length.
const GONE: u32 = u32::MAX;
/// A log is written anew once so much was added to twice what it had before.
const SLACK: u64 = 16 << 20;
/// How large records are when the whole log is written.
const PIECE: usize = 1 << 20;

/// The log cannot be used.
#[derive(Debug, thiserror::Error)]
pub(in crate::local) enum LogError {
    /// The operating system refused it.
    #[error("cannot {what} {}: {source}; see to it that there is room and that this user may write there", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It is something else, or of another version of this program.
    #[error(
        "{} begins with {found:?}, and this program reads {TITLE}{FORMAT}; use the version of cutover that wrote it, or give up \
         what the cloud remembers: `cutover cloud reset --data DIR`",
        path.display()
    )]
    Format {
        /// The log.
        path: PathBuf,
        /// Its first line.
        found: String,
    },
    /// A record that is not the last one is wrong.
    #[error(
        "{} is damaged at byte {at} of {length}, where its checksum does not fit; put a copy of it back, or give up what the \
         cloud remembers: `cutover cloud reset --data DIR`",
        path.display()
    )]
    Damaged {
        /// The log.
        path: PathBuf,
        /// Where the record begins.
        at: usize,
        /// How long the log is.
        length: usize,
    },
    /// What is to be written is too long.
    #[error("cannot write {length} bytes to {} at once; keep what is so large in smaller parts", path.display())]
    TooLong {
        /// The log.
        path: PathBuf,
        /// How long it is.
        length: usize,
    },
}

/// What a log says.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Values by key.
    pub(super) entries: BTreeMap<String, Vec<u8>>,
    /// How many bytes at the end were left out because they are no whole record.
    pub(super) torn: usize,
}

/// A log that is written to.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
    length: u64,
    /// How long it was when it was last written anew.
    compact: u64,
}

/// Reads a log; `None` when there is none.
pub(super) fn read(path: &Path) -> Result<Option<Contents>, LogError> {
    let content = match fs::read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
    };
    let title = title();
    if !content.starts_with(title.as_bytes()) {
        let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = &line[..line.len().min(80)];
        return Err(LogError::Format {
            path: path.to_owned(),
            found: String::from_utf8_lossy(line).into_owned(),
        });
    }
    let mut contents = Contents::default();
    let mut at = title.len();
    while at < content.len() {
        match record(&content[at..]) {
            Record::Whole(changes, length) => {
                for (key, value) in changes {
                    match value {
                        Some(value) => contents.entries.insert(key, value),
                        None => contents.entries.remove(&key),
                    };
                }
                at += length;
            }
            Record::Torn => {
                contents.torn = content.len() - at;
                break;
            }
            Record::Damaged => {
                return Err(LogError::Damaged {
                    path: path.to_owned(),
                    at,
                    length: content.len(),
                });
            }
        }
    }
    Ok(Some(contents))
}

impl Log {
    /// Writes a whole log, which takes the place of the one that may be there.
    pub(super) fn write(path: &Path, changes: &Changes) -> Result<Self, LogError> {
        let new = path.with_extension("new");
        let open = || {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600).open(&new)
        };
        let mut file = open().map_err(failed("write", &new))?;
        let mut length = 0;
        let mut add = |bytes: &[u8]| {
            length += bytes.len() as u64;
            file.write_all(bytes).map_err(failed("write", &new))
        };
        add(title().as_bytes())?;
        let mut piece = Vec::new();
        for change in changes {
            encode(change, &mut piece, &new)?;
            if piece.len() >= PIECE {
                add(&framed(&piece, &new)?)?;
                piece.clear();
            }
        }
        if !piece.is_empty() {
            add(&framed(&piece, &new)?)?;
        }
        file.sync_all().map_err(failed("write", &new))?;
        fs::rename(&new, path).map_err(failed("rename what was written anew to", path))?;
        sync_folder(path.parent().unwrap_or(path))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            length,
            compact: length,
        })
    }

    /// Adds changes. When this returns they are on the disk. After an error it is not known how much of them is, and the log
    /// must be written anew before more is added.
    pub(super) fn add(&mut self, changes: &Changes) -> Result<(), LogError> {
        let mut content = Vec::new();
        for change in changes {
            encode(change, &mut content, &self.path)?;
        }
        let record = framed(&content, &self.path)?;
        self.file
            .write_all(&record)
            .and_then(|()| self.file.sync_data())
            .map_err(failed("add to", &self.path))?;
        self.length += record.len() as u64;
        Ok(())
    }

    /// Whether so much of it is of no use any more that it should be written anew.
    pub(super) fn is_long(&self) -> bool {
        self.length > 2 * self.compact + SLACK
    }
}

/// Sees to it that names of new files in a folder are on the disk.
pub(super) fn sync_folder(folder: &Path) -> Result<(), LogError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(failed("write the folder", folder))
}

/// Sees to it that the content of a file is on the disk.
pub(super) fn sync_file(path: &Path) -> Result<(), LogError> {
    match File::open(path).and_then(|file| file.sync_all()) {
        // Somebody has removed it by hand: nothing that is done here brings it back.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        synced => synced.map_err(failed("write the file", path)),
    }
}

pub(super) fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LogError + use<> {
    let path = path.to_owned();
    move |source| LogError::Io { what, path, source }
}

fn title() -> String {
    format!("{TITLE}{FORMAT}\n")
}

fn checksum(content: &[u8]) -> [u8; 8] {
    let whole: [u8; 32] = Sha256::digest(content).into();
    let mut short = [0; 8];
    short.copy_from_slice(&whole[..8]);
    short
}

fn framed(content: &[u8], path: &Path) -> Result<Vec<u8>, LogError> {
    let mut record = length(content, path)?.to_le_bytes().to_vec();
    record.extend_from_slice(&checksum(content));
    record.extend_from_slice(content);
    Ok(record)
}

fn length(content: &[u8], path: &Path) -> Result<u32, LogError> {
    let length = u32::try_from(content.len()).ok().filter(|length| *length < GONE);
    length.ok_or_else(|| LogError::TooLong {
        path: path.to_owned(),
        length: content.len(),
    })
}

fn encode((key, value): &(String, Option<Vec<u8>>), to: &mut Vec<u8>, path: &Path) -> Result<(), LogError> {
    to.extend_from_slice(&length(key.as_bytes(), path)?.to_le_bytes());
    to.extend_from_slice(key.as_bytes());
    match value {
        Some(value) => {
            to.extend_from_slice(&length(value, path)?.to_le_bytes());
            to.extend_from_slice(value);
        }
        None => to.extend_from_slice(&GONE.to_le_bytes()),
    }
    Ok(())
}

/// What the rest of a log begins with.
enum Record {
    /// A whole record, and its length.
    Whole(Changes, usize),
    /// The beginning of one, or what a power cut makes of it.
    Torn,
    /// One that was whole once.
    Damaged,
}

fn record(rest: &[u8]) -> Record {
    let Some((head, content)) = rest.split_at_checked(HEAD) else {
        return Record::Torn;
    };
    // No record is empty: this one's beginning never came to the disk.
    let length = number(head);
    let Some(length) = length.filter(|length| *length > 0) else {
        return Record::Torn;
    };
    let Some((content, after)) = content.split_at_checked(length) else {
        return Record::Torn;
    };
    let sound = head[4..] == checksum(content);
    match decode(content).filter(|_| sound) {
        Some(changes) => Record::Whole(changes, HEAD + length),
        None if after.is_empty() => Record::Torn,
        None => Record::Damaged,
    }
}

fn number(bytes: &[u8]) -> Option<usize> {
    let bytes = bytes.get(..4)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(bytes)).ok()
}

fn decode(mut content: &[u8]) -> Option<Changes> {
    let mut changes = Changes::new();
    let mut take = |length: usize| {
        let (taken, rest) = content.split_at_checked(length)?;
        content = rest;
        Some(taken)
    };
    loop {
        let Some(length) = take(4) else { return Some(changes) };
        let key = String::from_utf8(take(number(length)?)?.to_vec()).ok()?;
        let length = take(4)?;
        let value = if length == GONE.to_le_bytes() {
            None
        } else {
            Some(take(number(length)?)?.to_vec())
        };
        changes.push((key, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(key: &str, value: &str) -> (String, Option<Vec<u8>>) {
        (key.to_owned(), Some(value.as_bytes().to_vec()))
    }

    fn gone(key: &str) -> (String, Option<Vec<u8>>) {
        (key.to_owned(), None)
    }

    fn entries(path: &Path) -> Vec<(String, String)> {
        let contents = read(path).unwrap().unwrap();
        let text = |(key, value)| (key, String::from_utf8(value).unwrap());
        contents.entries.into_iter().map(text).collect()
    }

    /// A log with the records of three writes, and where each ends.
    fn written(path: &Path) -> [u64; 3] {
        let mut log = Log::write(path, &vec![set("a", "1"), set("b", "1")]).unwrap();
        let first = log.length;
        log.add(&vec![set("a", "2"), gone("b"), set("c", "")]).unwrap();
        let second = log.length;
        log.add(&vec![set("d", &"4".repeat(100)), gone("a")]).unwrap();
        [first, second, log.length]
    }

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn what_was_written_is_read_and_nobody_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("memory.log");
        assert!(read(&path).unwrap().is_none());
        let [.., length] = written(&path);
        assert_eq!(fs::metadata(&path).unwrap().len(), length);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(entries(&path), pairs(&[("c", ""), ("d", &"4".repeat(100))]));
        let anew = Log::write(&path, &vec![set("e", "5")]).unwrap();
        assert!(anew.length < length);
        assert_eq!(entries(&path), pairs(&[("e", "5")]));
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn large_logs_are_written_in_pieces() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("memory.log");
        let changes: Changes = (0..5)
            .map(|key| set(&key.to_string(), &"x".repeat(PIECE / 2)))
            .collect();
        Log::write(&path, &changes).unwrap();
        assert_eq!(entries(&path).len(), 5);
    }

    /// At whichever byte the power went: what was written before is there, and of the last write all or nothing.
    #[test]
    fn a_torn_end_is_left_out_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("memory.log");
        let [first, second, third] = written(&path);
        let whole = fs::read(&path).unwrap();
        let after_first = pairs(&[("a", "1"), ("b", "1")]);
        let after_second = pairs(&[("a", "2"), ("c", "")]);
        for cut in first..third {
            let expected = if cut < second { &after_first } else { &after_second };
            let cut = usize::try_from(cut).unwrap();
            fs::write(&path, &whole[..cut]).unwrap();
            assert_eq!(entries(&path), *expected, "{cut}");
            // The file was made longer, and its last blocks did not come to the disk.
            let mut torn = whole[..cut].to_vec();
            torn.resize(whole.len(), 0);
            if cut >= usize::try_from(second).unwrap() {
                fs::write(&path, torn).unwrap();
                assert_eq!(entries(&path), *expected, "zeros from {cut}");
            }
        }
        let end = usize::try_from(third).unwrap();
        for wrong in usize::try_from(second).unwrap() + 4..end {
            let mut torn = whole.clone();
            torn[wrong] ^= 0x10;
            fs::write(&path, torn).unwrap();
            assert_eq!(entries(&path), after_second, "byte {wrong} is another");
        }
    }

    #[test]
    fn damage_before_the_end_is_not_taken_for_a_torn_one() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("memory.log");
        let [first, second, _] = written(&path);
        let whole = fs::read(&path).unwrap();
        let first = usize::try_from(first).unwrap();
        for wrong in first + 4..usize::try_from(second).unwrap() {
            let mut damaged = whole.clone();
            damaged[wrong] ^= 1;
            fs::write(&path, damaged).unwrap();
            let told = read(&path).unwrap_err().to_string();
            assert!(told.contains(&format!("damaged at byte {first}")), "{wrong}: {told}");
            assert!(told.contains("cutover cloud reset"), "{told}");
        }
    }

    #[test]
    fn another_format_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("memory.log");
        for content in ["", "cutover cloud memory, format 2\nx", "notes\n"] {
            fs::write(&path, content).unwrap();
            let told = read(&path).unwrap_err().to_string();
            let line = content.lines().next().unwrap_or_default();
            assert!(
                told.contains(&format!("{line:?}")) && told.contains("format 1"),
                "{told}"
            );
            assert!(
                told.contains("memory.log") && told.contains("use the version"),
                "{told}"
            );
        }
    }
}
