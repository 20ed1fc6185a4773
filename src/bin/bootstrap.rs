//! The function of AWS Lambda. Its custom runtimes start a file of this name.

fn main() -> std::process::ExitCode {
    cutover::lambda::main()
}
