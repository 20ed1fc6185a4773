//! Finding the interpreters of this machine.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

/// An interpreter that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interpreter {
    pub(super) program: PathBuf,
    /// Such as `3.13.0`.
    pub(super) version: String,
}

/// Python, of that version (`3.13`) if there is one, or any other version 3.
pub(super) async fn python(wanted: &str) -> Option<Interpreter> {
    const TELL: &str = "import sys; print(sys.executable); print('.'.join(map(str, sys.version_info[:3])))";
    let exact = format!("python{wanted}");
    for program in [PathBuf::from(&exact)]
        .into_iter()
        .chain(managed(wanted, &exact))
        .chain(["python3".into()])
    {
        let Some(told) = tell(&program, &["-c", TELL]).await else {
            continue;
        };
        let mut lines = told.lines();
        if let (Some(program), Some(version)) = (lines.next(), lines.next()) {
            return Some(Interpreter {
                program: program.into(),
                version: version.to_owned(),
            });
        }
    }
    None
}

/// Whether there is npm.
pub(super) async fn has_npm() -> bool {
    tell(Path::new("npm"), &["--version"]).await.is_some()
}

/// Node.js, whichever version there is.
pub(super) async fn node() -> Option<Interpreter> {
    let version = tell(Path::new("node"), &["--version"]).await?;
    Some(Interpreter {
        program: "node".into(),
        version: version.trim().trim_start_matches('v').to_owned(),
    })
}

/// Interpreters that pyenv keeps beside the path.
fn managed(wanted: &str, exact: &str) -> Vec<PathBuf> {
    let Some(home) = std::env::var_os("HOME") else {
        return Vec::new();
    };
    let versions = Path::new(&home).join(".pyenv/versions");
    let mut found: Vec<PathBuf> = std::fs::read_dir(versions)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.strip_prefix(wanted)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
        .map(|entry| entry.path().join("bin").join(exact))
        .collect();
    found.sort();
    found
}

/// What a program prints, if it runs and ends well.
async fn tell(program: &Path, arguments: &[&str]) -> Option<String> {
    let ran = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .ok()?;
    let text = String::from_utf8(ran.stdout).ok()?;
    ran.status.success().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_python_is_found_or_replaced_by_another() {
        let any = python("3.0").await.expect("the tests need Python 3");
        assert!(any.version.starts_with("3."), "{any:?}");
        let wanted: Vec<&str> = any.version.split('.').take(2).collect();
        let exact = python(&wanted.join(".")).await.unwrap();
        assert!(exact.version.starts_with(&wanted.join(".")), "{exact:?}");
    }

    #[tokio::test]
    async fn what_does_not_run_tells_nothing() {
        assert_eq!(tell(Path::new("no-such-program-here"), &[]).await, None);
        assert_eq!(tell(Path::new("false"), &[]).await, None);
    }
}
