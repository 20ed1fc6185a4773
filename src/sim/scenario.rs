//! Everything that a seed draws: how good the new version is, what goes wrong, who interferes, and when.

mod draw;

use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::release::{DrillKind, Wish};
use crate::spec::{AtGateDeadline, ForeignAnswer, GatePlace, Lever, MetricsSource};

/// One world, before anything has happened. As JSON it stays the same world when worlds are drawn otherwise one day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// The seed that it was drawn from, which also seeds what is random while it is played.
    pub seed: u64,
    /// How good the new version is.
    pub quality: Quality,
    /// Settings of the release.
    pub terms: Terms,
    /// Where the journal lies.
    pub store: Store,
    /// Clocks of the machines on which drivers run, in order, against the true time, in milliseconds.
    pub skews: Vec<i64>,
    /// How the first driver works.
    pub manner: Manner,
    /// Longest time an answer takes when nothing is wrong.
    pub latency: Duration,
    /// Requests of users each second.
    pub users: f64,
    /// Everything that goes wrong, in the order in which it was drawn.
    pub troubles: Vec<Trouble>,
    /// From then on nothing more goes wrong, and the release must come to its end.
    pub calm: Duration,
    /// What comes after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequel: Option<Sequel>,
}

impl Scenario {
    /// A small and quick world of a good version in which nothing goes wrong.
    pub(super) fn calm() -> Self {
        Self {
            seed: 7,
            quality: Quality::Good,
            terms: Terms {
                lever: Lever::CnameSwap,
                pace: 4.0,
                instances: 1,
                interval: Duration::from_secs(10),
                bake: Duration::from_secs(60),
                keep: Duration::ZERO,
                basic: false,
                gate: None,
                foreign: ForeignAnswer::Stop,
                drill: None,
                counted_by: None,
                alarm: false,
                scaling: None,
            },
            store: Store::Memory,
            skews: vec![0; 6],
            manner: Manner::Whole,
            latency: Duration::from_millis(100),
            users: 5.0,
            troubles: Vec::new(),
            calm: Duration::from_secs(30 * 60),
            sequel: None,
        }
    }
}

/// What comes after a release is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequel {
    /// What somebody does before.
    pub between: Option<Between>,
    /// What is released then.
    pub act: Act,
}

/// A release that comes after another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// Somebody takes the way back that the first one has recorded.
    Back,
    /// The same version is released again.
    Again,
}

/// What somebody does between two releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Between {
    /// Swaps the live environment with the one beside it, in the console.
    SwappedBack,
    /// Deploys the new version to the environment beside the live one.
    Redeployed,
}

/// How good the new version is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Quality {
    /// As good as the old one.
    Good,
    /// Its instances never come up.
    NeverReady,
    /// It cannot be installed.
    Fails,
    /// It starts, and fails its health check.
    Unhealthy,
    /// So many requests fail from the first one on.
    Bad(f64),
    /// It breaks so long after it first had traffic: then so many requests fail.
    Breaks(Duration, f64),
    /// It gets worse and worse from the first traffic on, for so long, until so many requests fail.
    SlowBurn(Duration, f64),
    /// Its instances die, each after so long on average.
    Dying(Duration),
    /// On its first instance, and on no other, so many requests fail.
    SickInstance(f64),
}

/// Settings of the release; the rest is default.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// What moves the traffic.
    #[serde(default)]
    pub lever: Lever,
    /// How many times faster than AWS the account works.
    pub pace: f64,
    /// Instances of blue.
    pub instances: u32,
    /// Time between looks.
    pub interval: Duration,
    /// Length of the bake.
    pub bake: Duration,
    /// How long blue, or a green that was taken back, is kept.
    pub keep: Duration,
    /// Whether enhanced health reporting is off.
    pub basic: bool,
    /// A gate: where it stands, and what happens when nobody comes.
    pub gate: Option<(GatePlace, AtGateDeadline)>,
    /// What the release answers to strangers.
    pub foreign: ForeignAnswer,
    /// What it proves, if it is a drill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillKind>,
    /// Who counts what both environments serve, if it is not Elastic Beanstalk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_by: Option<MetricsSource>,
    /// Whether there is an alarm of CloudWatch to be read with every look.
    #[serde(default)]
    pub alarm: bool,
    /// How often Auto Scaling removes an instance of a blue that has nothing to do, if blue has grown beyond its minimum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Duration>,
}

/// Where the journal lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Store {
    /// In memory, with faults of its own: fast.
    Memory,
    /// On the account's S3, by the real client.
    S3,
}

/// How a driver works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Manner {
    /// Until the release is over.
    Whole,
    /// For so long, then it hands over to the next one after so long, as a function with a time limit does.
    Slices(Duration, Duration),
    /// As the function of a pipeline, which may run for so long each time.
    Jobs(Duration),
}

/// The name of an operation or call, one of those that worlds are drawn with.
type Name = &'static str;

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Trouble {
    /// Calls of one operation (of any, if none is named) meet a fate: the `nth` one and those after it, `times` in all.
    Call {
        /// The operation's name, as AWS has it; `Append` and `Entry` are the journal's, `probe` is a check from outside.
        #[serde(deserialize_with = "operation")]
        on: Option<Name>,
        /// The first of them, from 1.
        nth: u32,
        /// How many.
        times: u32,
        /// What becomes of them.
        fate: Fate,
    },
    /// A driver dies.
    Crash {
        /// When.
        at: Moment,
        /// After so long another one goes on.
        away: Duration,
        /// Whether that is on the same machine.
        same_machine: bool,
    },
    /// A driver is stopped and goes on later.
    Freeze {
        /// When: at a poll, or so long after an intent.
        at: Moment,
        /// For how long.
        length: Duration,
    },
    /// Another driver joins although the first one lives.
    Second {
        /// When.
        at: Duration,
    },
    /// Somebody else begins a release of the slot.
    Rival {
        /// When.
        at: Duration,
    },
    /// An invocation of the function is delivered twice.
    Twice {
        /// Which one, from 1.
        nth: u32,
        /// So much later.
        after: Duration,
    },
    /// Somebody stops the pipeline's execution.
    Stopped {
        /// When.
        at: Duration,
    },
    /// An operator wants something.
    Asked {
        /// When.
        at: Duration,
        /// What.
        wish: Wish,
    },
    /// An operator goes through the gate that is open, or tries a wrong one.
    Gatekeeper {
        /// When.
        at: Duration,
    },
    /// Somebody else changes something.
    Stranger {
        /// When.
        at: Duration,
        /// What.
        deed: Deed,
    },
    /// Something cannot be reached, says no to everything, or answers slowly or as things were a while ago.
    Outage {
        /// What.
        of: Service,
        /// From when on.
        from: Duration,
        /// For how long.
        length: Duration,
        /// How it shows.
        fate: Fate,
    },
    /// Blue fails by itself.
    BlueFails {
        /// From when on.
        from: Duration,
        /// For how long.
        length: Duration,
        /// So many of its requests fail.
        rate: f64,
    },
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// It never arrives; the connection breaks.
    LostBefore,
    /// It never arrives, and nobody says so.
    Hangs,
    /// It is carried out; its answer is lost.
    LostAfter,
    /// The service fails before it does anything.
    ErrorBefore,
    /// The service fails after it has done it.
    ErrorAfter,
    /// Too many requests.
    Throttled,
    /// It arrives so late; the answer comes at once then.
    Slow(Duration),
    /// A read answers as it would have so long ago; during an outage every second one does.
    Stale(Duration),
    /// The permission is missing.
    Denied,
}

/// When a driver dies or is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Moment {
    /// At that poll of its: at any await.
    Poll(u64),
    /// When this call of all is about to be sent.
    BeforeCall(u32),
    /// When this call of all has been carried out, before its answer comes.
    AfterCall(u32),
    /// When this entry is about to be written.
    BeforeEntry(u64),
    /// When this entry is written, before that is known.
    AfterEntry(u64),
    /// When the intent of such a call is written, and so many polls after that: between the intent and the call, or after it.
    Intended {
        /// The action's name.
        #[serde(deserialize_with = "call")]
        call: Name,
        /// How many polls later.
        polls: u64,
    },
}

/// What somebody else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deed {
    /// Swaps blue and green in the console.
    Swap,
    /// Gives a member another weight in the console.
    Weigh,
    /// Terminates green.
    EndGreen,
    /// Terminates blue.
    EndBlue,
    /// Deploys the old version to green.
    DeployToGreen,
    /// Changes a setting of blue, so that it is Updating for a while.
    UpdateBlue,
    /// Makes an environment of its own that has the name which green is to have.
    TakeName,
}

/// What cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Service {
    /// Health and events of environments.
    Monitoring,
    /// All of Elastic Beanstalk.
    Beanstalk,
    /// What has the weights: Route 53, or the load balancer.
    Weights,
    /// S3.
    Storage,
    /// The journal, wherever it is.
    Journal,
    /// Name lookups.
    Names,
    /// The way from the driver to the application.
    Probes,
    /// CodePipeline.
    Pipelines,
    /// The settings of the function: they hold a mistake (`Denied`), are those of another slot (`Stale`), or cannot be had.
    Settings,
}

fn known<E: Error>(name: &str) -> Result<Name, E> {
    let known = draw::OPERATIONS
        .iter()
        .chain(&draw::OF_WEIGHTS)
        .chain(&draw::OF_PIPELINES)
        .chain(&draw::CALLS)
        .find(|known| **known == name);
    known
        .copied()
        .ok_or_else(|| E::custom(format!("no operation or call is named {name}")))
}

fn operation<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Name>, D::Error> {
    Option::<String>::deserialize(from)?.as_deref().map(known).transpose()
}

fn call<'de, D: Deserializer<'de>>(from: D) -> Result<Name, D::Error> {
    known(&String::deserialize(from)?)
}
