//! What can be wrong with a bundle or with a folder that is to become one.

use std::fmt;
use std::path::PathBuf;

use crate::model::text::plural;

/// So many names are said, the others counted.
const NAMES_SAID: usize = 3;

/// One thing that is wrong with a bundle, or with a folder that is to become one. The texts are sentences for people,
/// without a full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleProblem {
    /// There is nothing at the path.
    #[error("there is no such file; build the bundle first, or name another with `--artifact`")]
    Missing,
    /// The operating system does not let it be read or written.
    #[error("{what}: {why}")]
    Unreadable {
        /// What was being done, to which file.
        what: String,
        /// What the operating system says.
        why: String,
    },
    /// It is something else than a zip.
    #[error("it is {found}, not a zip; make one with `zip -r bundle.zip .` inside the application's folder")]
    NotAZip {
        /// What it is, with an article.
        found: &'static str,
    },
    /// It begins like a zip, but its table of contents cannot be read.
    #[error("the zip is damaged ({why}); make it or download it again")]
    Damaged {
        /// What the reader stumbled over.
        why: String,
    },
    /// It is larger than the service takes.
    #[error(
        "it has {} MB, and Elastic Beanstalk takes 500 MB; name in `.ebignore` what the application does not need to run",
        megabytes(*size)
    )]
    TooLarge {
        /// Its size in bytes.
        size: u64,
    },
    /// It holds no files.
    #[error("the zip holds no files; zip the application's folder")]
    NoFiles,
    /// Everything lies in one folder.
    #[error(
        "everything in it lies in the folder `{folder}/`, and Elastic Beanstalk looks at the top; zip the content of the folder, \
         not the folder: `cd {folder} && zip -r ../bundle.zip .`"
    )]
    ParentFolder {
        /// The folder at the top.
        folder: String,
    },
    /// Names that lead out of the folder it is unpacked into.
    #[error(
        "names lead out of the bundle: {}; make the zip with relative paths only",
        some(entries)
    )]
    Escapes {
        /// The names.
        entries: Vec<String>,
    },
    /// Names with backslashes, which are no folders on Linux.
    #[error(
        "names hold backslashes, which Linux does not take for folders: {}; make the zip with a tool that writes `/`",
        some(entries)
    )]
    Backslashes {
        /// The names.
        entries: Vec<String>,
    },
    /// Names that cannot be files on the instances.
    #[error(
        "names cannot be used for files (control characters, not UTF-8, or too long): {}; rename them",
        some(entries)
    )]
    UnusableNames {
        /// The names.
        entries: Vec<String>,
    },
    /// The same file more than once.
    #[error(
        "files are in it more than once: {}; make the zip anew instead of adding to it",
        some(entries)
    )]
    Duplicates {
        /// The names.
        entries: Vec<String>,
    },
    /// Names that are a file and a folder.
    #[error("names stand for a file and for a folder: {}; make the zip anew", some(entries))]
    Clashes {
        /// The names.
        entries: Vec<String>,
    },
    /// Files behind a password.
    #[error(
        "files are encrypted: {}; Elastic Beanstalk has no password, zip them without",
        some(entries)
    )]
    Encrypted {
        /// The names.
        entries: Vec<String>,
    },
    /// Files in a compression that not every unpacker knows.
    #[error(
        "files are not compressed by `deflate`: {}; make the zip with a plain `zip`",
        some(entries)
    )]
    UnknownCompression {
        /// The names.
        entries: Vec<String>,
    },
    /// Files whose content does not come out as the table of contents says.
    #[error("files are damaged: {}; make the zip or download it again", some(entries))]
    DamagedEntries {
        /// The names.
        entries: Vec<String>,
    },
    /// It would fill the instances' disks.
    #[error(
        "unpacked it has {} MB, {} times its own size; it is a mistake or an attack",
        megabytes(*unpacked),
        unpacked / (*size).max(1)
    )]
    Bomb {
        /// Bytes when unpacked, as the zip says.
        unpacked: u64,
        /// Bytes of the zip.
        size: u64,
    },
    /// Links that lead out of it.
    #[error("links lead out of it: {}; put the files themselves there", some(links))]
    LinksOut {
        /// The links.
        links: Vec<String>,
    },
    /// Nothing says how to start the application.
    #[error(
        "nothing at the top says how to start the application{}; write a `Procfile` with a line `web: <command>`",
        misspelt(lookalike.as_deref())
    )]
    NoEntryPoint {
        /// A file whose name is almost right.
        lookalike: Option<String>,
    },
    /// The Procfile names no web process.
    #[error(
        "the `Procfile` has no line `web: <command>`, so no process would answer requests (it has {})",
        if processes.is_empty() { "no process".to_owned() } else { some(processes) }
    )]
    NoWebProcess {
        /// The processes that it names.
        processes: Vec<String>,
    },
    /// The Procfile has lines that are not processes.
    #[error("line {line} of the `Procfile` is not `<process>: <command>`")]
    ProcfileLine {
        /// The first such line, from 1.
        line: u64,
    },
    /// What was to be zipped is no folder.
    #[error("it is {found}, not a folder")]
    NotAFolder {
        /// What it is, with an article.
        found: &'static str,
    },
    /// The folder is empty, or nothing in it is left.
    #[error(
        "there are no files to zip (left out by `.ebignore`, `.gitignore` or as no part of an application: {left_out})"
    )]
    NothingToZip {
        /// Files and folders that patterns leave out.
        left_out: u64,
    },
    /// Links to something in the folder that does not come along.
    #[error(
        "links lead to what is left out of the bundle, or to an empty folder: {}; name the links in `.ebignore`, too, or let what they lead to come along",
        some(links)
    )]
    LinksToLeftOut {
        /// The links.
        links: Vec<String>,
    },
    /// Links that lead nowhere.
    #[error("links lead nowhere: {}; remove them or name them in `.ebignore`", some(links))]
    BrokenLinks {
        /// The links.
        links: Vec<String>,
    },
    /// Links to a folder that they are in.
    #[error(
        "links lead to a folder that they are in: {}; remove them or name them in `.ebignore`",
        some(links)
    )]
    LinkLoops {
        /// The links.
        links: Vec<String>,
    },
    /// Sockets, pipes, devices.
    #[error(
        "these are neither files nor folders: {}; remove them or name them in `.ebignore`",
        some(entries)
    )]
    SpecialFiles {
        /// Their names.
        entries: Vec<String>,
    },
    /// A file of patterns that cannot be understood.
    #[error("`{file}` cannot be understood: {why}")]
    IgnoreFile {
        /// Its name, from the folder on.
        file: String,
        /// What is wrong in it.
        why: String,
    },
    /// More files than any application has.
    #[error("it holds more than {most} files; name in `.ebignore` what the application does not need to run")]
    TooManyFiles {
        /// The limit.
        most: usize,
    },
}

impl BundleProblem {
    /// The files or links it is about; empty when it is about the whole.
    #[must_use]
    pub fn entries(&self) -> &[String] {
        match self {
            Self::Escapes { entries }
            | Self::Backslashes { entries }
            | Self::UnusableNames { entries }
            | Self::Duplicates { entries }
            | Self::Clashes { entries }
            | Self::Encrypted { entries }
            | Self::UnknownCompression { entries }
            | Self::DamagedEntries { entries }
            | Self::SpecialFiles { entries } => entries,
            Self::LinksOut { links }
            | Self::LinksToLeftOut { links }
            | Self::BrokenLinks { links }
            | Self::LinkLoops { links } => links,
            _ => &[],
        }
    }
}

/// Everything that is wrong with one bundle or folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleError {
    /// The bundle or the folder.
    pub path: PathBuf,
    /// What is wrong. Not empty.
    pub problems: Vec<BundleProblem>,
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        if let [problem] = self.problems.as_slice() {
            return write!(f, "`{path}` cannot be released: {problem}");
        }
        let amount = u64::try_from(self.problems.len()).unwrap_or(u64::MAX);
        write!(f, "`{path}` cannot be released, it has {}:", plural(amount, "problem"))?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

impl std::error::Error for BundleError {}

fn some(names: &[String]) -> String {
    let said: Vec<String> = names
        .iter()
        .take(NAMES_SAID)
        .map(|name| format!("`{}`", name.escape_debug()))
        .collect();
    let said = said.join(", ");
    match names.len().saturating_sub(NAMES_SAID) {
        0 => said,
        more => format!("{said} and {more} more"),
    }
}

fn misspelt(name: Option<&str>) -> String {
    name.map(|name| format!(" (`{name}` is not spelt as it must be)"))
        .unwrap_or_default()
}

fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1024 * 1024)
}
