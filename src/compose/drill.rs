//! From a `cutover.toml` to the plan of a drill.

use super::{Planner, Project};
use crate::driver::{World, gather};
use crate::model::{Clock, Share, Span, VersionLabel};
use crate::release::{DrillKind, Next};
use crate::spec::{GreenSpec, StepSpec, Steps};

/// The share of a drill's green if nothing else is said.
const SHARE: Share = Share::percent(5);

/// A project as a drill sees it: green is what blue is and gets a small part of the traffic, nobody is waited for, and green
/// is removed at once.
///
/// # Errors
///
/// When the lever cannot give green as little as that, or not as much as something.
pub fn for_drill(project: &Project, max_share: Option<Share>) -> Result<Project, String> {
    let mut project = project.clone();
    let spec = &mut project.spec;
    let wanted = max_share.or(spec.drill.max_share);
    let share = match wanted {
        Some(share) => share,
        None if spec.lever.is_gradual() => SHARE,
        None => {
            return Err(format!(
                "the lever {} moves all the traffic at once, so a drill gives all of it to a second environment with the version \
                 that is live, and takes it back: say that you mean it by `--max-share 100%`, or by `drill.max_share`",
                spec.lever
            ));
        }
    };
    if !spec.lever.is_gradual() && !share.is_whole() {
        return Err(format!(
            "the lever {} cannot give green {share} of the traffic: it is all or nothing; run the drill with `--max-share 100%`, or \
             use a lever that has weights",
            spec.lever
        ));
    }
    if let Some(why) = spec.lever.cannot_give(share) {
        return Err(format!(
            "the share of a drill {why}: green would get nothing, and the drill prove nothing; make it larger, by `--max-share` or \
             by `drill.max_share`"
        ));
    }
    spec.steps = Some(Steps::List(vec![StepSpec {
        share,
        bake: Some(spec.drill.bake),
        checks: Vec::new(),
    }]));
    spec.gates.clear();
    spec.rollback.keep_green = Span::default();
    spec.green = GreenSpec {
        name_prefix: spec.green.name_prefix.take(),
        ..GreenSpec::default()
    };
    Ok(project)
}

/// The planner of a drill with the version that is live. Where none can be found, it is preflight that says what is wrong.
pub async fn drill_planner(project: &Project, world: &World, clock: &dyn Clock, kind: DrillKind) -> Planner {
    let with = |version| Planner::drill(project, world.aws.region(), version, kind);
    let unknown = with(VersionLabel::new("unknown")).guessed();
    let plan = unknown.plan(&Next::first());
    let facts = Box::pin(gather(world, &plan, clock)).await;
    let live = facts.live(&plan).first().and_then(|live| live.version.clone());
    live.map_or(unknown, with)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::release::preflight::Problem;
    use crate::spec::Spec;

    #[test]
    fn of_a_version_that_was_only_guessed_nothing_is_said_and_nothing_is_released() {
        let problem = |code: &str| Problem::new(code, "it is so".to_owned(), "wait");
        let guess = Planner::drill(&project(DNS), None, VersionLabel::new("unknown"), DrillKind::Rollback).guessed();
        let codes = |planner: &Planner, codes: &[&str]| {
            let left = planner.without_guess(codes.iter().copied().map(problem).collect());
            left.into_iter().map(|problem| problem.code).collect::<Vec<_>>()
        };
        assert_eq!(codes(&guess, &["live", "version"]), ["live"]);
        assert_eq!(codes(&guess, &["version"]), ["unknown"], "it was there a moment later");
        assert_eq!(codes(&guess, &[]), ["unknown"]);
        let known = Planner::drill(&project(DNS), None, VersionLabel::new("v1"), DrillKind::Rollback);
        assert_eq!(codes(&known, &["version"]), ["version"]);
    }

    fn project(lines: &str) -> Project {
        let spec = Spec::parse("cutover.toml", &format!("application = \"shop\"\n{lines}")).unwrap();
        Project::new(spec, PathBuf::new(), None)
    }

    const DNS: &str = "lever = \"weighted-dns\"\nweighted_dns.name = \"www.shop.example\"\n";

    #[test]
    fn a_drill_gives_green_a_small_part_and_nobody_is_waited_for() {
        let text = format!("{DNS}gates = [{{ before = \"shift\" }}]\ngreen.properties = {{ A = \"b\" }}\n");
        let drill = for_drill(&project(&text), None).unwrap();
        assert_eq!(drill.spec.steps()[0].share, SHARE);
        assert_eq!(drill.spec.steps()[0].bake, Some(Span::from_secs(300)));
        assert!(drill.spec.gates.is_empty() && drill.spec.green.properties.is_empty());
        assert_eq!(drill.spec.rollback.keep_green, Span::default());
        let said = for_drill(&project(&format!("{DNS}drill.max_share = \"2%\"\n")), None).unwrap();
        assert_eq!(said.spec.steps()[0].share, Share::percent(2));
        let asked = for_drill(&project(DNS), Some(Share::percent(7))).unwrap();
        assert_eq!(asked.spec.steps()[0].share, Share::percent(7));
    }

    #[test]
    fn a_share_that_no_weights_can_give_is_refused() {
        let share = |text: &str| for_drill(&project(DNS), Some(text.parse().unwrap()));
        assert!(share("0.4%").is_ok());
        let refused = share("0.1%").unwrap_err();
        assert!(
            refused.contains("(0.1%) is less than weights up to 255 can give"),
            "{refused}"
        );
    }

    #[test]
    fn a_swap_moves_everything_and_that_must_be_said() {
        let swap = project("cname = \"shop\"\n");
        assert!(for_drill(&swap, None).unwrap_err().contains("--max-share 100%"));
        assert!(
            for_drill(&swap, Some(Share::percent(5)))
                .unwrap_err()
                .contains("all or nothing")
        );
        let drill = for_drill(&swap, Some(Share::WHOLE)).unwrap();
        let [step] = drill.spec.steps().try_into().unwrap();
        assert_eq!((step.share, step.bake), (Share::WHOLE, Some(Span::from_secs(300))));
    }
}
