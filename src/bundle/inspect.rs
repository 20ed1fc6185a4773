//! Looks into a bundle and lists everything that is wrong with it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use zip::{CompressionMethod, ZipArchive};

use super::names::{self, NameFault};
use super::problem::{BundleError, BundleProblem};
use super::{LARGEST_BUNDLE, Store, central, extensions, kind, platform, sha256};

/// Nothing that is 500 MB or less unpacks to more than this honestly, in bytes.
const LARGEST_UNPACKED: u64 = 10 * 1024 * 1024 * 1024;

/// From this size on, unpacked, a bundle must not be a hundred times smaller packed: logs and blank images are,
/// applications not.
const SUSPICIOUS_UNPACKED: u64 = 1024 * 1024 * 1024;

/// See [`SUSPICIOUS_UNPACKED`].
const SUSPICIOUS_RATIO: u64 = 100;

/// A Procfile and the target of a link are short; this much of them is read, in bytes.
const LONGEST_TEXT: u64 = 64 * 1024;

/// A file of `.ebextensions` is written by hand; this much of one is read, in bytes.
const LONGEST_EXTENSION: u64 = 1024 * 1024;

/// A bundle that can be released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Where it lies.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256 in lower-case hexadecimal.
    pub sha256: String,
    /// How many files it holds, links included and folders not.
    pub files: u64,
    /// Whether it has a Procfile.
    pub procfile: bool,
    /// Resources of its `.ebextensions` in which something is kept, and which end with their environment.
    pub stores: Vec<Store>,
    /// Files of its `.ebextensions` in which nobody could look for such, with the reason.
    pub unread: Vec<String>,
}

/// Reads a bundle through and lists everything that is wrong with it. Every file in it is unpacked once, into nothing,
/// to see that it can be; this takes about a second for 200 MB.
///
/// # Errors
///
/// With all problems of the bundle, when it has any.
pub fn inspect(path: &Path) -> Result<Bundle, BundleError> {
    let refused = |problems| BundleError {
        path: path.to_owned(),
        problems,
    };
    let mut file = open(path).map_err(|problem| refused(vec![problem]))?;
    let found = look(&mut file).map_err(|problem| refused(vec![problem]))?;
    if !found.problems.is_empty() {
        return Err(refused(found.problems));
    }
    let sha256 = file.rewind().and_then(|()| sha256(&mut file));
    let sha256 = sha256.map_err(|error| refused(vec![unreadable(&error)]))?;
    Ok(Bundle {
        path: path.to_owned(),
        size: found.size,
        sha256,
        files: found.files,
        procfile: found.procfile,
        stores: found.stores,
        unread: found.unread,
    })
}

fn unreadable(error: &io::Error) -> BundleProblem {
    BundleProblem::Unreadable {
        what: "it cannot be read".to_owned(),
        why: error.to_string(),
    }
}

fn open(path: &Path) -> Result<File, BundleProblem> {
    let facts = std::fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => BundleProblem::Missing,
        _ => unreadable(&error),
    })?;
    // Checked before it is opened: opening a pipe would wait for its writer.
    if !facts.is_file() {
        return Err(BundleProblem::NotAZip {
            found: kind::of_thing(facts.file_type()),
        });
    }
    File::open(path).map_err(|error| unreadable(&error))
}

/// What a look into a zip gives.
struct Found {
    size: u64,
    files: u64,
    procfile: bool,
    stores: Vec<Store>,
    unread: Vec<String>,
    problems: Vec<BundleProblem>,
}

fn look(file: &mut File) -> Result<Found, BundleProblem> {
    let size = file.metadata().map_err(|error| unreadable(&error))?.len();
    let mut head = Vec::new();
    let limit = u64::try_from(kind::BYTES).unwrap_or(u64::MAX);
    Read::by_ref(file)
        .take(limit)
        .read_to_end(&mut head)
        .map_err(|error| unreadable(&error))?;
    let mut archive = match ZipArchive::new(BufReader::new(&mut *file)) {
        Ok(archive) => archive,
        Err(error) => {
            return Err(match kind::not_a_zip(&head) {
                Some(found) => BundleProblem::NotAZip { found },
                None => BundleProblem::Damaged { why: error.to_string() },
            });
        }
    };
    let mut problems = Vec::new();
    if size > LARGEST_BUNDLE {
        problems.push(BundleProblem::TooLarge { size });
    }
    let mut contents = Contents::read(&mut archive);
    let is_bomb = contents.is_bomb(size);
    if is_bomb {
        problems.push(BundleProblem::Bomb {
            unpacked: contents.unpacked,
            size,
        });
    } else {
        contents.unpack(&mut archive);
    }
    let start = archive.central_directory_start();
    contents.faults.duplicates = central::duplicates(archive.into_inner().get_mut(), start).unwrap_or_default();
    contents.find_clashes();
    problems.extend(contents.layout());
    problems.extend(contents.faults.into_problems());
    Ok(Found {
        size,
        files: u64::try_from(contents.files.len()).unwrap_or(u64::MAX),
        procfile: contents.procfile.is_some(),
        stores: contents.stores,
        unread: contents.unread,
        problems,
    })
}

/// What is in the zip, as far as it can be told.
#[derive(Default)]
struct Contents {
    /// Names of files and links, without `./`.
    files: BTreeSet<String>,
    /// Positions and names of entries that can be unpacked.
    sound: Vec<(usize, String)>,
    unpacked: u64,
    procfile: Option<String>,
    stores: Vec<Store>,
    unread: Vec<String>,
    faults: Faults,
}

/// Entries with something wrong, by what it is.
#[derive(Default)]
struct Faults {
    escapes: Vec<String>,
    backslashes: Vec<String>,
    unusable: Vec<String>,
    encrypted: Vec<String>,
    compression: Vec<String>,
    damaged: Vec<String>,
    links_out: Vec<String>,
    duplicates: Vec<String>,
    clashes: Vec<String>,
}

impl Contents {
    fn read<R: Read + Seek>(archive: &mut ZipArchive<R>) -> Self {
        let mut contents = Self::default();
        for index in 0..archive.len() {
            let Ok(entry) = archive.by_index_data(index) else {
                continue;
            };
            contents.unpacked = contents.unpacked.saturating_add(entry.size());
            let Ok(name) = entry.name() else {
                let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
                contents.faults.unusable.push(name);
                continue;
            };
            let name = name.into_owned();
            match names::fault(&name) {
                Some(NameFault::Escapes) => contents.faults.escapes.push(name.clone()),
                Some(NameFault::Backslash) => contents.faults.backslashes.push(name.clone()),
                Some(NameFault::Unusable) => contents.faults.unusable.push(name.clone()),
                None => {}
            }
            if entry.is_dir() {
                continue;
            }
            contents.files.insert(names::normal(&name));
            if entry.encrypted() {
                contents.faults.encrypted.push(name);
            } else if !matches!(
                entry.compression(),
                CompressionMethod::Stored | CompressionMethod::Deflated
            ) {
                contents.faults.compression.push(name);
            } else {
                contents.sound.push((index, name));
            }
        }
        contents
    }

    fn is_bomb(&self, size: u64) -> bool {
        self.unpacked > LARGEST_UNPACKED
            || (self.unpacked > SUSPICIOUS_UNPACKED && self.unpacked / size.max(1) > SUSPICIOUS_RATIO)
    }

    fn unpack<R: Read + Seek>(&mut self, archive: &mut ZipArchive<R>) {
        for (index, name) in std::mem::take(&mut self.sound) {
            let Ok(mut entry) = archive.by_index(index) else {
                self.faults.damaged.push(name);
                continue;
            };
            let (size, is_link) = (entry.size(), entry.is_symlink());
            let mut text = Vec::new();
            let normal = names::normal(&name);
            let is_extension = !is_link && extensions::is_one(&normal);
            if is_link || is_extension || normal == "Procfile" {
                let most = if is_extension { LONGEST_EXTENSION } else { LONGEST_TEXT };
                let _ = Read::by_ref(&mut entry).take(most).read_to_end(&mut text);
            }
            // One byte more than the entry says is enough to know that it lies.
            let left = (size + 1).saturating_sub(u64::try_from(text.len()).unwrap_or(u64::MAX));
            let rest = io::copy(&mut entry.take(left), &mut io::sink());
            let read = rest.map(|rest| rest + u64::try_from(text.len()).unwrap_or(u64::MAX));
            if !matches!(read, Ok(read) if read == size) {
                self.faults.damaged.push(name);
                continue;
            }
            if is_extension {
                self.look_for_stores(normal, size, text);
                continue;
            }
            let text = String::from_utf8_lossy(&text).into_owned();
            if is_link && !names::link_stays_inside(&name, &text) {
                self.faults.links_out.push(name);
            } else if !is_link && normal == "Procfile" {
                self.procfile = Some(text);
            }
        }
    }

    /// What a file of `.ebextensions` has of resources that keep something.
    fn look_for_stores(&mut self, name: String, size: u64, text: Vec<u8>) {
        let found = if size > LONGEST_EXTENSION {
            Err(format!("it is longer than {LONGEST_EXTENSION} bytes"))
        } else {
            let text = String::from_utf8(text).map_err(|error| error.to_string());
            text.and_then(|text| extensions::stores(&name, &text))
        };
        match found {
            Ok(found) => self.stores.extend(found),
            Err(why) => self.unread.push(format!("{name}: {why}")),
        }
    }

    /// Files, or links, that something else takes for a folder.
    fn find_clashes(&mut self) {
        let is_clash = |name: &&String| {
            let inside = format!("{name}/");
            let next = self.files.range::<String, _>(&inside..).next();
            next.is_some_and(|next| next.starts_with(&inside))
        };
        self.faults.clashes = self.files.iter().filter(is_clash).cloned().collect();
    }

    /// Whether the files lie where the service looks for them.
    fn layout(&self) -> Vec<BundleProblem> {
        if self.files.is_empty() {
            return vec![BundleProblem::NoFiles];
        }
        let mut problems = Vec::new();
        let folder = self.parent_folder();
        let files: BTreeSet<String> = match &folder {
            Some(folder) => {
                let inside = format!("{folder}/");
                let names = self.files.iter().filter_map(|name| name.strip_prefix(&inside));
                names.map(str::to_owned).collect()
            }
            None => self.files.clone(),
        };
        problems.extend(folder.map(|folder| BundleProblem::ParentFolder { folder }));
        problems.extend(platform::check(&files));
        if let Some(procfile) = &self.procfile {
            problems.extend(platform::check_procfile(procfile));
        }
        problems
    }

    /// The folder that everything lies in, if there is one that should not be.
    fn parent_folder(&self) -> Option<String> {
        // Archivers of macOS put their own folder beside.
        let own = |name: &&String| !name.starts_with("__MACOSX/") && *name != ".DS_Store";
        let mut tops = self
            .files
            .iter()
            .filter(own)
            .map(|name| name.split_once('/').map(|(top, _)| top));
        let first = tops.next()??;
        // A WAR may hold nothing else than the first, and no archive of an application begins with a dot.
        let is_expected =
            matches!(first, "WEB-INF" | "META-INF") || first.starts_with('.') || platform::belongs(first, &self.files);
        (!is_expected && tops.all(|top| top == Some(first))).then(|| first.to_owned())
    }
}

impl Faults {
    fn into_problems(self) -> Vec<BundleProblem> {
        let problems = [
            BundleProblem::Escapes { entries: self.escapes },
            BundleProblem::Backslashes {
                entries: self.backslashes,
            },
            BundleProblem::UnusableNames { entries: self.unusable },
            BundleProblem::Duplicates {
                entries: self.duplicates,
            },
            BundleProblem::Clashes { entries: self.clashes },
            BundleProblem::LinksOut { links: self.links_out },
            BundleProblem::Encrypted {
                entries: self.encrypted,
            },
            BundleProblem::UnknownCompression {
                entries: self.compression,
            },
            BundleProblem::DamagedEntries { entries: self.damaged },
        ];
        let concerns_any = |problem: &BundleProblem| !problem.entries().is_empty();
        problems.into_iter().filter(concerns_any).collect()
    }
}
