//! Python: a virtual environment with what `requirements.txt` asks for.

use std::path::{Path, PathBuf};

use super::cache::Place;
use super::tools::{self, Interpreter};
use super::{Built, Ended, Workshop, quoted};
use crate::local::live::install::Refused;
use crate::local::live::procfile::Process;

const REQUIREMENTS: &str = "requirements.txt";
/// The event of AWS's platform.
const EVENT: &str = "Instance deployment failed to install application dependencies. The deployment failed.";

/// Makes a virtual environment. Gunicorn is in it when a process wants it, as AWS's platform always has it.
pub(super) async fn build(workshop: &Workshop<'_>, version: &str, processes: &[Process]) -> Result<Built, Refused> {
    let Some(python) = tools::python(version).await else {
        return Err(Refused::from(format!(
            "the platform is Python {version}, and this machine has no Python 3: install one (python{version} is best) where the \
             cloud finds it on its PATH"
        )));
    };
    if !python.version.starts_with(&format!("{version}.")) {
        let Interpreter {
            program,
            version: found,
        } = &python;
        workshop.note(&format!(
            "There is no python{version} on this machine; {} ({found}) stands in for it.",
            program.display()
        ));
    }
    let requirements = match workshop.has(REQUIREMENTS) {
        true => Some(
            std::fs::read(workshop.site.folder.join(REQUIREMENTS))
                .map_err(|error| Refused::from(format!("{REQUIREMENTS} cannot be read: {error}")))?,
        ),
        false if workshop.has("Pipfile") => {
            return Err(Refused::from(
                "the bundle has a Pipfile and no requirements.txt; the local cloud reads requirements.txt only: add one, for example by \
                 `pipenv requirements > requirements.txt`"
                    .to_owned(),
            ));
        }
        false => None,
    };
    let wants_gunicorn = processes.iter().any(|process| process.command.contains("gunicorn"));
    if requirements.as_ref().is_some_and(|list| refers_to_files(list)) {
        let folder = workshop.site.folder.join(".venv-of-the-platform");
        make(workshop, &python, &folder, true, wants_gunicorn).await?;
        return Ok(variables(&folder));
    }
    let place = place(workshop, &origin(&python, requirements.as_deref(), wants_gunicorn)).await?;
    let folder = place.path("venv");
    if place.is_whole {
        workshop.note("The same requirements are installed already.");
    } else {
        make(workshop, &python, &folder, requirements.is_some(), wants_gunicorn).await?;
        place.finish().await.map_err(|error| unwritable(&error))?;
    }
    Ok(variables(&folder))
}

/// What decides what is in a virtual environment. The same program may be another version tomorrow, which finds no packages of this
/// one.
fn origin<'a>(python: &'a Interpreter, requirements: Option<&'a [u8]>, wants_gunicorn: bool) -> [&'a [u8]; 4] {
    [
        python.program.as_os_str().as_encoded_bytes(),
        python.version.as_bytes(),
        requirements.unwrap_or_default(),
        if wants_gunicorn { b"gunicorn" } else { b"" },
    ]
}

async fn place(workshop: &Workshop<'_>, parts: &[&[u8]]) -> Result<Place, Refused> {
    workshop
        .tools
        .cache
        .place("python", parts)
        .await
        .map_err(|error| unwritable(&error))
}

fn unwritable(error: &std::io::Error) -> Refused {
    format!("the folder for packages cannot be written: {error}").into()
}

/// Whether a list of requirements leads to other files of the bundle.
fn refers_to_files(list: &[u8]) -> bool {
    let text = String::from_utf8_lossy(list);
    text.lines().map(str::trim).any(|line| {
        let named = [
            "-r",
            "-c",
            "-e",
            "--requirement",
            "--constraint",
            "--editable",
            "--find-links",
            "-f",
        ];
        named.iter().any(|option| line.starts_with(option)) || line.contains("file:") || names_path(line)
    })
}

/// Whether a requirement is a path, as pip sees it: it has a slash, or it ends as archives do.
fn names_path(line: &str) -> bool {
    const ARCHIVES: [&str; 12] = [
        ".whl",
        ".zip",
        ".tar.gz",
        ".tgz",
        ".tar",
        ".tar.bz2",
        ".tbz",
        ".tar.xz",
        ".txz",
        ".tlz",
        ".tar.lz",
        ".tar.lzma",
    ];
    // Options have values of their own, comments end a line, and markers and extras follow a name.
    if line.starts_with(['-', '#']) {
        return false;
    }
    let word = line.split(|c: char| c.is_whitespace() || c == ';' || c == '[').next();
    let word = word.unwrap_or_default().to_ascii_lowercase();
    !word.contains("://")
        && (word.starts_with('.') || word.contains('/') || ARCHIVES.iter().any(|end| word.ends_with(end)))
}

async fn make(
    workshop: &Workshop<'_>,
    python: &Interpreter,
    folder: &Path,
    has_requirements: bool,
    wants_gunicorn: bool,
) -> Result<(), Refused> {
    let refused = |what: &str, how: String| Refused {
        why: format!("{what}: {how}"),
        event: Some(EVENT.to_owned()),
    };
    let installs = has_requirements || wants_gunicorn;
    let without_pip = if installs { "" } else { " --without-pip" };
    let program = quoted(&python.program);
    let command = format!("exec {program} -m venv --clear{without_pip} {}", quoted(folder));
    if let Ended::Badly(how) = workshop.run(&command, &workshop.site.folder).await {
        return Err(refused("a virtual environment cannot be made", how));
    }
    let pip = format!(
        "exec {} -m pip install --disable-pip-version-check --no-input",
        quoted(&folder.join("bin/python"))
    );
    // First, so that the application can ask for another version of it.
    let mut lists = Vec::new();
    if wants_gunicorn {
        lists.push("gunicorn");
    }
    if has_requirements {
        lists.push("-r requirements.txt");
    }
    for list in lists {
        if let Ended::Badly(how) = workshop.run(&format!("{pip} {list}"), &workshop.site.folder).await {
            return Err(refused(&format!("`pip install {list}` failed"), how));
        }
    }
    Ok(())
}

fn variables(folder: &Path) -> Built {
    let bin = folder.join("bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(bin).chain(std::env::split_paths(&path).collect::<Vec<PathBuf>>());
    let path = std::env::join_paths(folders).unwrap_or(path);
    Built {
        variables: vec![
            ("PATH".into(), path),
            ("VIRTUAL_ENV".into(), folder.into()),
            // Logs tell what was printed when it was printed, also of an application that ends badly.
            ("PYTHONUNBUFFERED".into(), "1".into()),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_lead_to_files_of_the_bundle_are_told_apart() {
        assert!(!refers_to_files(
            b"# -e\nflask==3.0.0\nrequests[security] >= 2 ; python_version > '3'\n# vendor/x.whl\n--index-url https://a.example/simple/\n\
              shop @ https://a.example/shop-1.zip\ngit+https://a.example/shop.git\nhttps://a.example/shop-1.whl\n"
        ));
        for list in [
            "-r more.txt",
            "  -e .",
            "./wheels/a.whl",
            "a @ file:///x",
            "--constraint c.txt",
            "vendor/x-1.0-py3-none-any.whl",
            "x-1.0-py3-none-any.whl[more] ; python_version > '3'",
            "Shop-1.0.tar.gz --hash=sha256:0",
            "vendor/shop[more]",
            "/srv/shop",
        ] {
            assert!(refers_to_files(list.as_bytes()), "{list}");
        }
    }

    #[test]
    fn another_version_of_the_same_program_has_an_environment_of_its_own() {
        let python = |version: &str| Interpreter {
            program: "/usr/bin/python3".into(),
            version: version.to_owned(),
        };
        let (before, after) = (python("3.12.9"), python("3.13.1"));
        assert_ne!(origin(&before, None, true), origin(&after, None, true));
        assert_eq!(origin(&before, None, true), origin(&before.clone(), None, true));
    }

    #[test]
    fn the_virtual_environment_comes_first() {
        let built = variables(Path::new("/cache/venv"));
        let (_, path) = &built.variables[0];
        assert!(path.to_string_lossy().starts_with("/cache/venv/bin"));
    }
}
