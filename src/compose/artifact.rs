//! The artifact as the user gave it, made into a bundle that is fit to be uploaded.

use std::path::{Path, PathBuf};

use crate::bundle::{BundleError, inspect, zip_directory};

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
/// that was cut off can go on with it.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn prepare(path: &Path, store: &Path) -> Result<Artifact, Vec<String>> {
    let file = if path.is_dir() {
        zipped(path, store)?
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

fn zipped(folder: &Path, store: &Path) -> Result<PathBuf, Vec<String>> {
    let cannot = |error: std::io::Error| {
        vec![format!(
            "could not keep the bundle of {} in {}: {error}",
            folder.display(),
            store.display()
        )]
    };
    std::fs::create_dir_all(store).map_err(cannot)?;
    let made = tempfile::Builder::new()
        .prefix(".bundle-")
        .suffix(".zip")
        .tempfile_in(store)
        .map_err(cannot)?;
    let summary = zip_directory(folder, made.path()).map_err(|error| problems(&error, folder))?;
    let file = store.join(format!("{}.zip", summary.sha256));
    std::fs::rename(made.path(), &file).map_err(cannot)?;
    Ok(file)
}

fn problems(error: &BundleError, path: &Path) -> Vec<String> {
    error
        .problems
        .iter()
        .map(|problem| format!("the bundle {}: {problem}", path.display()))
        .collect()
}
