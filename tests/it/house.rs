//! The rules of the house, kept by a look at the tree: which module imports which, who may name the AWS SDK, what the pure
//! modules must not do, and how long a file may be.

use std::fs;
use std::path::{Path, PathBuf};

mod source;

use source::{Source, words};

/// The longest a file of Rust may be, in lines.
const LONGEST: usize = 700;

/// Modules whose answers depend on nothing but what they are given.
const PURE: [&str; 4] = ["release", "verdict", "spec", "model"];

/// Modules in which the same seed must do the same: the simulator plays them.
const REPLAYED: [&str; 6] = ["sim", "lambda", "drill", "compose", "driver", "journal"];

/// The one place where the time of day is read.
const CLOCK: &str = "src/model/clock.rs";

/// Paths of single machines. In pieces, so that this file does not hold them itself.
const MACHINE_PATHS: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

#[test]
fn the_house_is_in_order() {
    let tree = tree();
    let findings = check(&tree);
    assert!(
        findings.is_empty(),
        "{} against the rules of the house:\n\n{}\n",
        findings.len(),
        findings.join("\n\n")
    );
    assert!(tree.len() > 100, "the look at the tree found only {} files", tree.len());
}

/// All rules, on all files.
fn check(tree: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    let Some(order) = tree.iter().find(|source| source.path == "src/lib.rs").map(order) else {
        return vec!["src/lib.rs is not there, and it holds the list of the modules".to_owned()];
    };
    let tests: Vec<String> = tree
        .iter()
        .flat_map(|source| {
            let folder = source.folder();
            source.test_modules.iter().map(move |name| format!("{folder}/{name}"))
        })
        .collect();
    let is_test = |path: &str| {
        let module = path.strip_suffix(".rs").unwrap_or(path);
        tests
            .iter()
            .any(|test| module == test || path.starts_with(&format!("{test}/")))
    };
    for source in tree {
        if !source.path.ends_with(".rs") {
            machine_paths(source, &mut findings);
            continue;
        }
        if let Some(module) = source.module()
            && !is_test(&source.path)
        {
            imports(source, module, &order, &mut findings);
            sdk(source, module, &mut findings);
            pure(source, module, &mut findings);
            replayed(source, module, &mut findings);
        }
        unfinished(source, &mut findings);
        length(source, &mut findings);
        machine_paths(source, &mut findings);
    }
    declared(tree, &mut findings);
    listed(tree, &order, &mut findings);
    findings
}

fn finding(source: &Source, at: usize, rule: impl std::fmt::Display) -> String {
    let line = source.line(at);
    let text = source.text.lines().nth(line - 1).unwrap_or_default().trim();
    format!("{}:{line}: {rule}\n    {text}", source.path)
}

/// The modules in the order of the list in the docs of `src/lib.rs`, top first.
fn order(library: &Source) -> Vec<String> {
    library
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("//! - `")?.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn imports(source: &Source, module: &str, order: &[String], findings: &mut Vec<String>) {
    let place = |name: &str| order.iter().position(|listed| listed == name);
    let Some(own) = place(module) else { return };
    for (at, named) in source.modules_named() {
        if place(&named).is_some_and(|other| other < own) {
            findings.push(finding(
                source,
                at,
                format_args!(
                    "`{module}` imports `{named}`, which stands above it in the list of src/lib.rs. Data flows down that list: let `{named}` \
                     hand over what `{module}` needs, or put what both share into a module below them"
                ),
            ));
        }
    }
}

fn sdk(source: &Source, module: &str, findings: &mut Vec<String>) {
    if module == "aws" {
        return;
    }
    for word in ["aws_sdk_", "aws_config", "aws_smithy_", "aws_types"] {
        for at in words(&source.product, word) {
            findings.push(finding(
                source,
                at,
                format_args!(
                    "only `aws` names the AWS SDK, because there every call has its safety class: add an operation to src/aws and call that"
                ),
            ));
        }
    }
}

fn pure(source: &Source, module: &str, findings: &mut Vec<String>) {
    if !PURE.contains(&module) {
        return;
    }
    for word in [
        "async",
        "tokio",
        "SystemTime",
        "Instant::now",
        "std::fs",
        "std::net::Tcp",
    ] {
        let allowed = match word {
            "SystemTime" => source.path == CLOCK,
            // A `cutover.toml` is read from where it lies.
            "std::fs" => source.path == "src/spec/read.rs",
            _ => false,
        };
        if allowed {
            continue;
        }
        for at in words(&source.product, word) {
            findings.push(finding(
                source,
                at,
                format_args!(
                    "`{module}` is pure and must not hold `{word}`: no input or output, no clock, no waiting. Take what is needed as a value, as \
                     `Observation` and `Timestamp` are"
                ),
            ));
        }
    }
}

fn unfinished(source: &Source, findings: &mut Vec<String>) {
    for (word, instead) in [
        ("todo!", "do it, or leave it out and say so in the docs"),
        ("unimplemented!", "do it, or leave it out and say so in the docs"),
        (
            "#[ignore",
            "a test that does not run proves nothing: make it fast enough, or remove it",
        ),
    ] {
        for (at, _) in source.code.match_indices(word) {
            findings.push(finding(
                source,
                at,
                format_args!("`{word}` is unfinished work: {instead}"),
            ));
        }
    }
}

/// Of branches that are ready at once, `select!` takes one by a chance of its own, which no seed rules.
fn replayed(source: &Source, module: &str, findings: &mut Vec<String>) {
    if !REPLAYED.contains(&module) {
        return;
    }
    for at in words(&source.product, "select!") {
        let begin = source.product[at..]
            .split_once('{')
            .map_or("", |(_, begin)| begin.trim_start());
        if !begin.starts_with("biased;") {
            findings.push(finding(
                source,
                at,
                format_args!(
                    "`{module}` is played by the simulator, where the same seed must do the same: begin this with `biased;`, and with the \
                     branch that goes first"
                ),
            ));
        }
    }
}

fn length(source: &Source, findings: &mut Vec<String>) {
    let lines = source.text.lines().count();
    if lines > LONGEST {
        findings.push(format!(
            "{}:{LONGEST}: it has {lines} lines, and a file has {LONGEST} at most: give a part of it a file and a name of its own",
            source.path
        ));
    }
}

fn machine_paths(source: &Source, findings: &mut Vec<String>) {
    for path in MACHINE_PATHS {
        for (number, line) in source.text.lines().enumerate() {
            // `a/root/b` begins somewhere else.
            let absolute = line.match_indices(path).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '.' | '-' | '_' | '}'))
            });
            if absolute {
                findings.push(format!(
                    "{}:{}: `{path}` is a path of one machine, and others do not have it: use a temporary folder or a relative path\n    {}",
                    source.path,
                    number + 1,
                    line.trim()
                ));
            }
        }
    }
}

/// A file of tests that nobody declares is never compiled.
fn declared(tree: &[Source], findings: &mut Vec<String>) {
    let Some(main) = tree.iter().find(|source| source.path == "tests/it/main.rs") else {
        return;
    };
    for source in tree {
        let Some(name) = source
            .path
            .strip_prefix("tests/it/")
            .and_then(|rest| rest.strip_suffix(".rs"))
        else {
            continue;
        };
        let name = name.strip_suffix("/mod").unwrap_or(name);
        if name.contains('/') || name == "main" {
            continue;
        }
        if !main.code.contains(&format!("mod {name};")) {
            findings.push(format!(
                "{}:1: tests/it/main.rs does not declare it, so its tests never run: add `mod {name};` there",
                source.path
            ));
        }
    }
}

/// List and tree hold the same modules.
fn listed(tree: &[Source], order: &[String], findings: &mut Vec<String>) {
    let mut modules: Vec<&str> = tree.iter().filter_map(Source::module).collect();
    modules.sort_unstable();
    modules.dedup();
    for module in &modules {
        if !order.iter().any(|listed| listed == module) {
            findings.push(format!(
                "src/lib.rs:1: the module `{module}` is not in its list: put it above all that it imports and below all that import it"
            ));
        }
    }
    for listed in order {
        if !modules.contains(&listed.as_str()) {
            findings.push(format!(
                "src/lib.rs:1: its list names `{listed}`, and there is no such module"
            ));
        }
    }
}

/// Every text file that belongs to the project.
fn tree() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    walk(root, &mut files);
    files.sort();
    files
        .into_iter()
        .filter_map(|file| {
            let text = fs::read_to_string(&file).ok()?;
            let path = file.strip_prefix(root).ok()?.to_string_lossy().replace('\\', "/");
            Some(Source::new(path, text))
        })
        .collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let listing = fs::read_dir(folder).expect("the project's folders can be listed");
    for item in listing.flatten() {
        let (path, name) = (item.path(), item.file_name());
        let name = name.to_string_lossy();
        // What git, cargo and other tools keep here is not ours.
        let foreign = name.starts_with('.') && name != ".github"
            || matches!(&*name, "target" | "node_modules" | "mutants.out" | "Cargo.lock");
        if foreign {
            continue;
        }
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}

mod the_rules {
    use super::*;

    /// A small tree that is in order, with one file more.
    fn findings(path: &str, text: &str) -> Vec<String> {
        let library = "//! - `cli`: a\n//! - `driver`: b\n//! - `aws`: c\n//! - `release`: d\n//! - `model`: e\n";
        let tree = vec![
            Source::new("src/lib.rs", library),
            Source::new("src/cli/mod.rs", "use crate::driver::Driver;\n"),
            Source::new("src/driver/mod.rs", "#[cfg(test)]\nmod tests;\n"),
            Source::new("src/aws/mod.rs", "use aws_sdk_s3::Client;\n"),
            Source::new("src/release/mod.rs", ""),
            Source::new("src/model/mod.rs", ""),
            Source::new("tests/it/main.rs", "mod house;\n"),
            Source::new("tests/it/house.rs", ""),
            Source::new(path, text),
        ];
        check(&tree)
    }

    #[track_caller]
    fn found(path: &str, text: &str, line: usize, words: &[&str]) {
        let findings = findings(path, text);
        assert_eq!(findings.len(), 1, "{path}: {text}: {findings:?}");
        assert!(findings[0].starts_with(&format!("{path}:{line}: ")), "{findings:?}");
        for word in words {
            assert!(findings[0].contains(word), "{word}: {findings:?}");
        }
    }

    #[track_caller]
    fn clean(path: &str, text: &str) {
        assert_eq!(findings(path, text), Vec::<String>::new(), "{path}: {text}");
    }

    #[test]
    fn an_import_goes_down() {
        clean("src/cli/a.rs", "use crate::{driver::Driver, model};\nuse super::b;\n");
        clean("src/driver/a.rs", "use crate::driver::b;\nuse crate::release::Plan;\n");
        for import in [
            "use crate::cli::x;",
            "use crate::{model::Id, cli::{self, x}};",
            "use super::super::cli;",
            "fn f() -> crate::cli::X { crate::model::y() }",
            "pub(super) use crate::cli;",
        ] {
            found(
                "src/driver/a.rs",
                &format!("\n// crate::cli\n{import}\n"),
                3,
                &["`driver` imports `cli`", "src/lib.rs", "hand over"],
            );
        }
        found("src/driver/mod.rs", "use super::cli;", 1, &["`driver` imports `cli`"]);
    }

    #[test]
    fn only_code_of_the_product_counts() {
        clean(
            "src/driver/a.rs",
            "//! crate::cli\n/* crate::cli /* crate::cli */ crate::cli */\nconst A: &str = \"crate::cli \\\" crate::cli\";\n\
             const B: &str = r#\"crate::cli \" crate::cli\"#;\nconst C: char = '\"';\nfn f<'a>(x: &'a str) {}\nconst D: char = '\\'';\n",
        );
        clean(
            "src/driver/a.rs",
            "#[cfg(test)]\n#[allow(x)]\nmod tests {\n    use crate::cli::x;\n    fn f() { if a { b } }\n}\n",
        );
        clean("src/driver/tests.rs", "use crate::cli::x;\n");
        clean("src/driver/tests/more.rs", "use crate::cli::x;\n");
        found(
            "src/driver/a.rs",
            "#[cfg(test)]\nmod tests {\n}\nuse crate::cli;\n",
            4,
            &["imports `cli`"],
        );
        found(
            "src/driver/a.rs",
            "const A: char = '\"'; use crate::cli;\n",
            1,
            &["imports `cli`"],
        );
        found(
            "src/driver/a.rs",
            "fn f<'a>() { crate::cli::x('b') }\n",
            1,
            &["imports `cli`"],
        );
    }

    #[test]
    fn only_aws_names_the_sdk() {
        clean("src/aws/a.rs", "use aws_sdk_s3::Client;\n");
        clean("src/driver/a.rs", "use crate::aws::Aws; // not aws_sdk_s3\n");
        found(
            "src/driver/a.rs",
            "use aws_sdk_s3::Client;\n",
            1,
            &["only `aws`", "safety class"],
        );
        found("src/cli/a.rs", "\nfn f() { aws_config::load() }\n", 2, &["only `aws`"]);
    }

    #[test]
    fn the_core_is_pure() {
        clean("src/driver/a.rs", "async fn f() { tokio::time::sleep(x).await }\n");
        clean(CLOCK, "std::time::SystemTime::now()\n");
        for code in [
            "async fn f() {}",
            "use tokio::time;",
            "use std::time::SystemTime;",
            "let now = Instant::now();",
            "std::fs::read(x)",
        ] {
            found(
                "src/release/a.rs",
                code,
                1,
                &["`release` is pure", "Take what is needed"],
            );
        }
    }

    #[test]
    fn chance_has_a_seed() {
        clean("src/cli/a.rs", "select! {\n a = b => c,\n}\n");
        clean("src/driver/a.rs", "select! {\n // Why.\n biased;\n a = b => c,\n}\n");
        found(
            "src/driver/a.rs",
            "fn f() {\n    tokio::select! {\n a = biased => c,\n}\n}\n",
            2,
            &["`driver` is played", "`biased;`"],
        );
    }

    #[test]
    fn nothing_is_left_unfinished() {
        found("src/cli/a.rs", "fn f() {\n    todo!()\n}\n", 2, &["unfinished"]);
        found(
            "tests/it/house.rs",
            "#[test]\n#[ignore = \"slow\"]\nfn f() {}\n",
            2,
            &["does not run"],
        );
        clean("src/cli/a.rs", "// todo!()\nconst TEXT: &str = \"unimplemented!\";\n");
    }

    #[test]
    fn files_are_short() {
        clean("src/cli/a.rs", &"\n".repeat(LONGEST));
        found("src/cli/a.rs", &"\n".repeat(LONGEST + 1), LONGEST, &["701 lines"]);
    }

    #[test]
    fn no_file_knows_a_machine() {
        let text = format!("see {}shared/design.md\n", MACHINE_PATHS[0]);
        found("docs/a.md", &text, 1, &["a path of one machine"]);
        found("src/cli/a.rs", &format!("\n// {text}"), 2, &["a path of one machine"]);
        clean("docs/a.md", &format!("a{0} and ..{0}\n", MACHINE_PATHS[1]));
    }

    #[test]
    fn tests_run_and_modules_are_listed() {
        found("tests/it/crash.rs", "", 1, &["never run", "mod crash;"]);
        clean("tests/it/support/proxy.rs", "");
        let listed = findings("src/lambda/mod.rs", "");
        assert_eq!(listed.len(), 1, "{listed:?}");
        assert!(listed[0].contains("`lambda` is not in its list"), "{listed:?}");
    }
}
