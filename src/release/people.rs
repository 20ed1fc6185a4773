//! Who acts on a release: the processes that drive it, and operators with their wishes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::Span;

/// A process that writes entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// Host name.
    pub host: String,
    /// Process id on that host.
    pub process: u32,
    /// Random text, so that a process id that is used again is not taken for the same process.
    pub run: String,
    /// What only processes share that see each other: host names are given twice, and containers have process ids of their own.
    /// `None` where that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// Who has started it, by the name that the machine or `CUTOVER_OPERATOR` gives. Nothing depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

impl Writer {
    /// Whether the processes that this one sees are those that the other one sees.
    #[must_use]
    pub fn is_beside(&self, other: &Self) -> bool {
        self.host == other.host && self.machine.is_some() && self.machine == other.machine
    }
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.process, self.host)?;
        match &self.user {
            Some(user) => write!(f, " for {user}"),
            None => Ok(()),
        }
    }
}

/// What an operator wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Take green back.
    RollBack,
    /// Stop before green gets traffic; once it has some, the same as a rollback.
    Abort,
    /// Do not keep blue, or a green that was taken back, any longer.
    EndWait,
    /// Take no step forward for so long.
    Pause {
        /// How long.
        length: Span,
    },
    /// Go on: a pause ends, or a question is answered by yes.
    Resume,
    /// Go through a gate.
    Promote {
        /// The gate's id, which belongs to one gate of one release.
        gate: String,
    },
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RollBack => f.write_str("roll back"),
            Self::Abort => f.write_str("abort"),
            Self::EndWait => f.write_str("end the wait"),
            Self::Pause { length } => write!(f, "pause for {length}"),
            Self::Resume => f.write_str("go on"),
            Self::Promote { gate } => write!(f, "go through gate {gate}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_see_each_other_only_where_both_tell_of_one_machine() {
        let writer = |host: &str, machine: Option<&str>| Writer {
            host: host.to_owned(),
            process: 10,
            run: "random".to_owned(),
            machine: machine.map(str::to_owned),
            user: None,
        };
        let here = writer("node", Some("boot pid:[1]"));
        assert!(here.is_beside(&writer("node", Some("boot pid:[1]"))));
        assert!(
            !here.is_beside(&writer("node", Some("boot pid:[2]"))),
            "another container of that host name"
        );
        assert!(!here.is_beside(&writer("other", Some("boot pid:[1]"))));
        let silent = writer("node", None);
        assert!(
            !here.is_beside(&silent) && !silent.is_beside(&silent),
            "written by an older program"
        );
    }
}
