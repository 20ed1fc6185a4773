//! How fast and how honest the verdict is, beside other tools' rules and beside what is possible at all.
//!
//! `cargo bench --bench verdict` prints the tables that `docs/verdict.md` shows; `-- --help` says what can be chosen. Traces are made as
//! `docs/verdict.md` describes; other seeds make other traces, and no seed was used to choose the engine's constants that is used
//! by default.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark is a program of its own, whose output are its tables"
)]

mod arguments;
mod further;
mod generator;
mod kayenta;
mod oracle;
mod peers;
mod plot;
mod random;
mod rules;
mod scenario;
mod speed;
mod tables;

use arguments::Arguments;
use cutover::verdict::Policy;
use scenario::Scenario;
use tables::{Options, Row};

fn main() {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("{message}");
            std::process::exit(2);
        }
    };
    if arguments.help {
        print!("{}", arguments::HELP);
        return;
    }
    let policy = rules::policy();
    let rate = speed::windows_per_second(&Policy::default());
    println!("{:.2} million windows a second on one core\n", rate / 1e6);
    let options = &arguments.options;
    println!(
        "{} traces of each release, seeds {} and on; {} of them for the peers' rules\n",
        options.seeds, options.start, options.peer_seeds
    );
    let wanted = |scenario: &Scenario| {
        arguments
            .only
            .as_ref()
            .is_none_or(|only| scenario.name.contains(only.as_str()))
    };
    let groups = [
        (scenario::good(), scenario::bad(), true),
        (further::good(), further::bad(), false),
    ];
    let mut plotted: Vec<Row> = Vec::new();
    for (good, bad, with_peers) in groups {
        if !with_peers && !arguments.more {
            continue;
        }
        let options = Options {
            peer_seeds: if with_peers { options.peer_seeds } else { 0 },
            ..options.clone()
        };
        let with_peers = with_peers && options.peer_seeds > 0;
        let mut is_first = true;
        for scenario in good.iter().filter(|scenario| wanted(scenario)) {
            let row = tables::play(scenario, &policy, &options);
            if std::mem::take(&mut is_first) {
                println!("{}", tables::good_head(with_peers));
            }
            println!("{}", tables::good_row(&row, with_peers));
        }
        let mut rows = Vec::new();
        for scenario in bad.iter().filter(|scenario| wanted(scenario)) {
            let row = tables::play(scenario, &policy, &options);
            if rows.is_empty() {
                println!("\n{}", tables::bad_head(with_peers));
            }
            println!("{}", tables::bad_row(&row, with_peers));
            rows.push(row);
        }
        if !rows.is_empty() {
            println!("\n{}", tables::harm_head(with_peers));
        }
        for row in &rows {
            println!("{}", tables::harm_row(row, with_peers));
        }
        println!();
        if with_peers {
            plotted = rows;
        }
    }
    if let Some(path) = &arguments.plot
        && let Err(error) = std::fs::write(path, plot::plot(&plotted))
    {
        eprintln!("cannot write the plot to {}: {error}", path.display());
        std::process::exit(1);
    }
}
