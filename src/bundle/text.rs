//! A text file of a bundle.

use std::io::Read;
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

/// The longest text that is read, in bytes: settings are short.
const LONGEST: u64 = 1024 * 1024;

/// A text file that lies in a zip; `None` if there is none of that name.
///
/// # Errors
///
/// When the zip cannot be read, or the file is no text or too long for one.
pub fn text(zip: &Path, name: &str) -> Result<Option<String>, String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("{} cannot be read as a zip: {error}", zip.display());
    let file = std::fs::File::open(zip).map_err(|error| unreadable(&error))?;
    let mut archive = ZipArchive::new(std::io::BufReader::new(file)).map_err(|error| unreadable(&error))?;
    let entry = match archive.by_name(name) {
        Ok(entry) => entry,
        Err(ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(unreadable(&error)),
    };
    let mut text = String::new();
    let read = entry.take(LONGEST + 1).read_to_string(&mut text);
    match read {
        Ok(length) if length as u64 > LONGEST => Err(format!("{name} in {} is longer than 1 MiB", zip.display())),
        Ok(_) => Ok(Some(text)),
        Err(error) => Err(format!("{name} in {} is no text: {error}", zip.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::write::SimpleFileOptions;

    use super::*;

    #[test]
    fn a_text_is_read_whole_and_what_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let zip = folder.path().join("artifact.zip");
        let mut writer = zip::ZipWriter::new(std::fs::File::create(&zip).unwrap());
        for (name, content) in [
            ("cutover.toml", b"application = \"shop\"".to_vec()),
            ("picture", vec![0xff, 0xfe]),
            ("long", vec![b'a'; 1024 * 1024 + 1]),
        ] {
            writer.start_file(name, SimpleFileOptions::default()).unwrap();
            writer.write_all(&content).unwrap();
        }
        writer.finish().unwrap();
        assert_eq!(
            text(&zip, "cutover.toml").unwrap().as_deref(),
            Some("application = \"shop\"")
        );
        assert_eq!(text(&zip, "other.toml"), Ok(None));
        assert!(text(&zip, "picture").unwrap_err().contains("picture"));
        assert!(text(&zip, "long").unwrap_err().contains("longer"));
        let broken = folder.path().join("broken.zip");
        std::fs::write(&broken, "no zip").unwrap();
        assert!(text(&broken, "cutover.toml").unwrap_err().contains("broken.zip"));
    }
}
