//! The only module that names `aws_sdk_*`: connecting, one part per service, and what errors mean.
//!
//! Calls that change something are sent **once**, with the SDK's retries off: whether a call whose answer was lost has
//! happened is found out by reading, never by sending it again. Reads are retried by the SDK.

mod alarms;
mod balancers;
mod beanstalk;
mod connect;
mod error;
mod identity;
mod in_time;
mod metrics;
mod objects;
mod pipelines;
mod scaling;
mod service_clock;
mod stray;
mod time;
mod way;
mod zones;

pub use balancers::Balancer;
pub use beanstalk::{FirstEnvironment, NewEnvironment};
pub use connect::{Aws, AwsSettings, InProcess};
pub use error::{CallError, Effect};
pub use in_time::InTime;
pub use metrics::Minute;
pub use objects::{BucketFound, Created, Progress, Session};
pub use pipelines::{Fault, JobAnswer, NO_PIPELINE, Standing};
pub use stray::StrayRule;
pub use zones::Leading;
