//! The artifact as the user gave it, made into a bundle that is fit to be uploaded.

use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::bundle::{BundleError, Store, inspect, zip_directory};

/// What the names of bundles begin with that are made of folders, and how they end: no user's own zip has such a name.
const OURS: (&str, &str) = (".bundle-", ".zip");

/// A bundle that can be uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The zip.
    pub file: PathBuf,
    /// The folder that it was made of, as it was given, if it was made of one.
    pub folder: Option<PathBuf>,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the zip, in hexadecimal.
    pub sha256: String,
    /// Resources of its `.ebextensions` in which something is kept.
    pub stores: Vec<Store>,
    /// Files of its `.ebextensions` in which nobody could look for such, with the reason.
    pub unread: Vec<String>,
}

impl Artifact {
    /// Stands for a bundle that is not fit to be uploaded, so that what else is wrong can be found at the same time.
    #[must_use]
    pub fn unfit(path: &Path) -> Self {
        Self {
            file: path.to_path_buf(),
            folder: None,
            size: 0,
            sha256: "unfit".to_owned(),
            stores: Vec::new(),
            unread: Vec::new(),
        }
    }
}

/// Makes a bundle of a zip or a folder. A folder is zipped into `store`, where it stays, so that a release that was cut off can go
/// on with it, until somebody has it removed ([`discard`]). Each one has a name of its own, even if its content is that of another:
/// so it belongs to one release. Neither earlier bundles nor the journal become a part of it, wherever they lie: each release would
/// make the next one's bundle another one, and a larger one.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn prepare(path: &Path, store: &Path, journal: Option<&Path>) -> Result<Artifact, Vec<String>> {
    let made = match path.is_dir() {
        true => Some(zipped(path, store, journal)?),
        false => None,
    };
    let file = made.as_deref().unwrap_or(path);
    let bundle = inspect(file).map_err(|error| problems(&error, path))?;
    let file = std::path::absolute(file)
        .map_err(|error| vec![format!("the path {} cannot be made absolute: {error}", file.display())])?;
    let folder = made.is_some().then(|| path.to_path_buf());
    if let Some(made) = made {
        made.keep().map_err(|error| not_kept(path, store, &error.error))?;
    }
    Ok(Artifact {
        file,
        folder,
        size: bundle.size,
        sha256: bundle.sha256,
        stores: bundle.stores,
        unread: bundle.unread,
    })
}

/// Removes a bundle that was made of a folder and that no release needs any more. A zip of the user's own is left alone, wherever it
/// lies.
pub(super) fn discard(bundle: &Path, store: &Path) {
    let whole = |path: &Path| path.canonicalize().ok();
    let in_store = bundle
        .parent()
        .and_then(whole)
        .is_some_and(|folder| Some(folder) == whole(store));
    let name = bundle.file_name().map(|name| name.to_string_lossy());
    if in_store && name.is_some_and(|name| is_ours(&name)) {
        // One that stays takes up room and does no other harm.
        let _ = std::fs::remove_file(bundle);
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with(OURS.0) && name.ends_with(OURS.1)
}

/// Zips a folder. What was made goes again unless it is kept.
fn zipped(folder: &Path, store: &Path, journal: Option<&Path>) -> Result<TempPath, Vec<String>> {
    let cannot = |error: std::io::Error| not_kept(folder, store, &error);
    std::fs::create_dir_all(store).map_err(cannot)?;
    let made = tempfile::Builder::new()
        .prefix(OURS.0)
        .suffix(OURS.1)
        .tempfile_in(store)
        .map_err(cannot)?
        .into_temp_path();
    let mut apart = kept(store).map_err(cannot)?;
    apart.extend(journal.map(Path::to_path_buf));
    zip_directory(folder, &made, &apart).map_err(|error| problems(&error, folder))?;
    Ok(made)
}

fn not_kept(folder: &Path, store: &Path, error: &std::io::Error) -> Vec<String> {
    vec![format!(
        "could not keep the bundle of {} in {}: {error}; see that this folder can be written and has space",
        folder.display(),
        store.display()
    )]
}

/// The bundles in a store. What else lies there is left alone: the folder may be the application's, too.
fn kept(store: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(store)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // Those of earlier versions of this program were named by their digest.
        let digest = name.strip_suffix(".zip").unwrap_or_default();
        let is_digest = digest.len() == 64 && digest.chars().all(|c| c.is_ascii_hexdigit());
        if is_digest || is_ours(&name) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn problems(error: &BundleError, path: &Path) -> Vec<String> {
    error
        .problems
        .iter()
        .map(|problem| format!("the bundle {}: {problem}", path.display()))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_bundle_grows_by_neither_the_journal_nor_earlier_bundles() {
        let folder = tempfile::tempdir().unwrap();
        let (store, journal) = (folder.path().join("bundles"), folder.path().join("releases"));
        fs::write(folder.path().join("Procfile"), "web: ./run\n").unwrap();
        fs::create_dir(&store).unwrap();
        fs::write(store.join("catalogue.zip"), "the application's own").unwrap();
        let first = prepare(folder.path(), &store, Some(&journal)).unwrap();
        fs::create_dir_all(journal.join("shop/production/1")).unwrap();
        fs::write(journal.join("shop/production/1/1.json"), "{}").unwrap();
        fs::write(store.join(".bundle-cut-off.zip"), "half").unwrap();
        fs::write(store.join(format!("{}.zip", "0a".repeat(32))), "an old one").unwrap();
        let second = prepare(folder.path(), &store, Some(&journal)).unwrap();
        assert_eq!((second.size, &second.sha256), (first.size, &first.sha256));
        assert_ne!(second.file, first.file, "each belongs to one release");
        let zip = zip::ZipArchive::new(fs::File::open(&first.file).unwrap()).unwrap();
        assert_eq!(zip.len(), 2, "the application's own files stay");
    }

    #[test]
    fn a_folder_that_makes_no_fit_bundle_leaves_none() {
        let folder = tempfile::tempdir().unwrap();
        let store = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Procfile"), "worker: ./run\n").unwrap();
        prepare(folder.path(), store.path(), None).unwrap_err();
        assert_eq!(fs::read_dir(store.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_what_was_made_here_is_discarded() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("bundles");
        fs::write(folder.path().join("Procfile"), "web: ./run\n").unwrap();
        let made = prepare(folder.path(), &store, None).unwrap().file;
        let theirs = [store.join("mine.zip"), folder.path().join(".bundle-mine.zip")];
        for file in &theirs {
            fs::write(file, "the user's own").unwrap();
        }
        for file in theirs.iter().chain([&made]) {
            discard(file, &folder.path().join("bundles/../bundles"));
        }
        assert!(!made.exists() && theirs.iter().all(|file| file.exists()));
    }
}
