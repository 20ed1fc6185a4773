//! What asked for a release, where that was not a person at a terminal.

use serde::{Deserialize, Serialize};

/// A request for a release. One that comes twice (a job that a queue has delivered again) is one release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Its id, which no other request has.
    pub request: String,
    /// The execution of a pipeline that it is part of, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<Execution>,
}

/// An execution of a pipeline of AWS CodePipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// The pipeline's name.
    pub pipeline: String,
    /// Id of the execution.
    pub id: String,
}
