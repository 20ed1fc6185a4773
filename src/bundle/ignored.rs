//! Which files of a folder do not belong into its bundle.

use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::problem::BundleProblem;

/// Patterns of the `eb` command line; where they are, Git's do not count.
const EB_IGNORE: &str = ".ebignore";

/// Patterns of Git, in every folder.
const GIT_IGNORE: &str = ".gitignore";

/// Never part of an application: the history, the logs and settings of the `eb` command line, the journal of releases.
const ALWAYS_LEFT_OUT: [&str; 3] = [".git", ".elasticbeanstalk", ".cutover"];

/// The patterns that hold in one folder, those of the folders around it included.
pub(super) struct Patterns {
    /// Which files of patterns are read below: with an `.ebignore` at the top, no more.
    reads_git: bool,
    /// From the outermost folder to the innermost.
    levels: Vec<Gitignore>,
}

impl Patterns {
    /// The patterns at the top of a folder.
    pub(super) fn at_top(folder: &Path) -> Result<Self, BundleProblem> {
        let mut patterns = Self {
            reads_git: !folder.join(EB_IGNORE).is_file(),
            levels: Vec::new(),
        };
        if patterns.reads_git {
            patterns.enter(folder, "")?;
        } else {
            patterns.levels.push(read(folder, EB_IGNORE, "")?);
        }
        Ok(patterns)
    }

    /// Adds the patterns of a folder that is entered; `name` is its name from the top on. To be matched by
    /// [`Self::leave`].
    pub(super) fn enter(&mut self, folder: &Path, name: &str) -> Result<(), BundleProblem> {
        let has_own = self.reads_git && folder.join(GIT_IGNORE).is_file();
        self.levels.push(if has_own {
            read(folder, GIT_IGNORE, name)?
        } else {
            Gitignore::empty()
        });
        Ok(())
    }

    /// Forgets the patterns of the folder that was entered last.
    pub(super) fn leave(&mut self) {
        self.levels.pop();
    }

    /// Whether a file or folder, by its full path, is left out. The innermost pattern decides, as in Git.
    pub(super) fn leave_out(&self, path: &PathBuf, is_folder: bool) -> bool {
        if path
            .file_name()
            .is_some_and(|name| ALWAYS_LEFT_OUT.iter().any(|always| name == *always))
        {
            return true;
        }
        for level in self.levels.iter().rev() {
            match level.matched(path, is_folder) {
                Match::None => {}
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
            }
        }
        false
    }
}

fn read(folder: &Path, file: &str, name: &str) -> Result<Gitignore, BundleProblem> {
    let wrong = |error: ignore::Error| BundleProblem::IgnoreFile {
        file: if name.is_empty() {
            file.to_owned()
        } else {
            format!("{name}/{file}")
        },
        why: error.to_string(),
    };
    let mut builder = GitignoreBuilder::new(folder);
    if let Some(error) = builder.add(folder.join(file)) {
        return Err(wrong(error));
    }
    builder.build().map_err(wrong)
}
