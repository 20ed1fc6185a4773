//! A look into source bundles.
//!
//! These are the account's only looks at files; they stand for the service's own download of a bundle.

mod extensions;

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use zip::ZipArchive;

use super::errors;
use super::state::OptionSettings;

/// Files that make an instance install packages before it starts the application.
const LISTS: [&str; 2] = ["requirements.txt", "package.json"];
/// Longest configuration file that is read.
const LONGEST_BYTES: u64 = 1024 * 1024;

/// What a bundle says about the environment that it is deployed to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Contents {
    /// Option settings of its `.ebextensions`.
    pub(crate) settings: OptionSettings,
    /// Whether packages are installed for it.
    pub(crate) is_built: bool,
}

/// What is wrong with the bundle of a version, for a person: it is no zip archive, there is nothing in it, or a configuration file cannot
/// be read.
pub(crate) fn fault(file: &Path, label: &str) -> Option<String> {
    match open(file) {
        None => Some("The source bundle is not a zip archive.".to_owned()),
        Some(archive) if archive.is_empty() => Some("The source bundle is empty.".to_owned()),
        Some(_) => look(file, "")
            .err()
            .map(|invalid| errors::configuration_file(&invalid, label).message),
    }
}

/// What a bundle says. A bundle that is no archive says nothing: it fails on the instances.
///
/// The error is a text for a person: the first configuration file that cannot be read, and why.
pub(crate) fn look(file: &Path, region: &str) -> Result<Contents, Invalid> {
    let Some(mut archive) = open(file) else {
        return Ok(Contents::default());
    };
    // Names that are no text are left for the instances to refuse.
    let mut names: Vec<String> = archive
        .file_names()
        .filter_map(|name| Some(name.ok()?.into_owned()))
        .collect();
    names.sort_unstable();
    let mut contents = Contents {
        is_built: LISTS.iter().any(|list| names.iter().any(|name| name == list)),
        ..Contents::default()
    };
    for name in names.iter().filter(|name| is_configuration(name)) {
        let invalid = |why: String| Invalid {
            file: name.clone(),
            why,
        };
        let entry = archive.by_name(name).map_err(|error| invalid(error.to_string()))?;
        let mut text = Vec::new();
        let read = entry.take(LONGEST_BYTES + 1).read_to_end(&mut text);
        read.map_err(|error| invalid(error.to_string()))?;
        if text.len() as u64 > LONGEST_BYTES {
            return Err(invalid(format!("It is longer than {LONGEST_BYTES} bytes")));
        }
        let text = String::from_utf8(text).map_err(|error| invalid(error.to_string()))?;
        let document = crate::model::document::read(&text).map_err(invalid)?;
        extensions::settings(&document, region, &mut contents.settings).map_err(invalid)?;
    }
    Ok(contents)
}

/// A configuration file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invalid {
    /// Its path in the bundle.
    pub(crate) file: String,
    /// Why, for a person.
    pub(crate) why: String,
}

fn open(file: &Path) -> Option<ZipArchive<BufReader<File>>> {
    ZipArchive::new(BufReader::new(File::open(file).ok()?)).ok()
}

/// `.ebextensions/NAME.config`, and no folders below.
fn is_configuration(name: &str) -> bool {
    name.strip_prefix(".ebextensions/")
        .is_some_and(|name| name.ends_with(".config") && !name.contains('/'))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use super::*;

    fn look_into(files: &[(&str, &str)]) -> Result<Contents, Invalid> {
        let folder = tempfile::tempdir().unwrap();
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in files {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        let file = folder.path().join("bundle.zip");
        std::fs::write(&file, zip.finish().unwrap().into_inner()).unwrap();
        look(&file, "eu-central-1")
    }

    #[test]
    fn settings_come_from_all_configuration_files_in_their_order() {
        let contents = look_into(&[
            (
                ".ebextensions/20.config",
                "option_settings:\n  aws:elasticbeanstalk:application:environment:\n    COLOR: green\n",
            ),
            (
                ".ebextensions/10.config",
                "option_settings:\n  aws:elasticbeanstalk:application:environment:\n    COLOR: blue\n    SIZE: 2\n",
            ),
            (".ebextensions/deep/30.config", "[]"),
            (".ebextensions/notes.txt", ": : :"),
            ("package.json", "{}"),
        ])
        .unwrap();
        let properties = contents.settings.properties();
        assert_eq!(properties.get("COLOR").map(String::as_str), Some("green"));
        assert_eq!(properties.get("SIZE").map(String::as_str), Some("2"));
        assert!(contents.is_built);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let invalid = look_into(&[(".ebextensions/a.config", "option_settings:\n\t- x: [")]).unwrap_err();
        assert_eq!(invalid.file, ".ebextensions/a.config");
        assert!(!look_into(&[("deep/package.json", "")]).unwrap().is_built);
    }

    #[test]
    fn a_file_that_is_too_long_is_refused_and_not_cut() {
        let option = "option_settings:\n  aws:elasticbeanstalk:application:environment:\n    COLOR: green\n";
        let longest = usize::try_from(LONGEST_BYTES).unwrap();
        let padded = |length: usize| format!("{option}{}", "#".repeat(length - option.len()));
        assert!(look_into(&[(".ebextensions/a.config", &padded(longest))]).is_ok());
        let invalid = look_into(&[(".ebextensions/a.config", &padded(longest + 1))]).unwrap_err();
        assert!(invalid.why.contains("longer than"), "{invalid:?}");
    }

    #[test]
    fn what_is_no_archive_is_not_sound_and_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bundle.zip");
        assert!(fault(&file, "v1").is_some());
        std::fs::write(&file, "text").unwrap();
        assert!(fault(&file, "v1").is_some());
        assert_eq!(look(&file, ""), Ok(Contents::default()));
    }
}
