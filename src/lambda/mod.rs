//! The face for AWS Lambda: jobs of CodePipeline, schedules and direct invocations in, job results out.
//!
//! A release takes longer than a function may run. So an invocation drives it for its slice of time, hands it over, and answers
//! the pipeline with a token; the next job goes on. Nothing is kept between invocations but the journal: a function that is killed
//! in the middle leaves no more behind than a driver that is killed anywhere else.
//!
//! The event holds credentials. It is never logged, and nothing here can print it.

mod advance;
mod answer;
mod artifact;
mod call;
mod drill;
mod ending;
mod failure;
mod job;
mod machine;
mod request;
mod settings;
mod slice;
mod surroundings;
mod token;
mod turn;
mod watch;

use std::process::ExitCode;
use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::aws::Aws;
use crate::compose::Reach;
use crate::model::SystemClock;
use call::Call;
use surroundings::OnLambda;

pub use artifact::Wanted;
pub use failure::Failure;
pub use settings::SettingsPlace;
pub use slice::Slice;
pub use surroundings::Surroundings;

/// The function. Its invocations share nothing but what stands around it.
pub struct Function {
    around: Box<dyn Surroundings>,
}

/// Answers invocations for as long as Lambda keeps this process.
#[must_use]
pub fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let served = match runtime {
        Ok(runtime) => runtime.block_on(serve()),
        Err(error) => Err(format!("could not start the asynchronous runtime: {error}").into()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log(&error);
            ExitCode::FAILURE
        }
    }
}

/// Says something in the function's log. Never anything of an event.
fn log(message: &dyn std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "cutover: {message}");
}

async fn serve() -> Result<(), Error> {
    let reach = Reach::from_environment()?;
    let aws = Box::pin(Aws::connect(&reach.aws)).await;
    let function = &Function::new(OnLambda {
        reach,
        aws,
        elsewhere: Mutex::default(),
    });
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let slice = Slice::until(Arc::new(SystemClock), event.context.deadline);
        let id = event.context.request_id.clone();
        Box::pin(function.answer(&id, event.payload, &slice)).await
    }))
    .await
}

impl Function {
    /// A function that works here.
    pub fn new(around: impl Surroundings + 'static) -> Self {
        Self {
            around: Box::new(around),
        }
    }

    /// Answers one invocation. An error means that Lambda is to deliver it again, where that is configured.
    pub async fn answer(&self, invocation: &str, event: Value, slice: &Slice) -> Result<Value, Error> {
        let job = Call::job_of(&event);
        let answer = match Call::read(event) {
            Ok(Call::Job(job)) => Box::pin(self.job(*job, slice)).await.map_err(Error::from),
            Ok(Call::Release(wanted)) => Box::pin(self.release(invocation, wanted, slice))
                .await
                .map_err(Error::from),
            Ok(Call::Drill(wanted)) => Box::pin(self.drill(invocation, wanted, slice))
                .await
                .map_err(Error::from),
            Ok(Call::Watch(wanted)) => Box::pin(self.watch(wanted, slice)).await.map_err(Error::from),
            Err(failure) => match job {
                Some((job, token)) => Box::pin(self.refuse(&job, token, failure)).await.map_err(Error::from),
                None => Err(failure.into()),
            },
        };
        answer.inspect_err(|error| self.around.log(error))
    }
}
