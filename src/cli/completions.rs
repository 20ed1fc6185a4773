//! `cutover completions`.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use crate::report::out;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let script = script(arguments.shell);
    let mut output = std::io::stdout().lock();
    if let Err(error) = output.write_all(&script).and_then(|()| output.flush()) {
        out::failed(&error);
    }
    ExitCode::SUCCESS
}

fn script(shell: Shell) -> Vec<u8> {
    // The library ends the process when it cannot write, so it writes where it always can.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "cutover", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_is_told_the_commands() {
        for shell in [Shell::Bash, Shell::Elvish, Shell::Fish, Shell::PowerShell, Shell::Zsh] {
            let script = String::from_utf8(script(shell)).unwrap();
            assert!(
                script.contains("rollback") && script.contains("even-if-unhealthy"),
                "{shell}"
            );
        }
    }
}
