//! Collects the files of a folder that go into its bundle.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use super::ignored::Patterns;
use super::kind;
use super::names;
use super::problem::BundleProblem;

/// No application has more files.
const MOST_FILES: usize = 500_000;

/// A file that goes into the bundle.
pub(super) struct Member {
    /// Where to read it.
    pub(super) path: PathBuf,
    /// Whether it can be run as a program.
    pub(super) executable: bool,
}

/// The files of a folder that go into its bundle.
#[derive(Default)]
pub(super) struct Collected {
    /// By their name in the bundle, in the order of their bytes.
    pub(super) members: BTreeMap<String, Member>,
    /// Files and whole folders that patterns leave out.
    pub(super) left_out: u64,
    /// What stands in the way of a bundle.
    pub(super) problems: Vec<BundleProblem>,
}

/// Walks through a folder. The files and folders in `apart` are left out: bundles and journal may lie in the folder that
/// the bundle is made from.
pub(super) fn collect(folder: &Path, apart: &[PathBuf]) -> Collected {
    let mut walk = Walk {
        apart,
        top: PathBuf::new(),
        around: Vec::new(),
        found: Collected::default(),
        links_out: Vec::new(),
        broken_links: Vec::new(),
        link_loops: Vec::new(),
        special: Vec::new(),
        unusable: Vec::new(),
    };
    match fs::metadata(folder) {
        Ok(facts) if facts.is_dir() => walk.start(folder),
        Ok(facts) => walk.found.problems.push(BundleProblem::NotAFolder {
            found: kind::of_thing(facts.file_type()),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => walk.found.problems.push(BundleProblem::Missing),
        Err(error) => walk.unreadable(folder, &error),
    }
    walk.finish()
}

struct Walk<'w> {
    apart: &'w [PathBuf],
    /// The folder without links in its path.
    top: PathBuf,
    /// The folders around the present one, without links in their paths: a link to one of them would never end.
    around: Vec<PathBuf>,
    found: Collected,
    links_out: Vec<String>,
    broken_links: Vec<String>,
    link_loops: Vec<String>,
    special: Vec<String>,
    unusable: Vec<String>,
}

impl Walk<'_> {
    fn start(&mut self, folder: &Path) {
        // From here on no path has a link or a dot in it that the walk did not take itself.
        let top = match folder.canonicalize() {
            Ok(top) => top,
            Err(error) => return self.unreadable(folder, &error),
        };
        match Patterns::at_top(&top) {
            Ok(mut patterns) => {
                self.top.clone_from(&top);
                self.around.push(top.clone());
                self.folder(&top, "", &mut patterns);
            }
            Err(problem) => self.found.problems.push(problem),
        }
    }

    fn folder(&mut self, folder: &Path, name: &str, patterns: &mut Patterns) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(folder, &error),
        };
        for entry in entries {
            if self.found.members.len() > MOST_FILES {
                return;
            }
            match entry {
                Ok(entry) => self.entry(&entry.path(), name, patterns),
                Err(error) => self.unreadable(folder, &error),
            }
        }
    }

    fn entry(&mut self, path: &PathBuf, folder: &str, patterns: &mut Patterns) {
        let Some(last) = path.file_name() else { return };
        let name = if folder.is_empty() {
            last.to_string_lossy().into_owned()
        } else {
            format!("{folder}/{}", last.to_string_lossy())
        };
        let own_facts = match fs::symlink_metadata(path) {
            Ok(facts) => facts,
            Err(error) => return self.unreadable(path, &error),
        };
        // Patterns see what a link leads to, as it is that which would go into the bundle.
        let facts = if own_facts.is_symlink() {
            fs::metadata(path)
        } else {
            Ok(own_facts.clone())
        };
        let is_folder = facts.as_ref().is_ok_and(Metadata::is_dir);
        if patterns.leave_out(path, is_folder) {
            self.found.left_out += 1;
            return;
        }
        if self.apart.contains(path) {
            return;
        }
        if last.to_str().is_none() || names::fault(&name).is_some() {
            self.unusable.push(name);
            return;
        }
        let Ok(facts) = facts else {
            self.broken_links.push(name);
            return;
        };
        if own_facts.is_symlink() && !self.link_stays_inside(path) {
            self.links_out.push(name);
        } else if facts.is_dir() {
            self.inner_folder(path, name, patterns);
        } else if facts.is_file() {
            let member = Member {
                path: path.clone(),
                executable: is_executable(&facts),
            };
            self.found.members.insert(name, member);
        } else {
            self.special.push(name);
        }
    }

    fn inner_folder(&mut self, path: &Path, name: String, patterns: &mut Patterns) {
        let real = match path.canonicalize() {
            Ok(real) => real,
            Err(error) => return self.unreadable(path, &error),
        };
        if self.around.contains(&real) {
            self.link_loops.push(name);
            return;
        }
        if let Err(problem) = patterns.enter(path, &name) {
            self.found.problems.push(problem);
            return;
        }
        self.around.push(real);
        self.folder(path, &name, patterns);
        self.around.pop();
        patterns.leave();
    }

    fn link_stays_inside(&self, link: &Path) -> bool {
        link.canonicalize().is_ok_and(|target| target.starts_with(&self.top))
    }

    fn unreadable(&mut self, path: &Path, error: &std::io::Error) {
        self.found.problems.push(BundleProblem::Unreadable {
            what: format!("`{}` cannot be read", path.display()),
            why: error.to_string(),
        });
    }

    fn finish(mut self) -> Collected {
        // The order in which a folder lists its files is the file system's, and reports should not depend on it.
        for names in [
            &mut self.links_out,
            &mut self.broken_links,
            &mut self.link_loops,
            &mut self.special,
            &mut self.unusable,
        ] {
            names.sort();
        }
        let problems = [
            BundleProblem::UnusableNames { entries: self.unusable },
            BundleProblem::LinksOut { links: self.links_out },
            BundleProblem::BrokenLinks {
                links: self.broken_links,
            },
            BundleProblem::LinkLoops { links: self.link_loops },
            BundleProblem::SpecialFiles { entries: self.special },
        ];
        let mut found = self.found;
        if found.members.len() > MOST_FILES {
            found.problems.push(BundleProblem::TooManyFiles { most: MOST_FILES });
        }
        found
            .problems
            .extend(problems.into_iter().filter(|problem| !problem.entries().is_empty()));
        if found.members.is_empty() && found.problems.is_empty() {
            found.problems.push(BundleProblem::NothingToZip {
                left_out: found.left_out,
            });
        }
        found
    }
}

#[cfg(unix)]
fn is_executable(facts: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    facts.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    false
}
