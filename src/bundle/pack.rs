//! Makes a bundle from a folder: the same files always give the same bytes.

use std::cell::RefCell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::folder::{self, Collected, Member};
use super::problem::{BundleError, BundleProblem};
use super::sha256;

/// Of the nine levels of deflate the usual one. Fixed, because another one gives other bytes.
const LEVEL: i64 = 6;

/// Files from this size on need the longer fields of ZIP64, in bytes.
const LARGE: u64 = u32::MAX as u64 - (1 << 20);

/// A bundle that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZipSummary {
    /// Where it lies.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256 in lower-case hexadecimal.
    pub sha256: String,
    /// How many files it holds.
    pub files: u64,
    /// How many files and whole folders were left out.
    pub left_out: u64,
}

/// Zips the content of a folder so that the same content gives the same bytes, whatever the times, owners, masks and
/// order of its files: sorted, dated 1980-01-01, with modes 644 and 755.
///
/// `.ebignore` at the top says what is left out or, without one, each `.gitignore`; `.git`, `.elasticbeanstalk` and
/// `.cutover` always are, and so are the files and folders in `apart`. Other hidden files stay, `.ebextensions` and
/// `.platform` among them. Empty folders are left out, as Git does. Links to what is packed stay links, but for those
/// that the service may read without unpacking, which are packed as what they lead to: files at the top, and all of
/// `.ebextensions`. The zip is written beside `out` and takes its place when it is whole.
///
/// # Errors
///
/// With all problems of the folder; or with one when the zip cannot be written.
pub fn zip_directory(folder: &Path, out: &Path, apart: &[PathBuf]) -> Result<ZipSummary, BundleError> {
    let refused = |problems| BundleError {
        path: folder.to_owned(),
        problems,
    };
    let unwritable = |error: io::Error| {
        refused(vec![BundleProblem::Unreadable {
            what: format!("`{}` cannot be written", out.display()),
            why: error.to_string(),
        }])
    };
    let mut unfinished = Unfinished::beside(out).map_err(unwritable)?;
    let own = [out, &unfinished.path];
    let apart = own.into_iter().chain(apart.iter().map(PathBuf::as_path));
    let apart: Vec<PathBuf> = apart.filter_map(real).collect();
    let Collected {
        members,
        left_out,
        problems,
    } = folder::collect(folder, &apart);
    if !problems.is_empty() {
        return Err(refused(problems));
    }
    let failed = RefCell::new(None);
    let mut writer = ZipWriter::new(BufWriter::new(Sink::new(&mut unfinished.file, &failed)));
    for (name, member) in &members {
        add(&mut writer, name, member).map_err(|error| {
            refused(vec![BundleProblem::Unreadable {
                what: format!("`{}` cannot be zipped", folder.join(name).display()),
                why: error.to_string(),
            }])
        })?;
        if failed.borrow().is_some() {
            break;
        }
    }
    let written = writer
        .finish()
        .map_err(io::Error::from)
        .and_then(|mut inner| inner.flush());
    match failed.take() {
        Some(error) => return Err(unwritable(error)),
        None => written.map_err(unwritable)?,
    }
    let (size, sha256) = unfinished.take_place(out).map_err(unwritable)?;
    Ok(ZipSummary {
        path: out.to_owned(),
        size,
        sha256,
        files: u64::try_from(members.len()).unwrap_or(u64::MAX),
        left_out,
    })
}

fn add<W: Write + Seek>(writer: &mut ZipWriter<W>, name: &str, member: &Member) -> io::Result<()> {
    let options = SimpleFileOptions::DEFAULT
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(LEVEL))
        .last_modified_time(DateTime::DEFAULT)
        .system(System::Unix);
    let (path, executable) = match member {
        Member::File { path, executable } => (path, *executable),
        Member::Link { target } => {
            // Linux has no other mode for links; the library stores the target as it is.
            let options = options.compression_level(None).unix_permissions(0o777);
            return Ok(writer.add_symlink(name, target, options)?);
        }
    };
    let file = File::open(path)?;
    let options = options
        .unix_permissions(if executable { 0o755 } else { 0o644 })
        .large_file(file.metadata()?.len() >= LARGE);
    writer.start_file(name, options)?;
    io::copy(&mut BufReader::new(file), writer)?;
    Ok(())
}

/// Takes everything, and remembers the first failure of the file below it. So what fails while something is added has to do with what is
/// added; and the library, which would finish a zip that was given up and print what fails then, has nothing to print.
struct Sink<'f> {
    file: &'f mut File,
    failed: &'f RefCell<Option<io::Error>>,
    at: u64,
    end: u64,
}

impl<'f> Sink<'f> {
    fn new(file: &'f mut File, failed: &'f RefCell<Option<io::Error>>) -> Self {
        Self {
            file,
            failed,
            at: 0,
            end: 0,
        }
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = bytes.len();
        if self.failed.borrow().is_none() {
            match self.file.write(bytes) {
                Ok(count) => written = count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                Err(error) => drop(self.failed.replace(Some(error))),
            }
        }
        self.at += written as u64;
        self.end = self.end.max(self.at);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Sink<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(by) => self.end.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        let place = place.ok_or(io::ErrorKind::InvalidInput)?;
        if self.failed.borrow().is_none()
            && let Err(error) = self.file.seek(SeekFrom::Start(place))
        {
            self.failed.replace(Some(error));
        }
        self.at = place;
        Ok(place)
    }
}

/// The path of a file without links and dots in it, as the walk through a folder would name it.
fn real(file: &Path) -> Option<PathBuf> {
    let parent = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Some(parent.canonicalize().ok()?.join(file.file_name()?))
}

/// A zip that is being written; it is removed unless it takes its place.
struct Unfinished {
    file: File,
    path: PathBuf,
    done: bool,
}

impl Unfinished {
    /// Beside the place it is for: a file can only be renamed within one file system.
    fn beside(out: &Path) -> io::Result<Self> {
        let name = out.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
        // Two runs at once must not share it, and one that was killed may have left its own.
        let mut name = name.to_os_string();
        name.push(format!(".{}.unfinished", std::process::id()));
        let path = out.with_file_name(name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)?;
        Ok(Self {
            file,
            path,
            done: false,
        })
    }

    fn take_place(mut self, out: &Path) -> io::Result<(u64, String)> {
        self.file.sync_all()?;
        self.file.rewind()?;
        let sha256 = sha256(&mut self.file)?;
        let size = self.file.metadata()?.len();
        fs::rename(&self.path, out)?;
        self.done = true;
        Ok((size, sha256))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.done {
            // Nothing can be done about a file that will not go, and the error that led here is told already.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_not_taken_for_a_fault_of_what_is_zipped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app");
        // More than is kept back, and nothing that could be made smaller.
        let noise: Vec<u8> = (0..40_000_u32).flat_map(|n| sha256_of(n).into_bytes()).collect();
        fs::write(&path, noise).unwrap();
        let mut full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let failed = RefCell::new(None);
        let mut writer = ZipWriter::new(BufWriter::new(Sink::new(&mut full, &failed)));
        let member = Member::File {
            path,
            executable: false,
        };
        add(&mut writer, "app", &member).unwrap();
        assert!(
            writer.finish().is_ok(),
            "else it would be tried again, and told to the terminal"
        );
        let error = failed.take().expect("nothing can be written there");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    fn sha256_of(number: u32) -> String {
        sha256(&mut number.to_le_bytes().as_slice()).expect("a slice can be read")
    }
}
