//! The benchmark's arguments.

use std::path::PathBuf;

use crate::tables::Options;

pub(crate) const HELP: &str = "\
How fast and how honest the verdict is

Usage: cargo bench --bench verdict -- [options]

  --seeds N        traces of each release [default: 400]
  --start S        the first seed [default: 3000000]
  --peer-seeds N   traces for the peers' rules; 0 leaves them out [default: 100]
  --only TEXT      only releases whose name holds that
  --more           also the further releases: other rates, splits, windows, storms, groups
  --plot FILE      write a plot of harm by rule, as SVG; needs the peers
  --threads N      [default: one for each core]
";

#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) help: bool,
    pub(crate) more: bool,
    pub(crate) only: Option<String>,
    pub(crate) plot: Option<PathBuf>,
    pub(crate) options: Options,
}

impl Arguments {
    pub(crate) fn read(given: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Self {
            help: false,
            more: false,
            only: None,
            plot: None,
            options: Options {
                seeds: 400,
                start: 3_000_000,
                peer_seeds: 100,
                threads: std::thread::available_parallelism().map_or(1, usize::from),
            },
        };
        let mut given = given;
        while let Some(name) = given.next() {
            let mut value = || {
                given
                    .next()
                    .ok_or_else(|| format!("{name} needs a value; `-- --help` lists the options"))
            };
            let number = |text: String| {
                text.parse::<u64>()
                    .map_err(|_| format!("{name} {text}: write a whole number"))
            };
            match name.as_str() {
                // Cargo says so to every benchmark.
                "--bench" => {}
                "--help" | "-h" => arguments.help = true,
                "--more" => arguments.more = true,
                "--seeds" => arguments.options.seeds = number(value()?)?,
                "--start" => arguments.options.start = number(value()?)?,
                "--peer-seeds" => arguments.options.peer_seeds = number(value()?)?,
                "--threads" => arguments.options.threads = number(value()?)?.clamp(1, 256) as usize,
                "--only" => arguments.only = Some(value()?),
                "--plot" => arguments.plot = Some(PathBuf::from(value()?)),
                _ => return Err(format!("{name} is no option; `-- --help` lists them")),
            }
        }
        Ok(arguments)
    }
}
