//! The artifact as the user gave it, made into a bundle that is fit to be uploaded.

use std::path::{Path, PathBuf};

use crate::bundle::{BundleError, inspect, zip_directory};

/// What the name of a bundle begins with until its digest is known.
const UNFINISHED: &str = ".bundle-";

/// A bundle that can be uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The zip.
    pub file: PathBuf,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the zip, in hexadecimal.
    pub sha256: String,
}

impl Artifact {
    /// Stands for a bundle that is not fit to be uploaded, so that what else is wrong can be found at the same time.
    #[must_use]
    pub fn unfit(path: &Path) -> Self {
        Self {
            file: path.to_path_buf(),
            size: 0,
            sha256: "unfit".to_owned(),
        }
    }
}

/// Makes a bundle of a zip or a folder. A folder is zipped into `store`, where it stays under its digest, so that a release
/// that was cut off can go on with it. Neither earlier bundles nor the journal become a part of it, wherever they lie: each
/// release would make the next one's bundle another one, and a larger one.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn prepare(path: &Path, store: &Path, journal: Option<&Path>) -> Result<Artifact, Vec<String>> {
    let file = if path.is_dir() {
        zipped(path, store, journal)?
    } else {
        path.to_path_buf()
    };
    let bundle = inspect(&file).map_err(|error| problems(&error, path))?;
    let file = std::path::absolute(&file)
        .map_err(|error| vec![format!("the path {} cannot be made absolute: {error}", file.display())])?;
    Ok(Artifact {
        file,
        size: bundle.size,
        sha256: bundle.sha256,
    })
}

fn zipped(folder: &Path, store: &Path, journal: Option<&Path>) -> Result<PathBuf, Vec<String>> {
    let cannot = |error: std::io::Error| {
        vec![format!(
            "could not keep the bundle of {} in {}: {error}; see that this folder can be written and has space",
            folder.display(),
            store.display()
        )]
    };
    std::fs::create_dir_all(store).map_err(cannot)?;
    let made = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .suffix(".zip")
        .tempfile_in(store)
        .map_err(cannot)?;
    let mut apart = kept(store).map_err(cannot)?;
    apart.extend(journal.map(Path::to_path_buf));
    let summary = zip_directory(folder, made.path(), &apart).map_err(|error| problems(&error, folder))?;
    let file = store.join(format!("{}.zip", summary.sha256));
    std::fs::rename(made.path(), &file).map_err(cannot)?;
    Ok(file)
}

/// The bundles in a store. What else lies there is left alone: the folder may be the application's, too.
fn kept(store: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(store)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let digest = name.strip_suffix(".zip").unwrap_or_default();
        let is_digest = digest.len() == 64 && digest.chars().all(|c| c.is_ascii_hexdigit());
        if is_digest || name.starts_with(UNFINISHED) {
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
        assert_eq!(prepare(folder.path(), &store, Some(&journal)).unwrap(), first);
        let zip = zip::ZipArchive::new(fs::File::open(&first.file).unwrap()).unwrap();
        assert_eq!(zip.len(), 2, "the application's own files stay");
    }
}
