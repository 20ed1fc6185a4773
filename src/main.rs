//! The command line program.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(feature = "local")]
    {
        let mut arguments = std::env::args_os().skip(1);
        if arguments.next().is_some_and(|first| first == "keep") {
            return cutover::cli::keep::main(arguments);
        }
    }
    ExitCode::SUCCESS
}
