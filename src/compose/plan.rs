//! From a `cutover.toml` and a bundle to the plan of a release.

use std::path::Path;

use crate::bundle::Store;
use crate::driver::Overrides;
use crate::model::VersionLabel;
use crate::release::preflight::Problem;
use crate::release::{
    Blue, DrillKind, Extensions, Next, Origin, Outcome, Overridden, Plan, Release, ReleaseId, Route, Source,
};
use crate::spec::{Lever, Spec};

use super::{Artifact, Project};

/// Code of what is wrong with the version itself.
const VERSION: &str = "version";

/// Makes plans of one project.
#[derive(Clone, Debug)]
pub struct Planner {
    spec: Spec,
    slot_cname: String,
    source: Source,
    version_label: VersionLabel,
    overrides_digest: Option<String>,
    even_if_unhealthy: bool,
    origin: Option<Origin>,
    drill: Option<DrillKind>,
    is_guess: bool,
    extensions: Extensions,
    taken_back: Option<Box<Release>>,
}

impl Planner {
    /// For a bundle.
    #[must_use]
    pub fn bundle(project: &Project, region: Option<&str>, artifact: &Artifact, version_label: Option<&str>) -> Self {
        let spec = &project.spec;
        let application = &spec.application;
        let short = artifact.sha256.get(..12).unwrap_or(&artifact.sha256);
        let label = version_label
            .or(spec.artifact.version_label.as_deref())
            .map_or_else(|| format!("{}-{short}", shortened(application.as_str())), str::to_owned);
        let source = Source::Bundle {
            sha256: artifact.sha256.clone(),
            size: artifact.size,
            bucket: spec.artifact.bucket.clone(),
            key: format!("{}{}.zip", spec.bundle_folder(), artifact.sha256),
            file: artifact.file.display().to_string(),
            folder: artifact.folder.as_ref().map(|folder| folder.display().to_string()),
        };
        let meant = |store: &&Store| spec.artifact.disposable.contains(&store.id);
        let stores = artifact.stores.iter().filter(|store| !meant(store));
        let own = Self::new(
            spec,
            region,
            source,
            VersionLabel::new(label),
            Overrides::new(&spec.green).digest(),
        );
        Self {
            extensions: Extensions {
                stores: stores.map(Store::to_string).collect(),
                unread: artifact.unread.clone(),
            },
            ..own
        }
    }

    /// For the way back that an earlier release has recorded. Who takes it has seen that the live version is bad: it leads
    /// there in one step, waits for nobody before it has the traffic, and is not refused because of what it is to end.
    #[must_use]
    pub fn recorded(project: &Project, region: Option<&str>, source: Source, version_label: VersionLabel) -> Self {
        let mut planner = Self::new(&project.spec, region, source, version_label, None);
        planner.spec.at_once();
        planner.even_if_unhealthy()
    }

    /// Plans that take back what this release has made live, and are refused where something else is live by now.
    #[must_use]
    pub fn takes_back(self, release: &Release) -> Self {
        let promoted = matches!(release.outcome, Some((Outcome::Promoted, _)));
        Self {
            taken_back: promoted.then(|| Box::new(release.clone())),
            ..self
        }
    }

    /// That something else is live than what is to be taken back.
    pub(super) fn changed_since(&self, live: &Blue) -> Option<Problem> {
        let release = self.taken_back.as_ref()?;
        let green = release.green.as_ref().filter(|green| green.id != live.id)?;
        let id = &release.plan.id;
        let problem = format!(
            "release {id} made {} ({}) live, and {} ({}) is live now: somebody has changed that since, and what was before that \
             release need not be what is wanted",
            green.name, green.id, live.name, live.id
        );
        let undo = match release.plan.source {
            Source::Recorded { .. } => "--undo ",
            _ => "",
        };
        let number = id.number;
        let help = format!(
            "release the version that is wanted by `cutover release`; `cutover rollback {undo}--release {number}` goes back to before \
             release {number} all the same"
        );
        Some(Problem::new("changed-since", problem, help))
    }

    /// For a drill with the version that is live.
    #[must_use]
    pub fn drill(project: &Project, region: Option<&str>, live: VersionLabel, kind: DrillKind) -> Self {
        Self::new(&project.spec, region, Source::Live, live, None).as_drill(kind)
    }

    /// The same as a drill.
    #[must_use]
    pub fn as_drill(self, kind: DrillKind) -> Self {
        Self {
            drill: Some(kind),
            ..self
        }
    }

    /// Plans of releases that begin although the live environment is not healthy.
    #[must_use]
    pub fn even_if_unhealthy(self) -> Self {
        Self {
            even_if_unhealthy: true,
            ..self
        }
    }

    /// Plans of releases that a machine has asked for.
    #[must_use]
    pub fn asked_by(self, origin: Origin) -> Self {
        Self {
            origin: Some(origin),
            ..self
        }
    }

    fn new(
        spec: &Spec,
        region: Option<&str>,
        source: Source,
        version_label: VersionLabel,
        overrides_digest: Option<String>,
    ) -> Self {
        Self {
            spec: spec.clone(),
            slot_cname: spec.traffic_name(region),
            source,
            version_label,
            overrides_digest,
            even_if_unhealthy: false,
            origin: None,
            drill: None,
            is_guess: false,
            extensions: Extensions::default(),
            taken_back: None,
        }
    }

    /// Plans of a version that is none, where the live one cannot be seen: preflight says why.
    #[must_use]
    pub(super) fn guessed(self) -> Self {
        Self { is_guess: true, ..self }
    }

    /// The problems that preflight has found, without what is untrue of a version that was only guessed. Such a plan never begins.
    pub(super) fn without_guess(&self, mut problems: Vec<Problem>) -> Vec<Problem> {
        if self.is_guess {
            problems.retain(|problem| problem.code != VERSION);
            if problems.is_empty() {
                problems.push(Problem::new(
                    "unknown",
                    "which version is live could not be seen".to_owned(),
                    "try again: it can be seen now",
                ));
            }
        }
        problems
    }

    /// Whether these are plans of releases, not of drills.
    #[must_use]
    pub fn is_real(&self) -> bool {
        self.drill.is_none()
    }

    /// Where the bundle lies on this machine, if one is released.
    #[must_use]
    pub fn bundle_file(&self) -> Option<&Path> {
        self.source.file()
    }

    /// Label of the version that is released.
    #[must_use]
    pub fn version_label(&self) -> &VersionLabel {
        &self.version_label
    }

    /// The plan of the release that is next.
    #[must_use]
    pub fn plan(&self, next: &Next) -> Plan {
        let number = next.number;
        let spec = &self.spec;
        let slot = crate::release::Slot {
            application: spec.application.clone(),
            name: spec.slot.clone(),
        };
        let public_url = match spec.public_base(&self.slot_cname) {
            Ok(url) => url.to_string(),
            Err(_) => format!("http://{}/", self.slot_cname),
        };
        let (verdict, learned) = super::verdict::with_lessons(&spec.verdict, &next.lessons);
        Plan {
            id: ReleaseId { slot, number },
            lever: spec.lever,
            slot_cname: self.slot_cname.clone(),
            route: self.route(),
            steps: spec.steps(),
            public_url,
            version_label: self.version_label.clone(),
            source: self.source.clone(),
            green_name: spec.environment_name(number),
            even_if_unhealthy: self.even_if_unhealthy,
            origin: self.origin.clone(),
            drill: self.drill,
            min_instances: spec.green.min_instances,
            max_instances: spec.green.max_instances,
            mark: String::new(),
            tags: spec.green.tags.clone(),
            overridden: self
                .overrides_digest
                .as_ref()
                .map_or_else(Overridden::default, |_| Overridden {
                    properties: spec.green.properties.len(),
                    settings: spec.green.settings.len(),
                }),
            overrides_digest: self.overrides_digest.clone(),
            extensions: self.extensions.clone(),
            provision: spec.provision.clone(),
            smoke: spec.smoke.clone(),
            bake: spec.bake.clone(),
            bake_checks: spec.bake_checks(),
            verdict,
            learned,
            counted_by: super::verdict::counted_by(&spec.verdict),
            alarms: spec.verdict.alarms.clone(),
            lessons: next.lessons.clone(),
            drain: spec.drain.clone(),
            retire: spec.retire.clone(),
            rollback: spec.rollback.clone(),
            gates: spec.gates.clone(),
            foreign: spec.foreign.clone(),
        }
    }
}

impl Planner {
    fn route(&self) -> Option<Route> {
        match self.spec.lever {
            Lever::CnameSwap => None,
            Lever::WeightedDns => Some(Route::Records {
                name: format!("{}.", self.slot_cname),
                zone: self.spec.weighted_dns.zone.clone(),
            }),
            Lever::WeightedTargetGroups => Some(Route::Rules {
                arns: self.spec.weighted_target_groups.rules.clone(),
            }),
        }
    }
}

/// A version's label has at most 100 characters, 13 of which are for the digest.
fn shortened(application: &str) -> String {
    application.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_keeps_something_is_in_the_plan_unless_it_is_disposable() {
        let store = |id: &str| Store {
            id: id.to_owned(),
            kind: "AWS::SQS::Queue".to_owned(),
            file: "a.config".to_owned(),
        };
        let artifact = Artifact {
            stores: vec![store("Jobs"), store("Cache")],
            unread: vec!["b.config: no YAML".to_owned()],
            ..Artifact::unfit(Path::new("bundle.zip"))
        };
        let text = "application = \"shop\"\ncname = \"shop\"\nartifact.disposable = [\"Cache\"]\n";
        let spec = Spec::parse("cutover.toml", text).unwrap();
        let project = Project::new(spec, Path::new(".").to_path_buf(), None);
        let plan = Planner::bundle(&project, None, &artifact, None).plan(&Next::first());
        assert_eq!(plan.extensions.stores, ["Jobs (AWS::SQS::Queue in a.config)"]);
        assert_eq!(plan.extensions.unread, artifact.unread);
    }

    #[test]
    fn what_somebody_else_made_live_since_is_not_replaced_unasked() {
        use crate::model::EnvironmentId;
        use crate::release::Green;
        use crate::release::tests::{blue, plan, release};

        let spec = Spec::parse("cutover.toml", "application = \"shop\"\ncname = \"shop\"\n").unwrap();
        let project = Project::new(spec, Path::new(".").to_path_buf(), None);
        let planner = || Planner::recorded(&project, None, Source::Live, "v1".into());
        let mut promoted = release(plan());
        promoted.green = Some(Green {
            id: EnvironmentId::new("e-green"),
            name: "shop-2".into(),
            cname: None,
            endpoint: None,
            reused: false,
            group: None,
        });
        let live = |id: &str| Blue {
            id: EnvironmentId::new(id),
            ..blue()
        };
        assert_eq!(
            planner().takes_back(&promoted).changed_since(&live("e-other")),
            None,
            "it is not over"
        );
        promoted.outcome = Some((Outcome::Promoted, "good".to_owned()));
        let taking = planner().takes_back(&promoted);
        assert_eq!(taking.changed_since(&live("e-green")), None);
        assert_eq!(planner().changed_since(&live("e-other")), None, "the release was named");
        let problem = taking.changed_since(&live("e-other")).unwrap();
        for part in ["made shop-2 (e-green) live", "(e-other) is live now"] {
            assert!(problem.message.contains(part), "{}", problem.message);
        }
        assert!(
            problem.advice.contains("cutover rollback --release 7"),
            "{}",
            problem.advice
        );
    }
}
