//! The vocabulary: ids, time, health, and what can be unknown. Plain data without I/O.

mod clock;
pub mod document;
mod health;
mod id;
mod known;
mod probe;
pub mod region;
mod served;
mod share;
pub mod text;
mod time;

pub use clock::{Clock, SystemClock};
pub use health::{HealthColor, HealthStatus, Latency, RequestCounts};
pub use id::{ApplicationName, EnvironmentId, EnvironmentName, InstanceId, ReleaseNumber, SlotName, VersionLabel};
pub use known::Known;
pub use probe::{ProbeResult, faults};
pub use served::Served;
pub use share::{ParseShareError, Share};
pub use time::{PACE_HEADER, ParseSpanError, Span, Timestamp};
