//! Which processes a bundle wants to run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::listen;
use crate::local::plane::{PythonRuntime, Runtime};

/// The process type that gets traffic.
pub(super) const WEB: &str = "web";

/// One process of an application: a line of its Procfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) name: String,
    /// For `/bin/sh -c`.
    pub(super) command: String,
}

/// The processes of the application that is unpacked in that folder, `web` first, the others as they stand in the Procfile.
/// Without a Procfile they are what the platform would have chosen.
///
/// The error is a text for a person.
pub(super) fn processes(folder: &Path, runtime: &Runtime) -> Result<Vec<Process>, String> {
    let mut processes = match fs::read_to_string(folder.join("Procfile")) {
        Ok(text) => parse(&text)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let command = match runtime {
                Runtime::Python(python) => gunicorn(python),
                Runtime::Node(_) => node(folder).ok_or_else(|| nothing_to_run(folder))?,
                Runtime::Other => guess(folder)?,
            };
            vec![Process {
                name: WEB.to_owned(),
                command,
            }]
        }
        Err(error) => return Err(format!("the bundle's Procfile cannot be read: {error}")),
    };
    if let Runtime::Python(_) = runtime {
        // `web` stands first, and no other process gets traffic.
        if let Some(web) = processes.first_mut() {
            web.command = listen::at_own_port(&web.command);
        }
    }
    Ok(processes)
}

/// What the Python platform writes into the Procfile that is missing.
fn gunicorn(python: &PythonRuntime) -> String {
    let path = &python.wsgi_path;
    // Older applications name a file.
    let application = match path.strip_suffix(".py") {
        Some(module) => module.replace('/', "."),
        None => path.clone(),
    };
    format!(
        "exec gunicorn --bind 127.0.0.1:8000 --workers={} --threads={} '{}'",
        python.processes,
        python.threads,
        application.replace('\'', "")
    )
}

/// What the Node.js platform writes there.
fn node(folder: &Path) -> Option<String> {
    let has = |name: &str| folder.join(name).is_file();
    if has("package.json") && has_start_script(folder) {
        return Some("exec npm start".to_owned());
    }
    let script = ["app.js", "server.js"].into_iter().find(|name| has(name))?;
    Some(format!("exec node {script}"))
}

fn parse(text: &str) -> Result<Vec<Process>, String> {
    let mut processes = Vec::new();
    let mut names = BTreeSet::new();
    for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = || {
            format!(
                "line {number} of the Procfile is not of the form `name: command` with a name of letters, digits, `-` and `_`"
            )
        };
        let (name, command) = line.split_once(':').ok_or_else(wrong)?;
        let (name, command) = (name.trim_end(), command.trim());
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || command.is_empty() || !name.chars().all(valid) {
            return Err(wrong());
        }
        if !names.insert(name.to_owned()) {
            return Err(format!(
                "line {number} of the Procfile is a second process \"{name}\"; give each its own name"
            ));
        }
        processes.push(Process {
            name: name.to_owned(),
            command: command.to_owned(),
        });
    }
    // Stable: keeps the order of the others.
    processes.sort_by_key(|process| process.name != WEB);
    if processes.first().is_none_or(|process| process.name != WEB) {
        return Err("the bundle's Procfile has no `web` process, which is the one that gets traffic".to_owned());
    }
    Ok(processes)
}

/// On a platform without a language of its own here: what is plain to see.
fn guess(folder: &Path) -> Result<String, String> {
    let has = |name: &str| folder.join(name).is_file();
    let python = ["application.py", "app.py"].into_iter().find(|name| has(name));
    python
        .map(|script| format!("exec python3 {script}"))
        .or_else(|| node(folder))
        .ok_or_else(|| nothing_to_run(folder))
}

fn has_start_script(folder: &Path) -> bool {
    let package = fs::read(folder.join("package.json")).unwrap_or_default();
    serde_json::from_slice::<serde_json::Value>(&package)
        .is_ok_and(|package| package.pointer("/scripts/start").is_some_and(|start| start.is_string()))
}

fn nothing_to_run(folder: &Path) -> String {
    let told = "the bundle has no Procfile, application.py, app.py, package.json with a start script, server.js or app.js: \
                nothing says what to run";
    let names: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    match names.as_slice() {
        [only] if only.is_dir() => {
            let name = only.file_name().unwrap_or_default().display();
            format!("{told}; everything is inside the folder \"{name}\": zip its contents, not the folder")
        }
        _ => format!("{told}; add a Procfile with a line such as `web: ./server`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(processes: &[Process]) -> Vec<&str> {
        processes.iter().map(|process| process.name.as_str()).collect()
    }

    #[test]
    fn lines_become_processes_with_web_first() {
        let processes =
            parse("# comment\r\n\r\nworker: sidekiq -c 2\r\nweb: ./run --url http://x:1\r\nz_1-a: true\r\n").unwrap();
        assert_eq!(names(&processes), ["web", "worker", "z_1-a"]);
        assert_eq!(processes[0].command, "./run --url http://x:1");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, told) in [
            ("web: a\nnonsense", "line 2"),
            ("web:", "line 1"),
            ("we b: a", "line 1"),
            ("web: a\nweb: b", "second process \"web\""),
            ("worker: a", "no `web` process"),
            ("", "no `web` process"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(told), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_bundle_without_procfile_is_guessed() {
        let folder = tempfile::tempdir().unwrap();
        let command = || processes(folder.path(), &Runtime::Other).map(|processes| processes[0].command.clone());
        assert!(command().unwrap_err().contains("no Procfile"));
        for (file, text, wanted) in [
            ("server.js", "", "exec node server.js"),
            ("app.js", "", "exec node app.js"),
            ("package.json", "{}", "exec node app.js"),
            ("package.json", r#"{"scripts":{"start":"node ."}}"#, "exec npm start"),
            ("app.py", "", "exec python3 app.py"),
            ("application.py", "", "exec python3 application.py"),
            ("Procfile", "web: mine", "mine"),
        ] {
            fs::write(folder.path().join(file), text).unwrap();
            assert_eq!(command().unwrap(), wanted);
        }
    }

    #[test]
    fn each_platform_has_its_own_default() {
        let folder = tempfile::tempdir().unwrap();
        let command =
            |runtime: &Runtime| processes(folder.path(), runtime).map(|processes| processes[0].command.clone());
        let python = |wsgi_path: &str| {
            Runtime::Python(PythonRuntime {
                version: "3.13".to_owned(),
                wsgi_path: wsgi_path.to_owned(),
                processes: 1,
                threads: 15,
            })
        };
        for (path, told) in [
            ("application", "'application'"),
            ("shop.wsgi:application", "'shop.wsgi:application'"),
            ("shop/wsgi.py", "'shop.wsgi'"),
        ] {
            let told = format!("exec gunicorn --bind 127.0.0.1:$PORT --workers=1 --threads=15 {told}");
            assert_eq!(command(&python(path)).unwrap(), told);
        }
        let node = Runtime::Node("22".to_owned());
        fs::write(folder.path().join("application.py"), "").unwrap();
        assert!(command(&node).is_err());
        fs::write(folder.path().join("app.js"), "").unwrap();
        assert_eq!(command(&node).unwrap(), "exec node app.js");
        fs::write(
            folder.path().join("Procfile"),
            "web: gunicorn --bind :8000 -b=0:80001 x\nworker: ./work --listen :8000",
        )
        .unwrap();
        assert_eq!(command(&python("x")).unwrap(), "gunicorn --bind :$PORT -b=0:80001 x");
        let all = processes(folder.path(), &python("x")).unwrap();
        assert_eq!(all[1].command, "./work --listen :8000");
        assert_eq!(command(&node).unwrap(), "gunicorn --bind :8000 -b=0:80001 x");
    }

    #[test]
    fn a_zipped_parent_folder_is_pointed_out() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("shop")).unwrap();
        fs::write(folder.path().join("shop/Procfile"), "web: x").unwrap();
        let error = processes(folder.path(), &Runtime::Other).unwrap_err();
        assert!(error.contains("inside the folder \"shop\""), "{error}");
    }
}
