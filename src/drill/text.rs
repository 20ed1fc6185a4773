//! Drills, for a person.

use std::fmt::Write;

use super::history::History;
use super::record::DrillRecord;
use crate::model::Span;

/// One drill.
#[must_use]
pub fn record(drill: &DrillRecord) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "Drill {} ({}): {}: {}",
        drill.release,
        drill.kind,
        drill.result.as_str(),
        drill.why
    );
    let mut lengths = Vec::new();
    for (length, what) in [
        (drill.detection, "to find the fault"),
        (drill.without_driver, "without a driver"),
        (drill.restoration, "to give the traffic back"),
    ] {
        lengths.extend(length.map(|length| format!("{length} {what}")));
    }
    if !lengths.is_empty() {
        let _ = writeln!(text, "  took     {}", lengths.join(", "));
    }
    let _ = writeln!(
        text,
        "  served   green {} requests of users, {} of them with a server error; blue {}, {}",
        drill.green_requests, drill.green_errors, drill.blue_requests, drill.blue_errors
    );
    text
}

/// A table of drills, and whether the objective is kept.
#[must_use]
pub fn history(history: &History) -> String {
    let mut text = String::new();
    let Some(newest) = history.drills.first() else {
        let _ = writeln!(text, "no drill yet: run `cutover drill`");
        return text;
    };
    // All are of one slot, and a terminal is 80 columns wide.
    let (slot, width) = parts(newest).map_or(("", 1), |(slot, number)| (slot, number.len()));
    let _ = writeln!(text, "drills of {slot}");
    let _ = writeln!(
        text,
        "{:>width$}  {:<16}  {:<9}  {:<9}  {:>9}  {:>11}  {:>11}",
        "#", "began (UTC)", "kind", "result", "detection", "restoration", "green's 5xx"
    );
    for drill in &history.drills {
        let length = |length: Option<Span>| length.map_or_else(|| "-".to_owned(), seconds);
        let began = drill.began_at.to_string();
        let _ = writeln!(
            text,
            "{:>width$}  {:<16}  {:<9}  {:<9}  {:>9}  {:>11}  {:>11}",
            parts(drill).map_or("", |(_, number)| number),
            began.get(..16).unwrap_or_default().replace('T', " "),
            drill.kind.as_str(),
            drill.result.as_str(),
            length(drill.detection),
            length(drill.restoration),
            format!("{} of {}", drill.green_errors, drill.green_requests)
        );
    }
    let objective = history.objective;
    let _ = match history.last_good {
        Some(age) if history.kept() => writeln!(
            text,
            "\nthe last good drill is {} old; at most {objective} is wanted",
            rough(age)
        ),
        Some(age) => writeln!(
            text,
            "\nthe last good drill is {} old, and at most {objective} is wanted: run `cutover drill`",
            rough(age)
        ),
        None => writeln!(
            text,
            "\nno drill here was good, and the last good one must not be older than {objective}: run `cutover drill`"
        ),
    };
    text
}

/// The slot of a drill, and the number of its release.
fn parts(drill: &DrillRecord) -> Option<(&str, &str)> {
    drill.release.rsplit_once('/')
}

fn seconds(length: Span) -> String {
    format!("{:.1} s", length.get().as_secs_f64())
}

/// An age: nobody wants to know its milliseconds.
fn rough(age: Span) -> String {
    let seconds = age.get().as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
