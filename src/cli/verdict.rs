//! `cutover verdict`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::{exit, output};
use crate::compose;
use crate::report::out;
use crate::spec::Spec;
use crate::verdict::trace::{Answer, Session};
use crate::verdict::{Evidence, Policy};

/// A line longer than that is no window, in bytes.
const LONGEST: u64 = 1 << 20;

/// What a trace looks like.
const HELP: &str = "\
The first line of a trace is a header; all keys may be left out:
  {\"window_s\":10,\"tolerance\":{\"error_ratio\":1.1,\"error_abs\":1e-4,\"latency_ratio\":1.05},
   \"promote\":{\"error_ratio\":1.5,\"error_abs\":1e-3,\"latency_ratio\":1.15,\"min_bake_s\":900},
   \"shift_at\":300,\"schedule\":[[300,0.05],[600,0.25]]}
Then a line for each window, which is answered at once:
  {\"t\":310,\"blue\":{\"requests\":4750,\"errors\":5,\"latency_ms\":{\"p50\":80,\"p90\":196,\"p99\":408}},\"green\":{…}}
  {\"t\":310,\"verdict\":\"continue\",\"reason\":\"nothing speaks against green; …\"}
The verdict is `continue`, `rollback` or `promote`. The first rollback or promote decides, and is repeated for later windows.
`client_errors`, `probes`, `instances` and samples instead of percentiles may be given too: see docs/verdict.md.

The exit code is 0 whatever the verdict is, and 2 when a line of the trace cannot be used.";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct Arguments {
    /// Where the trace is; `-` is the standard input.
    #[arg(long, value_name = "FILE|-", default_value = "-")]
    trace: PathBuf,
    /// Judge by `[verdict]` of this file, whatever the trace's header says of tolerances and promotion.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Add the numbers that each answer rests on.
    #[arg(long)]
    evidence: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let policy = match &arguments.policy {
        Some(path) => match Spec::read(path) {
            Ok(spec) => Some(compose::policy(&spec.verdict)),
            Err(error) => return output::bad_spec(&error),
        },
        None => None,
    };
    let read = if arguments.trace == Path::new("-") {
        judge(std::io::stdin().lock(), policy, arguments.evidence)
    } else {
        match File::open(&arguments.trace).and_then(no_folder) {
            Ok(file) => judge(BufReader::new(file), policy, arguments.evidence),
            Err(error) => Err(format!(
                "cannot open the trace {}: {error}; give a file of JSON lines, or `-` for the standard input",
                arguments.trace.display()
            )),
        }
    };
    match read {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => output::fail(exit::USAGE, message),
    }
}

/// A folder can be opened, but not read.
fn no_folder(file: File) -> io::Result<File> {
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(file)
}

#[derive(Serialize)]
struct WithEvidence<'a> {
    #[serde(flatten)]
    answer: &'a Answer,
    evidence: Option<&'a Evidence>,
}

/// The next line of a trace, which is the one of that number; none at its end.
fn next<'a>(trace: &mut impl BufRead, line: &'a mut Vec<u8>, number: u64) -> Result<Option<&'a str>, String> {
    line.clear();
    let length = trace
        .take(LONGEST + 1)
        .read_until(b'\n', line)
        .map_err(|error| format!("line {number} of the trace cannot be read: {error}; give a file of JSON lines"))?;
    if length as u64 > LONGEST {
        return Err(format!(
            "line {number} of the trace is longer than {LONGEST} bytes, which no window is; write each window on a line of its own"
        ));
    }
    let text = std::str::from_utf8(line)
        .map_err(|error| format!("line {number} of the trace is no text: {error}; write it as UTF-8"))?;
    Ok((length > 0).then_some(text))
}

/// Answers line by line, each before the next one is read.
fn judge(mut trace: impl BufRead, policy: Option<Policy>, with_evidence: bool) -> Result<(), String> {
    let mut session = Session::new(policy);
    let mut answers = std::io::stdout().lock();
    let mut buffer = Vec::new();
    for number in 1_u64.. {
        let Some(line) = next(&mut trace, &mut buffer, number)? else {
            break;
        };
        let answer = session.line(line).map_err(|error| error.to_string())?;
        if let Some(note) = session.take_note() {
            output::tell(format_args!("cutover: {note}"));
        }
        let Some(answer) = answer else {
            continue;
        };
        let mut told = if with_evidence {
            let whole = WithEvidence {
                answer: &answer,
                evidence: answer.evidence.as_ref(),
            };
            serde_json::to_string(&whole)
        } else {
            serde_json::to_string(&answer)
        }
        .map_err(|error| format!("an answer cannot be written: {error}"))?;
        told.push('\n');
        // A reader that has gone away wants no more answers, and one that waits for what was lost gets none.
        if let Err(error) = answers.write_all(told.as_bytes()).and_then(|()| answers.flush()) {
            out::failed(&error);
            return Ok(());
        }
    }
    if session.has_begun() {
        Ok(())
    } else {
        Err("the trace is empty; its first line is a header, and `cutover verdict --help` shows one".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let opened = File::open(folder.path()).and_then(no_folder);
        assert_eq!(opened.unwrap_err().kind(), io::ErrorKind::IsADirectory);
    }

    #[test]
    fn a_line_that_is_too_long_is_told_from_one_that_is_broken() {
        let read = |bytes: &[u8]| {
            let (mut trace, mut line) = (bytes, Vec::new());
            let told = next(&mut trace, &mut line, 3);
            told.map(|text| text.map(str::to_owned))
        };
        assert_eq!(read(b"{}\n{}\n"), Ok(Some("{}\n".to_owned())));
        assert_eq!(read(b""), Ok(None));
        let longest = usize::try_from(LONGEST).unwrap();
        assert!(read(" ".repeat(longest).as_bytes()).is_ok());
        // In the middle of a letter, too.
        let error = read("é".repeat(longest).as_bytes()).unwrap_err();
        assert!(
            error.starts_with("line 3 of the trace is longer than 1048576 bytes"),
            "{error}"
        );
        let error = read(b"\xff\xfe{").unwrap_err();
        assert!(error.starts_with("line 3 of the trace is no text"), "{error}");
    }
}
