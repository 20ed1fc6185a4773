//! Auto Scaling: a blue that runs more instances than its minimum loses one after another while it has nothing to do. Users who come
//! back must find as many as they left, and blue must have its own minimum again in the end.

use std::sync::Arc;
use std::time::Duration;

use super::life::Crew;
use super::scene::Scene;
use super::stage::Stage;
use crate::model::EnvironmentId;
use crate::release::{Outcome, Release};

/// What blue may shrink to.
const LEAST: &str = "1";

impl Stage {
    /// Blue was made larger by its load: it runs more instances than its configuration asks for.
    pub(super) fn lower_minimum(&self) {
        let blue = self.blue();
        let answer = self.call(&[
            ("Action", "UpdateEnvironment"),
            ("EnvironmentId", blue.as_str()),
            ("OptionSettings.member.1.Namespace", "aws:autoscaling:asg"),
            ("OptionSettings.member.1.OptionName", "MinSize"),
            ("OptionSettings.member.1.Value", LEAST),
        ]);
        assert!(answer.status == 200, "blue may shrink: {}", answer.body);
    }

    /// How many instances an environment is to run now.
    fn instances(&self, id: &EnvironmentId) -> Option<u32> {
        let all = self.environments();
        let view = all.iter().find(|view| view.id == *id && !view.is_terminated())?;
        Some(view.instances)
    }

    /// Removes an instance of an environment, if it may have fewer.
    fn scale_in(&self, id: &EnvironmentId) -> Option<()> {
        let answer = self.call(&[
            ("Action", "DescribeEnvironmentResources"),
            ("EnvironmentId", id.as_str()),
        ]);
        let (_, instances) = answer.body.split_once("<Instances>")?;
        let (_, first) = instances.split_once("<Id>")?;
        let (first, _) = first.split_once('<')?;
        self.call_of(
            "2011-01-01",
            &[
                ("Action", "TerminateInstanceInAutoScalingGroup"),
                ("InstanceId", first),
                ("ShouldDecrementDesiredCapacity", "true"),
            ],
        );
        Some(())
    }

    /// The fewest instances that blue may run.
    fn minimum_of_blue(&self) -> Option<String> {
        let blue = self.blue();
        let name = self.environments().into_iter().find(|view| view.id == blue)?.name;
        let answer = self.call(&[
            ("Action", "DescribeConfigurationSettings"),
            ("ApplicationName", "shop"),
            ("EnvironmentName", name.as_str()),
        ]);
        let mut options = answer.body.split("<member>");
        let option = options.find(|option| option.contains(">MinSize<"))?;
        let (_, value) = option.split_once("<Value>")?;
        Some(value.split_once('<')?.0.to_owned())
    }
}

impl Crew {
    /// Looks now and then whether blue has nothing to do, and removes an instance of it then.
    pub(super) async fn scale(self: Arc<Self>, every: Duration) {
        let stage = &self.scene.stage;
        loop {
            tokio::time::sleep(every).await;
            let blue = stage.blue();
            if !self.scene.state().sequel && stage.users(&blue) == 0.0 && stage.scale_in(&blue).is_some() {
                self.scene
                    .tell(&"auto scaling", || format!("removes an instance of blue ({blue})"));
            }
        }
    }
}

/// Traffic is about to move for the first time.
pub(super) fn moves(scene: &Scene) {
    let running = scene.stage.instances(&scene.stage.blue());
    let mut state = scene.state();
    state.blue_ran = state.blue_ran.or(running);
}

/// All traffic is on blue again.
pub(super) fn back(scene: &Scene) {
    let now = scene.stage.instances(&scene.stage.blue());
    let (before, told) = {
        let state = scene.state();
        let told = state.release.as_ref().is_some_and(not_held);
        (state.blue_ran, told)
    };
    if let (Some(before), Some(now)) = (before, now)
        && now < before
        && !told
        && !scene.scenario.disturbed()
    {
        scene.violated(
            "as large as before",
            format!("users are back on blue, which runs {now} instances and ran {before} when they left"),
        );
    }
}

/// The release is over.
pub(super) fn end(scene: &Scene, release: &Release) {
    let gone_back = matches!(release.outcome, Some((Outcome::RolledBack | Outcome::Aborted, _)));
    if scene.scenario.terms.scaling.is_none() || !gone_back || release.left.is_some() || scene.scenario.disturbed() {
        return;
    }
    if let Some(minimum) = scene.stage.minimum_of_blue()
        && minimum != LEAST
    {
        scene.violated(
            "as large as before",
            format!("blue may run no fewer than {minimum} instances in the end, and was allowed {LEAST} before"),
        );
    }
}

/// Whether the release has said that it could not keep blue from shrinking.
fn not_held(release: &Release) -> bool {
    release
        .notes
        .iter()
        .any(|note| note.contains("is not kept from shrinking"))
}
