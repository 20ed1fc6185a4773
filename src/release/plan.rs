//! What a release is going to do: the settings it began with, frozen. They stay what they are when `cutover.toml` changes
//! in mid-release, and they hold no secrets: those wait in a configuration template on AWS.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::counted::CountedBy;
use super::drill::DrillKind;
use super::origin::Origin;
use crate::model::text::tag_value;
use crate::model::{
    ApplicationName, EnvironmentId, EnvironmentName, ReleaseNumber, Share, SlotName, Span, VersionLabel,
};
use crate::spec::{
    BakeSpec, Check, DrainSpec, ForeignSpec, GateSpec, Lever, ProvisionSpec, RetireSpec, RollbackSpec, SmokeSpec,
    StepSpec,
};
use crate::traffic::Weighting;
use crate::verdict::{Learned, Lesson, Policy};

/// A slot of an application: what releases queue for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot {
    /// The application.
    pub application: ApplicationName,
    /// The slot within it.
    pub name: SlotName,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.application, self.name)
    }
}

/// Which release: a slot and a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReleaseId {
    /// The slot.
    pub slot: Slot,
    /// The number within the slot.
    pub number: ReleaseNumber,
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.slot, self.number)
    }
}

/// What the new version is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Source {
    /// A bundle that is uploaded.
    Bundle {
        /// SHA-256 of the zip, in hexadecimal.
        sha256: String,
        /// Size in bytes.
        size: u64,
        /// The bucket, if it is not the region's own Elastic Beanstalk bucket.
        bucket: Option<String>,
        /// The object's key; it holds the digest.
        key: String,
        /// Where the zip lies on the machine that began the release. Another machine does not have it.
        file: String,
        /// The folder that it was made of, as it was given, if it was made of one. None in plans of old.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folder: Option<String>,
    },
    /// The version that is live, with blue's configuration: what drills release.
    Live,
    /// A version and configuration that an earlier release recorded: the way back after its blue was removed.
    Recorded {
        /// The release that recorded it.
        release: ReleaseNumber,
        /// The saved configuration.
        template: String,
        /// The environment itself, if it was still there.
        environment: Option<EnvironmentId>,
        /// The name that it was left with. None in plans of old.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cname: Option<String>,
    },
}

/// How much of green differs from blue by the user's wish. Neither names nor values are kept here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overridden {
    /// How many environment properties.
    pub properties: usize,
    /// How many option settings.
    pub settings: usize,
}

/// What a bundle's `.ebextensions` give to each environment and take away with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extensions {
    /// Resources in which something is kept and of which nobody has said that they may end, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stores: Vec<String>,
    /// Files in which nobody could look for such, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

impl Extensions {
    /// Whether there is nothing to say of them.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Overridden {
    /// Whether nothing does.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Source {
    /// Where the bundle lies on the machine that began the release, if one is released.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Bundle { file, .. } => Some(Path::new(file)),
            Self::Live | Self::Recorded { .. } => None,
        }
    }
}

/// What has the weights that share out a slot's traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "route")]
pub enum Route {
    /// Records of a name in Route 53.
    Records {
        /// The name, in small letters, with a dot at the end.
        name: String,
        /// Id of the hosted zone; `None` for the public one that the name lies in.
        zone: Option<String>,
    },
    /// Rules of an Application Load Balancer.
    Rules {
        /// Their ARNs.
        arns: Vec<String>,
    },
}

/// Everything that a release is going to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Which release it is.
    pub id: ReleaseId,
    /// What moves the traffic.
    pub lever: Lever,
    /// The name that the slot's traffic comes by, in lower case: the CNAME whose holder is live, or the name behind which a lever
    /// with weights shares it out.
    pub slot_cname: String,
    /// What has the weights, with such a lever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// The steps in which green gets the traffic. None in plans of old, which had one.
    #[serde(default)]
    pub steps: Vec<StepSpec>,
    /// Base URL by which users reach the slot.
    pub public_url: String,
    /// Label of the version to be released.
    pub version_label: VersionLabel,
    /// What it is made from.
    pub source: Source,
    /// Name of the environment to be made.
    pub green_name: EnvironmentName,
    /// Whether it begins although the live environment is not healthy: the way out of a bad version.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub even_if_unhealthy: bool,
    /// What asked for it, if that was not a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// What it proves, if that is its purpose: then it is never promoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillKind>,
    /// Fewest instances it starts with, if the user wants more than blue runs.
    pub min_instances: Option<u32>,
    /// Most instances it may run, if the user wants other than blue may. None in plans of old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_instances: Option<u32>,
    /// What tells it from a release of the same number in another journal: text of small letters and digits. None in plans of old.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mark: String,
    /// The tags that the user wants green to have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// SHA-256 over the option settings, properties and tags that differ from blue's: their values are not kept here.
    pub overrides_digest: Option<String>,
    /// How many these are. None in plans of old.
    #[serde(default, skip_serializing_if = "Overridden::is_none")]
    pub overridden: Overridden,
    /// What the bundle's `.ebextensions` give to each environment.
    #[serde(default, skip_serializing_if = "Extensions::is_none")]
    pub extensions: Extensions,
    /// When green counts as up.
    pub provision: ProvisionSpec,
    /// Checks before traffic.
    pub smoke: SmokeSpec,
    /// Watching with traffic.
    pub bake: BakeSpec,
    /// The checks of the bake, chosen.
    pub bake_checks: Vec<Check>,
    /// What the health engine asks of it.
    #[serde(default)]
    pub verdict: Policy,
    /// Who counts what both environments serve.
    #[serde(default)]
    pub counted_by: CountedBy,
    /// What earlier releases changed about that.
    #[serde(default)]
    pub learned: Option<Learned>,
    /// What earlier releases have shown, for the releases to come.
    #[serde(default)]
    pub lessons: Vec<Lesson>,
    /// Names of alarms that speak against green.
    #[serde(default)]
    pub alarms: Vec<String>,
    /// Waiting for blue to fall silent.
    pub drain: DrainSpec,
    /// Blue's end.
    pub retire: RetireSpec,
    /// Green's end if it is taken back.
    pub rollback: RollbackSpec,
    /// Where it waits for a person.
    #[serde(default)]
    pub gates: Vec<GateSpec>,
    /// What to do about other people's changes.
    #[serde(default)]
    pub foreign: ForeignSpec,
}

impl Plan {
    /// How many steps there are.
    #[must_use]
    pub fn step_count(&self) -> usize {
        self.steps.len().max(1)
    }

    /// The share that green gets in a step, counted from 0.
    #[must_use]
    pub fn share(&self, step: usize) -> Share {
        self.steps.get(step).map_or(Share::WHOLE, |step| step.share)
    }

    /// How long green must do well in a step.
    #[must_use]
    pub fn bake_length(&self, step: usize) -> Span {
        let own = self.steps.get(step).and_then(|step| step.bake);
        own.unwrap_or(self.bake.duration)
    }

    /// How long there is a way back that a change of an environment would keep closed, if nothing goes wrong and people take their time:
    /// an hour for green to come up, gates to their ends, bakes, and blue kept for a while.
    #[must_use]
    pub fn longest_planned(&self) -> Duration {
        let gates: Duration = self.gates.iter().map(|gate| gate.deadline.get()).sum();
        let bakes: Duration = (0..self.step_count()).map(|step| self.bake_length(step).get()).sum();
        Duration::from_secs(60 * 60)
            + gates
            + bakes
            + self.drain.dns_ttl.get() * self.drain.factor
            + self.retire.warm.get()
    }

    /// Whether some check is answered rightly by a client error.
    pub(super) fn expects_client_errors(&self) -> bool {
        let checks = self.checks(self.steps.len());
        let mut expected = checks.iter().flat_map(|check| &check.expect.status);
        expected.any(|range| range.first <= 499 && range.last >= 400)
    }

    /// Where an environment is asked by itself: a balancer that it shares knows it by its own name alone.
    pub(crate) fn host_of(&self, cname: Option<&String>, endpoint: Option<&String>) -> Option<String> {
        match self.lever {
            Lever::WeightedTargetGroups => cname.cloned(),
            Lever::CnameSwap | Lever::WeightedDns => endpoint.cloned(),
        }
    }

    /// The checks of a step: those of the bake, and those that this step and earlier ones add.
    #[must_use]
    pub fn checks(&self, step: usize) -> Vec<Check> {
        let added = self.steps.iter().take(step + 1).flat_map(|step| &step.checks);
        self.bake_checks.iter().chain(added).cloned().collect()
    }

    /// What a step wants of the weights; `None` for a lever without.
    #[must_use]
    pub fn weighting(&self, step: usize) -> Option<Weighting> {
        Some(Weighting::of(self.share(step), self.lever.heaviest()?))
    }

    /// Whether a bundle is published in it. Otherwise it releases a version that is there already.
    #[must_use]
    pub fn publishes(&self) -> bool {
        matches!(self.source, Source::Bundle { .. })
    }

    /// Name of the template that keeps blue's configuration as it was when the release began.
    #[must_use]
    pub fn blue_template(&self) -> String {
        self.own_template("blue")
    }

    /// Name of the template that green is made from.
    #[must_use]
    pub fn green_template(&self) -> String {
        match &self.source {
            Source::Bundle { .. } | Source::Live => self.own_template("green"),
            Source::Recorded { template, .. } => template.clone(),
        }
    }

    fn own_template(&self, kind: &str) -> String {
        let Self { green_name, mark, .. } = self;
        if mark.is_empty() {
            format!("{green_name}-{kind}")
        } else {
            format!("{green_name}-{mark}-{kind}")
        }
    }

    /// Value of the tag that marks what this release has made.
    #[must_use]
    pub fn tag(&self) -> String {
        let Self { id, mark, .. } = self;
        let tag = if mark.is_empty() {
            id.to_string()
        } else {
            format!("{id}/{mark}")
        };
        tag_value(&tag)
    }
}

/// Key of the tag that says which release made an environment.
pub const RELEASE_TAG: &str = "cutover:release";
