//! `cutover sim`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{exit, output};
use crate::sim::{Many, Mistake, Played, Scenario, Sweep, Tally, catch, many, minimise, simulate, sweep};

/// A violation is shown whole; more of them rarely say more.
const ENOUGH: usize = 5;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How many worlds.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Seed of the first world. Default: by chance; it is printed.
    #[arg(long, value_name = "S")]
    start: Option<u64>,
    /// One world only.
    #[arg(long, value_name = "S", group = "told", conflicts_with_all = ["seeds", "start", "crash_points"])]
    seed: Option<u64>,
    /// Print everything that happens in that world, or in those of `--worlds`.
    #[arg(long, requires = "told")]
    trace: bool,
    /// Instead of random worlds: one release of each outcome, with a crash before and after every call and entry, and so many
    /// random pairs of crashes for each.
    #[arg(long, value_name = "PAIRS", num_args = 0..=1, default_missing_value = "200", conflicts_with_all = ["seeds", "start"])]
    crash_points: Option<usize>,
    /// Instead: the worlds of a file, one in each line as `cutover sim` prints it when it has found one.
    #[arg(long, value_name = "FILE", group = "told", conflicts_with_all = ["seeds", "start", "seed", "crash_points", "mistakes"])]
    worlds: Option<PathBuf>,
    /// Every release is made by a pipeline, which invokes the function. Otherwise one in sixteen is.
    #[arg(long, conflicts_with_all = ["crash_points", "worlds", "mistakes"])]
    pipelines: bool,
    /// Threads. Default: one for each core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Instead: make each known mistake of release tools in turn, and see in how many worlds it is found. Exit code 1 if one is
    /// not found within `--seeds`.
    #[arg(long, conflicts_with_all = ["seed", "crash_points", "mistake"])]
    mistakes: bool,
    /// Make a known mistake, to see that it is found.
    #[arg(long, value_name = "NAME", hide = true)]
    mistake: Option<Mistake>,
    /// Print the result as one line of JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    fn scenario(&self, seed: u64) -> Scenario {
        if self.pipelines {
            Scenario::with_pipeline(seed)
        } else {
            Scenario::of(seed)
        }
    }

    /// Shows the smallest world of that kind, and how the whole one is seen.
    fn explain(&self, seed: u64) {
        let Some((smallest, played)) = minimise(&self.scenario(seed), self.mistake) else {
            return;
        };
        output::print(format_args!(
            "\nseed {seed}, as small as it can be with the same rule broken:"
        ));
        tell(&smallest, &played);
        output::print(format_args!(
            "to keep for `cutover sim --worlds FILE`: {}",
            serde_json::to_string(&smallest).unwrap_or_default()
        ));
        let by_mistake = self
            .mistake
            .map_or_else(String::new, |mistake| format!(" --mistake {}", mistake.name()));
        let by_pipeline = if self.pipelines { " --pipelines" } else { "" };
        output::print(format_args!(
            "whole: cutover sim --seed {seed} --trace{by_pipeline}{by_mistake}"
        ));
    }
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let threads = arguments
        .threads
        .map(usize::from)
        .or_else(|| std::thread::available_parallelism().ok().map(Into::into))
        .unwrap_or(1);
    if let Some(seed) = arguments.seed {
        return one(arguments, seed);
    }
    if let Some(file) = &arguments.worlds {
        return kept(arguments, file);
    }
    if let Some(pairs) = arguments.crash_points {
        return crash_points(arguments, pairs, threads);
    }
    let start = arguments.start.unwrap_or_else(|| u64::from(fastrand::u32(..)));
    if arguments.mistakes {
        return mistakes(arguments, start, threads);
    }
    let bar = bar(arguments.seeds, arguments.json);
    let began = Instant::now();
    let what = Many {
        start,
        seeds: arguments.seeds,
        threads,
        pipelines: arguments.pipelines,
        mistake: arguments.mistake,
        enough: ENOUGH,
    };
    let tally = many(what, &|worlds, violations| advance(&bar, worlds, violations));
    bar.finish_and_clear();
    let seconds = began.elapsed().as_secs_f64();
    if arguments.json {
        let rate = tally.worlds as f64 / seconds.max(1e-9);
        output::print(serde_json::json!({ "start": start, "seeds_per_second": rate, "tally": tally }));
    } else {
        output::print(format_args!(
            "seeds {start} to {}",
            start.wrapping_add(tally.worlds).wrapping_sub(1)
        ));
        output::print(table(&tally, seconds));
    }
    let code = verdict(&tally);
    if !arguments.json {
        for played in &tally.violations {
            output::print(ended(played));
        }
    }
    if let Some(first) = tally.violations.first()
        && !arguments.json
    {
        arguments.explain(first.seed);
    }
    code
}

fn one(arguments: &Arguments, seed: u64) -> ExitCode {
    let scenario = arguments.scenario(seed);
    let played = simulate(&scenario, arguments.mistake, arguments.trace);
    if arguments.json {
        output::print(serde_json::json!({ "scenario": scenario, "played": played }));
    } else {
        tell(&scenario, &played);
    }
    if played.violation.is_none() {
        return ExitCode::SUCCESS;
    }
    if !arguments.json && !arguments.trace {
        arguments.explain(seed);
    }
    ExitCode::from(exit::FAILED)
}

/// Plays worlds that were kept, and tells the story of those that end badly.
fn kept(arguments: &Arguments, file: &Path) -> ExitCode {
    let worlds = match read(file) {
        Ok(worlds) => worlds,
        Err(message) => return output::fail(exit::USAGE, message),
    };
    let began = Instant::now();
    let mut tally = Tally::default();
    for world in &worlds {
        let played = simulate(world, arguments.mistake, true);
        if (arguments.trace || played.violation.is_some()) && !arguments.json {
            tell(world, &played);
        }
        tally.add(played);
    }
    if arguments.json {
        output::print(serde_json::json!({ "tally": tally }));
    } else {
        output::print(table(&tally, began.elapsed().as_secs_f64()));
    }
    verdict(&tally)
}

fn read(file: &Path) -> Result<Vec<Scenario>, String> {
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("cannot read worlds from {name}: {error}; give a file with one world in each line"))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|error| {
                format!(
                    "line {} of {name} is no world: {error}; take lines as `cutover sim` prints them",
                    index + 1
                )
            })
        })
        .collect()
}

fn crash_points(arguments: &Arguments, pairs: usize, threads: usize) -> ExitCode {
    let bar = bar(0, arguments.json);
    let began = Instant::now();
    let Sweep {
        releases,
        single,
        pairs,
        tally,
    } = sweep(pairs, threads, &|done, all| {
        bar.set_length(all as u64);
        advance(&bar, done as u64, 0);
    });
    bar.finish_and_clear();
    if arguments.json {
        output::print(serde_json::json!({ "releases": releases, "single": single, "pairs": pairs, "tally": tally }));
    } else {
        output::print(format_args!(
            "{single} crash points and {pairs} pairs of them, in releases that are {}",
            releases.join(", ")
        ));
        output::print(table(&tally, began.elapsed().as_secs_f64()));
        for played in tally.violations.iter().take(ENOUGH) {
            output::print(format_args!("{}\n  {}", ended(played), played.chronicle.join("\n  ")));
        }
    }
    verdict(&tally)
}

/// Each line as soon as it is known: the whole takes minutes.
fn mistakes(arguments: &Arguments, start: u64, threads: usize) -> ExitCode {
    let mut all = Vec::new();
    if !arguments.json {
        output::print(format_args!(
            "seeds from {start} on, {} at most for each",
            arguments.seeds
        ));
        output::print(format_args!("{:<25} {:<27} worlds", "mistake", "found by"));
    }
    for mistake in Mistake::ALL {
        let caught = catch(*mistake, start, arguments.seeds, threads);
        if !arguments.json {
            let worlds = match caught.found {
                Some((seed, _)) => format!("{:>6}  (seed {seed})", caught.worlds),
                None => format!("not found in {}", caught.worlds),
            };
            output::print(format_args!("{:<25} {:<27} {worlds}", caught.mistake, caught.rule));
        }
        all.push(caught);
    }
    let missed = all.iter().filter(|caught| caught.found.is_none()).count();
    if arguments.json {
        output::print(serde_json::json!({ "start": start, "mistakes": all }));
    } else {
        output::print(format_args!("{} of {} found", all.len() - missed, all.len()));
    }
    if missed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(exit::FAILED)
    }
}

fn bar(length: u64, json: bool) -> ProgressBar {
    if json {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} worlds, {per_sec}, {eta} left {msg}");
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn advance(bar: &ProgressBar, worlds: u64, violations: usize) {
    bar.set_position(worlds);
    if violations > 0 {
        bar.set_message(format!("({violations} with a violation)"));
    }
}

/// So that few worlds have had more than no time.
fn virtual_time(seconds: u64) -> String {
    match seconds {
        0..172_800 => format!("{:.0} hours", seconds as f64 / 3600.0),
        _ => format!("{:.0} days", seconds as f64 / 86_400.0),
    }
}

fn table(tally: &Tally, seconds: f64) -> String {
    let mut text = String::new();
    let outcomes: Vec<String> = tally
        .outcomes
        .iter()
        .map(|(outcome, count)| format!("{count} {}", outcome.replace('_', " ")))
        .collect();
    let _ = writeln!(
        text,
        "{} worlds in {seconds:.1} s: {:.0} a second, {} of virtual time",
        tally.worlds,
        tally.worlds as f64 / seconds.max(1e-9),
        virtual_time(tally.virtual_seconds)
    );
    let _ = writeln!(text, "  ended:    {}", outcomes.join(", "));
    let _ = writeln!(
        text,
        "  met:      {} calls, {} entries, {} faults, {} drivers killed",
        tally.calls, tally.entries, tally.faults, tally.crashes
    );
    let _ = writeln!(text, "  violated: {}", tally.violations.len());
    // Two runs of the same worlds by the same program must show the same one.
    let _ = write!(text, "  in short: {}", tally.fingerprint);
    text
}

fn verdict(tally: &Tally) -> ExitCode {
    if tally.violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(exit::FAILED)
    }
}

fn tell(world: &Scenario, played: &Played) {
    output::print(described(world));
    for line in &played.chronicle {
        output::print(line);
    }
    output::print(ended(played));
}

fn described(scenario: &Scenario) -> String {
    let mut text = format!(
        "seed {}: the new version is {:?}; {:?}; journal {:?}; driver {:?}; clocks off by {:?} ms; users {}/s",
        scenario.seed,
        scenario.quality,
        scenario.terms,
        scenario.store,
        scenario.manner,
        scenario.skews,
        scenario.users
    );
    for trouble in &scenario.troubles {
        let _ = write!(text, "\n  {trouble:?}");
    }
    text
}

fn ended(played: &Played) -> String {
    let outcome = played.outcome.map_or("without an end", |outcome| outcome.as_str());
    let what = format!(
        "seed {}: {outcome} after {} s, {} calls, {} entries, {} faults, {} of {} drivers killed",
        played.seed,
        played.length.as_secs(),
        played.calls,
        played.entries,
        played.faults,
        played.crashes,
        played.drivers
    );
    match &played.violation {
        Some(violation) => format!("{what}\nVIOLATED: {violation}"),
        None => what,
    }
}
