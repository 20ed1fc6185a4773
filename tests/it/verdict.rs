//! `cutover verdict` from a user's chair: the real binary reads a trace from a pipe or a file.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const HEADER: &str = r#"{"window_s":10,"shift_at":300,"schedule":[[300,0.05],[600,0.5]]}"#;

fn cutover() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
    command.arg("verdict");
    command
}

fn window(t: u32, green: (u32, u32)) -> String {
    format!(
        r#"{{"t":{t},"blue":{{"requests":4750,"errors":5}},"green":{{"requests":{},"errors":{}}}}}"#,
        green.0, green.1
    )
}

fn trace(lines: &[String]) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("trace.jsonl");
    std::fs::write(&path, lines.join("\n")).expect("a trace is written");
    (folder, path)
}

fn answers(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| serde_json::from_str(line).expect("an answer is JSON"))
        .collect()
}

#[test]
fn each_window_is_answered_before_the_next_one_is_written() {
    let mut child = cutover()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    writeln!(input, "{HEADER}").expect("the header is taken");
    for (t, green, verdict) in [
        (300, (0, 0), "continue"),
        (310, (250, 0), "continue"),
        (320, (250, 250), "rollback"),
        (330, (250, 0), "rollback"),
    ] {
        writeln!(input, "{}", window(t, green)).expect("a window is taken");
        let mut line = String::new();
        output.read_line(&mut line).expect("an answer comes");
        let answer: Value = serde_json::from_str(&line).expect("an answer is JSON");
        assert_eq!(
            (&answer["t"], &answer["verdict"]),
            (&t.into(), &verdict.into()),
            "{line}"
        );
        assert_eq!(answer.as_object().map(serde_json::Map::len), Some(3), "{line}");
    }
    drop(input);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_bad_line_ends_it_with_the_code_for_usage() {
    let lines = [
        HEADER.to_owned(),
        window(10, (0, 0)),
        "{\"t\":".to_owned(),
        window(30, (0, 0)),
    ];
    let (_folder, path) = trace(&lines);
    let output = cutover().arg("--trace").arg(&path).output().expect("the program runs");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(answers(&output).len(), 1);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.starts_with("cutover: line 3 of the trace: it is no JSON"),
        "{told}"
    );
    let missing = cutover()
        .args(["--trace", "nowhere.jsonl"])
        .output()
        .expect("the program runs");
    assert_eq!(missing.status.code(), Some(2));
    let told = String::from_utf8_lossy(&missing.stderr);
    assert!(
        told.starts_with("cutover: cannot open the trace nowhere.jsonl: "),
        "{told}"
    );
}

#[test]
fn a_policy_stands_above_the_header() {
    let mut lines = vec![HEADER.to_owned()];
    lines.extend((1..=60).map(|at| window(at * 10, if at > 30 { (250, 5) } else { (0, 0) })));
    let (folder, path) = trace(&lines);
    let policy = folder.path().join("cutover.toml");
    let toml = "application = \"shop\"\ncname = \"shop\"\n[verdict]\nerrors = { ratio = 3, absolute = \"5%\" }\n";
    std::fs::write(&policy, toml).expect("settings are written");
    let rolled_back = |policy: Option<&std::path::Path>| {
        let mut command = cutover();
        command.arg("--evidence").arg("--trace").arg(&path);
        if let Some(policy) = policy {
            command.arg("--policy").arg(policy);
        }
        let output = command.output().expect("the program runs");
        assert_eq!(output.status.code(), Some(0));
        let answers = answers(&output);
        assert_eq!(answers.len(), 60);
        assert!(answers[59]["evidence"]["e_value"].is_f64(), "{}", answers[59]);
        answers.iter().filter(|answer| answer["verdict"] == "rollback").count()
    };
    assert!(rolled_back(None) > 20);
    assert_eq!(rolled_back(Some(&policy)), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn answers_that_are_lost_on_a_full_disk_are_no_success() {
    let (_folder, path) = trace(&[HEADER.to_owned(), window(300, (250, 0))]);
    let path = path.to_str().expect("a path that is text");
    for arguments in [&["verdict", "--trace", path][..], &["schema"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        let output = Command::new(env!("CARGO_BIN_EXE_cutover"))
            .args(arguments)
            .stdout(full.expect("a full disk"))
            .output()
            .expect("the program runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("some of it is missing"), "{arguments:?}: {said}");
    }
}
