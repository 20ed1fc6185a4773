//! Logs of processes: bounded on disk, read from their end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Size at which a log begins anew; one older part is kept.
const MOST_BYTES: u64 = 1024 * 1024;
/// How much of a log's end is shown.
const TAIL_BYTES: u64 = 64 * 1024;
const TAIL_LINES: usize = 100;
/// A single line is cut to this many characters when it stands in a message.
const LINE_CHARACTERS: usize = 300;

/// A log file that never grows beyond 1 MiB; what was in it before goes to `<name>.1`, which replaces the one before.
#[derive(Debug)]
pub struct RotatingLog {
    path: PathBuf,
    file: File,
    size: u64,
    most: u64,
}

impl RotatingLog {
    /// Opens it at its end, or creates it.
    ///
    /// # Errors
    /// When the file cannot be opened or created.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_bounded(path, MOST_BYTES)
    }

    fn open_bounded(path: &Path, most: u64) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let size = file.metadata()?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            size,
            most,
        })
    }
}

impl Write for RotatingLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.size >= self.most {
            fs::rename(&self.path, older(&self.path))?;
            *self = Self::open_bounded(&self.path, self.most)?;
        }
        let room = usize::try_from(self.most - self.size).unwrap_or(usize::MAX);
        let written = self.file.write(&bytes[..bytes.len().min(room)])?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn older(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

/// The last lines of a log; empty when there is none.
pub(super) fn tail(path: &Path) -> String {
    let mut text = read_end(path);
    if text.len() < usize::try_from(TAIL_BYTES).unwrap_or(usize::MAX) {
        text = read_end(&older(path)) + &text;
    }
    let lines: Vec<&str> = text.lines().collect();
    let mut tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
    if !tail.is_empty() {
        tail.push('\n');
    }
    tail
}

/// Words of lines that say why something has failed.
const TELLING: [&str; 6] = ["error:", "exception:", "error ", "cannot ", "could not ", "not found"];
/// So many of the newest lines are looked at for one that says why: what stands above is of something else.
const NEWEST: usize = 30;

/// How a process has ended, with the line of its log that tells most of why: the newest one that names an error, or else the last one that
/// says anything. After an error many programs say that they shut down, where a longer log is, or which version they are.
pub(super) fn with_reason(how: &str, path: &Path) -> String {
    match (telling_line(path), last_line(path)) {
        (Some(line), last) if last.as_ref() != Some(&line) => format!("{how}; its log says: {line}"),
        (_, Some(last)) => format!("{how}; its last line was: {last}"),
        (_, None) => how.to_owned(),
    }
}

fn last_line(path: &Path) -> Option<String> {
    let text = tail(path);
    newest_first(&text).next().map(shortened)
}

fn telling_line(path: &Path) -> Option<String> {
    let text = tail(path);
    let tells = |line: &&str| {
        let line = line.to_lowercase();
        TELLING.iter().any(|word| line.contains(word))
    };
    newest_first(&text).take(NEWEST).find(tells).map(shortened)
}

fn newest_first(text: &str) -> impl Iterator<Item = &str> {
    text.lines().rev().map(str::trim).filter(|line| !line.is_empty())
}

fn shortened(line: &str) -> String {
    line.chars().take(LINE_CHARACTERS).collect()
}

fn read_end(path: &Path) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    // No log yet is an empty log.
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_stays_bounded_and_keeps_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.log");
        let mut log = RotatingLog::open_bounded(&path, 1000).unwrap();
        for number in 0..500 {
            writeln!(log, "line {number}").unwrap();
        }
        for part in [&path, &older(&path)] {
            assert!(fs::metadata(part).unwrap().len() <= 1000, "{} grew", part.display());
        }
        assert_eq!(last_line(&path).unwrap(), "line 499");
        let tail = tail(&path);
        assert_eq!(tail.lines().count(), TAIL_LINES);
        assert!(tail.starts_with("line 400\n"), "{tail}");
    }

    #[test]
    fn a_log_goes_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.log");
        assert_eq!(tail(&path), "");
        assert_eq!(last_line(&path), None);
        for text in ["first\n", "second\n\n"] {
            RotatingLog::open(&path).unwrap().write_all(text.as_bytes()).unwrap();
        }
        assert_eq!(tail(&path), "first\nsecond\n\n");
        assert_eq!(last_line(&path).unwrap(), "second");
    }

    #[test]
    fn the_line_that_names_an_error_tells_most() {
        let folder = tempfile::tempdir().unwrap();
        for (number, (text, telling)) in [
            (
                "Traceback (most recent call last):\n  File \"a.py\"\nModuleNotFoundError: No module named 'x'\nWorker failed to boot.\n",
                "gone; its log says: ModuleNotFoundError: No module named 'x'",
            ),
            (
                "Error: listen EADDRINUSE\n    at Server\n\nNode.js v20.20.2\n",
                "gone; its log says: Error: listen EADDRINUSE",
            ),
            ("INFO: started\nbye\n", "gone; its last line was: bye"),
            ("bye\nError: no\n", "gone; its last line was: Error: no"),
            ("", "gone"),
        ]
        .into_iter()
        .enumerate()
        {
            let path = folder.path().join(format!("{number}.log"));
            RotatingLog::open(&path).unwrap().write_all(text.as_bytes()).unwrap();
            assert_eq!(with_reason("gone", &path), telling);
        }
    }
}
