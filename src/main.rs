//! The `cutover` command.

/// The simulator and the local cloud make and drop many small things: a fifth of their time was the system's allocator.
#[cfg(feature = "local")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cutover::cli::main()
}
