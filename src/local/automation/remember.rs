//! What Lambda, CodePipeline and EventBridge Scheduler keep when their cloud ends.
//!
//! An asynchronous invocation that was under way is tried again: its event may have been handled once more than it was sent, as
//! on AWS. Nobody waits any more for the answer of another one.

use std::path::Path;

use super::Automation;
use crate::local::memory::{Kept, Notes, NotesError};
use crate::model::Timestamp;

/// How many ids were made.
pub(super) const COUNTER: &str = "automation";

impl Automation {
    /// Grows whenever something may have changed that is remembered.
    pub(in crate::local) fn changes(&self) -> u64 {
        self.changes
    }

    /// Writes down all that is to be kept.
    pub(in crate::local) fn remember(&self, notes: &mut Notes) {
        notes.put(COUNTER, &self.account.ids.made());
        self.functions.remember(notes);
        self.pipelines.remember(notes);
        self.schedules.remember(notes);
    }

    /// Goes on with what was kept. `files` is the folder of the object store's files.
    pub(in crate::local) fn recall(&mut self, kept: &Kept, files: &Path, now: Timestamp) -> Result<(), NotesError> {
        self.account.ids.go_on_after(kept.one(COUNTER)?.unwrap_or_default());
        self.functions.recall(kept, files, now)?;
        self.pipelines.recall(kept, &self.functions, &self.account, now)?;
        self.schedules.recall(kept, &mut self.account, now)?;
        self.changes += 1;
        Ok(())
    }

    /// The object store's files that functions are made from.
    pub(in crate::local) fn files(&self) -> impl Iterator<Item = &Path> {
        self.functions.files()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::super::Service;
    use super::super::fixture::World;

    #[test]
    fn an_event_that_was_being_handled_is_handled_again() {
        let mut world = World::new();
        world.function("release");
        let invoke = "/2015-03-31/functions/release/invocations";
        let event = [("x-amz-invocation-type", "Event")];
        world.send(Service::Functions, "POST", invoke, &event, &json!({ "a": 1 }));
        let first = world.events().remove(0);
        world.restart();
        world.seconds(1);
        let (again, event) = world.events().remove(0);
        assert_eq!(event, json!({ "a": 1 }));
        assert_eq!(again.request_id, first.0.request_id);
        assert_ne!(
            again.id, first.0.id,
            "what the first one answers is not taken for its answer"
        );
        assert_eq!(again.function, first.0.function);
        world.answers(again.id, &json!("done"));
        world.restart();
        world.seconds(600);
        assert!(world.events().is_empty());
    }

    #[test]
    fn a_schedule_fires_once_for_what_it_missed() {
        let mut world = World::new();
        world.function("drill");
        let schedule = json!({
            "ScheduleExpression": "cron(0/10 * * * ? *)",
            "ScheduleExpressionTimezone": "Europe/Berlin",
            "FlexibleTimeWindow": { "Mode": "OFF" },
            "Target": {
                "Arn": "arn:aws:lambda:eu-central-1:123456789012:function:drill",
                "RoleArn": "arn:aws:iam::123456789012:role/scheduler",
            },
        });
        world.call(Service::Schedules, "POST", "/schedules/drill", &schedule);
        // Nobody turned its clock for a day.
        world.now = world.now + Duration::from_secs(24 * 3600);
        world.restart();
        world.seconds(1);
        let missed = world.events();
        assert_eq!(missed.len(), 1);
        for (run, _) in missed {
            world.answers(run.id, &json!(null));
        }
        world.seconds(600);
        assert_eq!(world.events().len(), 1, "and then as ever");
    }

    #[test]
    fn a_machine_that_slept_makes_up_for_it_once() {
        let mut world = World::new();
        world.function("drill");
        let schedule = json!({
            "ScheduleExpression": "rate(1 minutes)",
            "FlexibleTimeWindow": { "Mode": "OFF" },
            "Target": {
                "Arn": "arn:aws:lambda:eu-central-1:123456789012:function:drill",
                "RoleArn": "arn:aws:iam::123456789012:role/scheduler",
            },
        });
        world.call(Service::Schedules, "POST", "/schedules/drill", &schedule);
        let fired = |world: &mut World| {
            let begun = world.events();
            for (run, _) in &begun {
                world.answers(run.id, &json!(null));
            }
            begun.len()
        };
        world.seconds(0);
        assert_eq!(fired(&mut world), 1);
        world.seconds(5 * 60);
        assert_eq!(fired(&mut world), 5, "a short while is nothing");
        world.seconds(8 * 3600);
        assert_eq!(fired(&mut world), 1);
        world.seconds(60);
        assert_eq!(fired(&mut world), 1, "and then as ever");
        // An event that waits for room is not asked after for each second of the sleep, and is not too old.
        let concurrency = "/2017-10-31/functions/drill/concurrency";
        let one = json!({ "ReservedConcurrentExecutions": 1 });
        world.call(Service::Functions, "PUT", concurrency, &one);
        world.seconds(120);
        let first = world.events();
        assert_eq!(first.len(), 1);
        world.seconds(9 * 3600);
        for (run, _) in first {
            world.answers(run.id, &json!(null));
        }
        world.seconds(1);
        assert_eq!(world.events().len(), 1);
    }

    #[test]
    fn an_event_does_not_grow_too_old_while_there_is_no_cloud() {
        let mut world = World::new();
        world.function("release");
        let invoke = "/2015-03-31/functions/release/invocations";
        let event = [("x-amz-invocation-type", "Event")];
        world.send(Service::Functions, "POST", invoke, &event, &json!({ "a": 1 }));
        assert_eq!(world.events().len(), 1);
        world.now = world.now + Duration::from_secs(24 * 3600);
        world.restart();
        world.seconds(1);
        assert_eq!(world.events().len(), 1, "it is handled again");
    }

    #[test]
    fn what_has_not_reached_its_target_is_not_given_up_for_the_time_without_a_cloud() {
        let mut world = World::new();
        let at = (world.now + Duration::from_secs(60)).to_string();
        let schedule = json!({
            "ScheduleExpression": format!("at({})", at.split('.').next().unwrap()),
            "FlexibleTimeWindow": { "Mode": "OFF" },
            "Target": {
                "Arn": "arn:aws:lambda:eu-central-1:123456789012:function:late",
                "RoleArn": "arn:aws:iam::123456789012:role/scheduler",
            },
        });
        world.call(Service::Schedules, "POST", "/schedules/late", &schedule);
        world.seconds(61);
        world.now = world.now + Duration::from_secs(48 * 3600);
        world.restart();
        world.seconds(1);
        world.function("late");
        world.seconds(3600);
        assert_eq!(world.events().len(), 1);
    }
}
