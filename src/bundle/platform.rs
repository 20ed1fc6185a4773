//! What says to the platforms of Elastic Beanstalk how an application starts.
//!
//! Source: the platform chapters of the Developer Guide. Which platform blue runs is not known here, so any one of
//! these will do: the aim is to refuse what no platform could start.

use std::collections::BTreeSet;

use super::problem::BundleProblem;

/// Files at the top.
const FILES: [&str; 33] = [
    "Procfile",
    "Buildfile",
    // Docker
    "Dockerfile",
    "Dockerrun.aws.json",
    "docker-compose.yml",
    "docker-compose.yaml",
    // Go
    "application.go",
    "go.mod",
    "application",
    "bin/application",
    // Java: a whole WAR or JAR may be the bundle
    "WEB-INF/web.xml",
    "META-INF/MANIFEST.MF",
    "pom.xml",
    "build.gradle",
    // .NET
    "aws-windows-deployment-manifest.json",
    "archive.xml",
    "web.config",
    "Web.config",
    // Node.js
    "package.json",
    "server.js",
    "app.js",
    // PHP
    "composer.json",
    "index.php",
    "public/index.php",
    "index.html",
    // Python
    "application.py",
    "requirements.txt",
    "Pipfile",
    "manage.py",
    // Ruby
    "Gemfile",
    "config.ru",
    // Tomcat takes a folder of several
    "ROOT.war",
    "index.jsp",
];

/// Ends of files at the top.
const ENDS: [&str; 6] = [".jar", ".war", ".csproj", ".fsproj", ".dll", ".runtimeconfig.json"];

/// Ends of files, wherever they lie, that an option says how to start with: `WSGIPath` of the Python platform, or `document_root` of the
/// PHP platform. It may be in blue's settings or in `.ebextensions`.
const BY_OPTION: [&str; 3] = [".py", ".php", ".html"];

/// What a site begins with.
const PAGES: [&str; 2] = ["index.php", "index.html"];

/// Folders that are the root of a site by an option, `document_root`, and so are where they belong.
const ROOTS: [&str; 6] = ["htdocs", "html", "public", "public_html", "web", "www"];

/// Whether files lie in a folder at the top for a reason, which is then not to be taken for the application's own folder.
pub(super) fn belongs(folder: &str, files: &BTreeSet<String>) -> bool {
    let inside = |name: &str| name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    if FILES.iter().any(|file| inside(file) && files.contains(*file)) {
        return true;
    }
    let mut found = FILES
        .iter()
        .filter(|file| files.contains(&format!("{folder}/{file}")))
        .peekable();
    // A whole application has more to start with than a page.
    ROOTS.contains(&folder) && found.peek().is_some() && found.all(|file| PAGES.contains(file))
}

/// Whether something says how to start, among the names of all files.
pub(super) fn check(files: &BTreeSet<String>) -> Option<BundleProblem> {
    let at_top = |name: &&String| !name.contains('/');
    let known = FILES.iter().any(|file| files.contains(*file))
        || files
            .iter()
            .filter(at_top)
            .any(|name| ENDS.iter().any(|end| name.ends_with(end)))
        || files.iter().any(|name| name.starts_with("WEB-INF/"));
    if known {
        return None;
    }
    let almost = |name: &&String| {
        let lower = name.to_lowercase();
        let stem = lower.strip_suffix(".txt").unwrap_or(&lower);
        FILES.iter().any(|file| file.to_lowercase() == stem)
    };
    let lookalike = files.iter().filter(at_top).find(almost).cloned();
    let by_option = |name: &String| BY_OPTION.iter().any(|end| name.ends_with(end));
    if lookalike.is_none() && files.iter().any(by_option) {
        return None;
    }
    Some(BundleProblem::NoEntryPoint { lookalike })
}

/// What is wrong with a Procfile. The service wants every line to be `<process>: <command>`, the process of letters,
/// digits, `_` and `-`.
pub(super) fn check_procfile(text: &str) -> Vec<BundleProblem> {
    let mut processes = Vec::new();
    let mut wrong = None;
    for (number, line) in (1_u64..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        match line.split_once(':') {
            Some((process, command))
                if !process.is_empty() && process.chars().all(allowed) && !command.trim().is_empty() =>
            {
                processes.push(process.to_owned());
            }
            _ => wrong = wrong.or(Some(number)),
        }
    }
    let mut problems: Vec<BundleProblem> = wrong
        .map(|line| BundleProblem::ProcfileLine { line })
        .into_iter()
        .collect();
    if !processes.iter().any(|process| process == "web") {
        problems.push(BundleProblem::NoWebProcess { processes });
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(names: &[&str]) -> Option<BundleProblem> {
        check(&names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn every_platform_is_known_by_its_files() {
        for names in [
            &["Procfile"][..],
            &["app.py", "requirements.txt"],
            &["application.py"],
            &["package.json", "lib/a.js"],
            &["server.js"],
            &["Dockerfile"],
            &["docker-compose.yml"],
            &["shop-1.0.jar"],
            &["shop.war"],
            &["WEB-INF/classes/A.class"],
            &["Shop.csproj"],
            &["Shop.dll"],
            &["Gemfile"],
            &["config.ru"],
            &["composer.json"],
            &["index.php"],
            &["index.html"],
            &["go.mod"],
            &["application.go"],
            &["Buildfile"],
            &["application"],
            &["bin/application"],
            &["app.py"],
            &["shop/wsgi.py", ".ebextensions/python.config"],
            &["public_html/index.php"],
        ] {
            assert_eq!(lookup(names), None, "{names:?}");
        }
    }

    #[test]
    fn what_no_platform_starts_is_refused() {
        let nothing = Some(BundleProblem::NoEntryPoint { lookalike: None });
        for names in [&["README.md"][..], &["lib/a.jar"], &["src/Procfile"]] {
            assert_eq!(lookup(names), nothing, "{names:?}");
        }
        for name in ["procfile", "Procfile.txt", "DOCKERFILE"] {
            let lookalike = Some(name.to_owned());
            let problem = Some(BundleProblem::NoEntryPoint { lookalike });
            assert_eq!(lookup(&[name]), problem);
            assert_eq!(lookup(&["app.py", name]), problem, "it was meant");
        }
    }

    #[test]
    fn a_procfile_needs_a_web_process() {
        assert_eq!(
            check_procfile("# comment\r\n\r\nweb: ./run --port $PORT\r\nworker: ./work\r\n"),
            []
        );
        assert_eq!(
            check_procfile("worker: ./work\n"),
            [BundleProblem::NoWebProcess {
                processes: vec!["worker".to_owned()]
            }]
        );
        assert_eq!(
            check_procfile("./run\nweb:\n"),
            [
                BundleProblem::ProcfileLine { line: 1 },
                BundleProblem::NoWebProcess { processes: Vec::new() }
            ]
        );
        assert_eq!(
            check_procfile("web: ./run\nmy worker: ./work"),
            [BundleProblem::ProcfileLine { line: 2 }]
        );
    }
}
