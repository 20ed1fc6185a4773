//! The artifact that is released, fetched when it is needed.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Failure;
use crate::aws::{Aws, Fault, Session};
use crate::compose::{Artifact, prepare};
use crate::model::text::hex;

/// Where artifacts are kept: below the one folder that a function may write to.
pub(super) fn folder() -> PathBuf {
    std::env::temp_dir().join("cutover")
}

/// An object that is to be released.
pub struct Wanted {
    pub(super) bucket: String,
    pub(super) key: String,
    /// Id of the request that it is wanted for: another one may find another content under the same key.
    pub(super) request: String,
    /// The credentials that may read it, if not the function's own.
    pub(super) session: Option<Session>,
}

impl Wanted {
    /// Bucket and key.
    pub fn place(&self) -> (&str, &str) {
        (&self.bucket, &self.key)
    }

    /// Where it is kept.
    fn file(&self) -> PathBuf {
        let mut hash = Sha256::new();
        for part in [&self.request, &self.bucket, &self.key] {
            hash.update(part.as_bytes());
            hash.update(b"/");
        }
        let digest = hex(&hash.finalize()[..8]);
        folder().join(format!("{digest}.zip"))
    }
}

/// An artifact that was fetched, and what is wrong with it.
pub(super) struct Fetched {
    pub(super) artifact: Artifact,
    pub(super) problems: Vec<String>,
}

/// Fetches an artifact, unless it is here. Others are removed: a sandbox has little room.
pub(super) async fn fetch(aws: &Aws, wanted: &Wanted) -> Result<PathBuf, Failure> {
    let file = wanted.file();
    if file.is_file() {
        return Ok(file);
    }
    let folder = folder();
    let unwritable = |error: std::io::Error| {
        Failure::system(format!("the artifact cannot be kept in {}: {error}", folder.display()))
    };
    let _absent = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(unwritable)?;
    let part = file.with_extension("part");
    let Wanted {
        bucket, key, session, ..
    } = wanted;
    let fetched = aws.download(session.as_ref(), bucket, key, &part).await;
    fetched.map_err(|error| {
        let reader = match session {
            Some(_) => "the pipeline's role",
            None => "the function's role",
        };
        Failure::of_read("fetching the artifact", (bucket, key), reader, &error, Fault::Artifact)
    })?;
    std::fs::rename(&part, &file).map_err(unwritable)?;
    Ok(file)
}

/// Inspects an artifact that was fetched.
pub(super) fn inspected(file: &Path) -> Fetched {
    match prepare(file, &folder(), None) {
        Ok(artifact) => Fetched {
            artifact,
            problems: Vec::new(),
        },
        Err(problems) => Fetched {
            artifact: Artifact::unfit(file),
            problems,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_has_a_file_of_its_own() {
        let file = |request: &str, key: &str| {
            Wanted {
                bucket: "b".to_owned(),
                key: key.to_owned(),
                request: request.to_owned(),
                session: None,
            }
            .file()
        };
        assert_eq!(file("1", "shop.zip"), file("1", "shop.zip"));
        assert_ne!(
            file("1", "shop.zip"),
            file("2", "shop.zip"),
            "somebody may have put another one there"
        );
        assert_ne!(file("1", "shop.zip"), file("1", "other.zip"));
    }
}
