//! Collects the files of a folder that go into its bundle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use super::ignored::Patterns;
use super::kind;
use super::names;
use super::problem::BundleProblem;

/// No application has more files.
const MOST_FILES: usize = 500_000;

/// What goes into the bundle under one name.
pub(super) enum Member {
    /// A file.
    File {
        /// Where to read it.
        path: PathBuf,
        /// Whether it can be run as a program.
        executable: bool,
    },
    /// A link to something else in the bundle.
    Link {
        /// What it leads to, from the link's own folder on.
        target: String,
    },
}

/// What the service reads of a bundle before an instance has unpacked it: a link would be nothing but a short text there.
/// Source: option settings in `.ebextensions` take part in making an environment; `cron.yaml`, `env.yaml` and others stand at the
/// top ("Configuration files" of the Developer Guide).
fn is_read_packed(name: &str, is_folder: bool) -> bool {
    name.split('/').next() == Some(".ebextensions") || !is_folder && !name.contains('/')
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
        links: Vec::new(),
        links_out: Vec::new(),
        links_to_left_out: Vec::new(),
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
    /// Links that stay links, by their names, and what they lead to without links in its path.
    links: Vec<(String, PathBuf)>,
    links_out: Vec<String>,
    links_to_left_out: Vec<String>,
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
            if self.found.members.len() + self.links.len() > MOST_FILES {
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
        if own_facts.is_symlink() {
            let target = path.canonicalize().ok();
            let Some(target) = target.filter(|target| target.starts_with(&self.top)) else {
                self.links_out.push(name);
                return;
            };
            if !is_read_packed(&name, facts.is_dir()) {
                self.links.push((name, target));
                return;
            }
        }
        if facts.is_dir() {
            self.inner_folder(path, name, patterns);
        } else if facts.is_file() {
            let member = Member::File {
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

    /// Makes members of the links. Each leads straight to its end: what lies between may be left out. A link to what is not in the
    /// bundle would lead nowhere on the instances.
    fn links(&mut self) {
        let links = std::mem::take(&mut self.links);
        let files = self.found.members.keys().cloned();
        let packed: BTreeSet<String> = files.chain(links.iter().map(|(name, _)| name.clone())).collect();
        for (name, target) in links {
            let inside = target.strip_prefix(&self.top).unwrap_or(&target);
            let inside: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
            let inside = inside.join("/");
            let within = format!("{inside}/");
            let holds_some = packed
                .range(within.clone()..)
                .next()
                .is_some_and(|next| next.starts_with(&within));
            if inside.is_empty() || packed.contains(&inside) || holds_some {
                let target = names::target(&name, &inside);
                self.found.members.insert(name, Member::Link { target });
            } else {
                self.links_to_left_out.push(name);
            }
        }
    }

    fn unreadable(&mut self, path: &Path, error: &std::io::Error) {
        self.found.problems.push(BundleProblem::Unreadable {
            what: format!("`{}` cannot be read", path.display()),
            why: error.to_string(),
        });
    }

    fn finish(mut self) -> Collected {
        self.links();
        // The order in which a folder lists its files is the file system's, and reports should not depend on it.
        for names in [
            &mut self.links_out,
            &mut self.links_to_left_out,
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
            BundleProblem::LinksToLeftOut {
                links: self.links_to_left_out,
            },
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
