//! Endings that nobody waits for: of a drill on a schedule, and of a release that a watch has seen through after its action was over.

use serde_json::Value;

use super::advance::Desk;
use super::answer::told;
use super::{Failure, Function};
use crate::aws::Fault;
use crate::compose::ENDED_BADLY;
use crate::drill::{self, DrillResult};
use crate::release::{Outcome, Release};

impl Function {
    /// Whether a release that this invocation has seen through has ended as somebody wanted. If not, the log says so in any case, by a
    /// line that the template's filter finds and raises an alarm for: whoever waits for its own turn must not fail for it.
    pub(super) async fn tell_end(&self, desk: &Desk<'_>, release: &Release) -> Result<(), Failure> {
        let ended = self.well_ended(desk, release).await;
        match &ended {
            Err(failure) if failure.fault == Fault::Release => {
                self.around.log(&format_args!("{ENDED_BADLY} {failure}"));
            }
            Err(failure) => self.around.log(failure),
            Ok(()) => {}
        }
        ended
    }

    /// Fails where a release, or a drill, has ended as nobody wanted: its answer is read by nobody, and the function's errors raise an
    /// alarm.
    async fn well_ended(&self, desk: &Desk<'_>, release: &Release) -> Result<(), Failure> {
        let journal = desk.journal.as_ref();
        if release.plan.drill.is_none() {
            return match &release.outcome {
                // What is left behind costs money, and nobody but the log says so.
                Some(_) if release.left.is_some() => {
                    Err(Failure::new(Fault::Release, told(release, &journal.location())))
                }
                None | Some((Outcome::Promoted, _)) => Ok(()),
                // Whoever asked for it knows.
                Some((Outcome::RolledBack | Outcome::Aborted | Outcome::Refused, _))
                    if release.wishes.turned_by.is_some() =>
                {
                    Ok(())
                }
                Some(_) => Err(Failure::new(Fault::Release, told(release, &journal.location()))),
            };
        }
        let id = &release.plan.id;
        let record = drill::read(journal, id).await.map_err(Failure::system)?;
        match record {
            Some(record) if matches!(record.result, DrillResult::Missed | DrillResult::Failed) => {
                let (result, why) = (record.result.as_str(), &record.why);
                let message = format!(
                    "drill {id} ({}) {result}: {why}. Its journal is in {}; `cutover drill history` says more",
                    record.kind,
                    journal.location()
                );
                Err(Failure::new(Fault::Release, message))
            }
            _ => Ok(()),
        }
    }

    /// What a drill has shown, for whoever reads it.
    pub(super) async fn shown(&self, desk: &Desk<'_>, release: &Release) -> Result<Value, Failure> {
        let record = drill::read(desk.journal.as_ref(), &release.plan.id).await;
        Ok(serde_json::json!({ "drill": record.map_err(Failure::system)? }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_filter_finds_what_the_log_says_of_a_bad_end() {
        let template = include_str!("../../pipeline/template.yaml");
        assert!(template.contains(&format!("FilterPattern: '\"{ENDED_BADLY}\"'")));
    }
}
