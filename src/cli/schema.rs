//! `cutover schema`.

use std::process::ExitCode;

use super::output;

pub(super) fn run() -> ExitCode {
    output::print(format_args!("{:#}", crate::spec::schema()));
    ExitCode::SUCCESS
}
