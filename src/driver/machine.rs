//! The machine that a driver runs on: who the driver is, and which processes live beside it.

use std::hash::{BuildHasher, Hasher};

use sha2::{Digest, Sha256};

use crate::model::text::hex;
use crate::release::Writer;

/// What a driver knows of its machine.
pub trait Machine: Send + Sync {
    /// Who a driver is that begins now. Each is somebody else.
    fn writer(&self) -> Writer;

    /// Whether a process of this machine is alive, as far as can be told.
    fn runs(&self, process: u32) -> bool;
}

/// The machine that this program runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisMachine;

impl Machine for ThisMachine {
    fn writer(&self) -> Writer {
        let name = rustix::system::uname();
        Writer {
            host: name.nodename().to_string_lossy().into_owned(),
            process: std::process::id(),
            run: nonce(),
            machine: namespace(),
            user: user(|name| std::env::var(name).ok()),
        }
    }

    fn runs(&self, process: u32) -> bool {
        let Some(id) = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw) else {
            return false;
        };
        match rustix::process::test_kill_process(id) {
            Ok(()) => true,
            // It runs, but belongs to somebody else.
            Err(error) => error != rustix::io::Errno::SRCH,
        }
    }
}

/// So much of a name is kept.
const LONGEST_USER: usize = 64;

/// Who has started this process, by the first of these variables that names somebody. A pipeline says for whom it runs.
fn user(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    ["CUTOVER_OPERATOR", "USER", "LOGNAME"].into_iter().find_map(|name| {
        let printable = variable(name)?.chars().filter(|c| !c.is_control()).collect::<String>();
        let user: String = printable.trim().chars().take(LONGEST_USER).collect();
        (!user.is_empty()).then_some(user)
    })
}

/// What tells the processes that this one sees from all others: which time the machine has started, and the namespace of process ids
/// within it. Known on Linux alone.
fn namespace() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let ids = std::fs::read_link("/proc/self/ns/pid").ok()?;
    let boot = boot.trim();
    (!boot.is_empty()).then(|| format!("{boot} {}", ids.display()))
}

/// What tells the releases that a process with such a random text begins from those of other journals.
pub(crate) fn mark(run: &str) -> String {
    hex(&Sha256::digest(run)[..4])
}

/// Random text. The standard library's hasher keys come from the operating system.
pub(super) fn nonce() -> String {
    let random = std::collections::hash_map::RandomState::new();
    let half = |salt: u64| {
        let mut hasher = random.build_hasher();
        hasher.write_u64(salt);
        hasher.finish()
    };
    format!("{:016x}{:016x}", half(1), half(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_runs_is_told_from_one_that_does_not() {
        assert!(ThisMachine.runs(std::process::id()));
        // Ids end well below that.
        assert!(!ThisMachine.runs(i32::MAX.cast_unsigned()));
        assert!(!ThisMachine.runs(u32::MAX) && !ThisMachine.runs(0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_processes_of_one_machine_know_each_other() {
        let seen = namespace().expect("Linux says when it has started");
        assert!(seen.contains("pid:["), "{seen}");
        assert_eq!(ThisMachine.writer().machine, Some(seen));
    }

    #[test]
    fn an_operator_has_the_name_that_says_most() {
        let of = |set: &[(&str, &str)]| {
            user(|name| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("USER", "anna"), ("LOGNAME", "berta")]).as_deref(), Some("anna"));
        assert_eq!(of(&[("USER", " "), ("LOGNAME", "berta")]).as_deref(), Some("berta"));
        assert_eq!(
            of(&[("USER", "ci"), ("CUTOVER_OPERATOR", "anna")]).as_deref(),
            Some("anna")
        );
        assert_eq!(of(&[("USER", "an\u{1b}na\n")]).as_deref(), Some("anna"));
        let long = "ä".repeat(100);
        assert_eq!(of(&[("USER", &long)]).map(|user| user.chars().count()), Some(64));
    }
}
