//! Drawing a world from a seed.

use std::time::Duration;

use fastrand::Rng;

use super::{Act, Between, Deed, Fate, Manner, Moment, Quality, Scenario, Sequel, Service, Store, Terms, Trouble};
use crate::model::Span;
use crate::release::{DrillKind, Wish};
use crate::spec::{AtGateDeadline, ForeignAnswer, GatePlace, Lever, MetricsSource};

pub(super) const OPERATIONS: [&str; 20] = [
    "DescribeEnvironments",
    "DescribeEnvironments",
    "DescribeEnvironmentHealth",
    "DescribeInstancesHealth",
    "DescribeEvents",
    "DescribeConfigurationSettings",
    "ListTagsForResource",
    "CreateApplicationVersion",
    "CreateConfigurationTemplate",
    "CreateEnvironment",
    "SwapEnvironmentCNAMEs",
    "SwapEnvironmentCNAMEs",
    "SwapEnvironmentCNAMEs",
    "SwapEnvironmentCNAMEs",
    "TerminateEnvironment",
    "PutObject",
    "Append",
    "Entry",
    "probe",
    "probe",
];

/// Operations of levers with weights, and their call.
pub(super) const OF_WEIGHTS: [&str; 6] = [
    "ChangeResourceRecordSets",
    "ListResourceRecordSets",
    "GetChange",
    "ModifyRule",
    "DescribeRules",
    "weigh",
];

/// Operations of the function that a pipeline invokes.
pub(super) const OF_PIPELINES: [&str; 3] = ["PutJobSuccessResult", "PutJobFailureResult", "GetPipelineExecution"];

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn pick<T: Copy>(random: &mut Rng, all: &[T]) -> T {
    all[random.usize(..all.len())]
}

/// One in twelve worlds has a drill: a release that must never be promoted.
fn drill(random: &mut Rng) -> Option<DrillKind> {
    (random.u8(..12) == 0).then(|| pick(random, &DrillKind::ALL))
}

/// One in twelve worlds is counted by another source, and another one by target groups where it has some.
fn counted_by(random: &mut Rng, lever: Lever) -> Option<MetricsSource> {
    match random.u8(..12) {
        0 => Some(MetricsSource::Endpoint),
        1 | 2 if lever == Lever::WeightedTargetGroups => Some(MetricsSource::TargetGroups),
        _ => None,
    }
}

/// In one of four worlds whose blue runs several instances it has grown beyond its minimum.
fn scaling(random: &mut Rng) -> Option<Duration> {
    (random.u8(..4) == 0).then(|| seconds(pick(random, &[20, 60, 300])))
}

/// One world in six goes on when its release is over.
fn sequel(random: &mut Rng) -> Option<Sequel> {
    (random.u8(..6) == 0).then(|| Sequel {
        between: match random.u8(..8) {
            0 => Some(Between::SwappedBack),
            1 => Some(Between::Redeployed),
            _ => None,
        },
        act: pick(random, &[Act::Back, Act::Back, Act::Again]),
    })
}

/// The slowest answers of a world with a pipeline, at AWS's pace.
const SLOWEST: Duration = Duration::from_secs(4);

impl Scenario {
    /// The world of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let random = &mut Rng::with_seed(seed);
        // Who wants to look every second, and gets answers more slowly than that, is always due to look. Such worlds have ten times as many
        // calls as others.
        let eager = random.u8(..96) == 0;
        let mut terms = Terms {
            lever: pick(
                random,
                &[
                    Lever::CnameSwap,
                    Lever::CnameSwap,
                    Lever::WeightedDns,
                    Lever::WeightedTargetGroups,
                ],
            ),
            // A slow account has the same moments as a quick one, with many more looks in between: some are enough.
            pace: pick(random, &[1.0, 4.0, 4.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0]),
            instances: random.u32(1..=3),
            interval: seconds(if eager { 1 } else { pick(random, &[10, 15, 20]) }),
            bake: seconds(pick(random, &[60, 60, 120, 240])),
            keep: seconds(pick(random, &[0, 30, 120])),
            basic: random.u8(..12) == 0,
            gate: (random.u8(..8) == 0).then(|| {
                let place = pick(random, &[GatePlace::Shift, GatePlace::Drain]);
                (place, pick(random, &[AtGateDeadline::GoOn, AtGateDeadline::RollBack]))
            }),
            foreign: pick(
                random,
                &[
                    ForeignAnswer::Stop,
                    ForeignAnswer::Stop,
                    ForeignAnswer::Restore,
                    ForeignAnswer::Ask,
                ],
            ),
            drill: drill(&mut Rng::with_seed(!seed)),
            counted_by: None,
            alarm: seed % 16 == 3,
            scaling: None,
        };
        // Draws of its own, so that all others stay what they are.
        if !terms.basic {
            terms.counted_by = counted_by(&mut Rng::with_seed(seed.rotate_left(32)), terms.lever);
        }
        // Basic health does not tell how many instances there are.
        if terms.instances > 1 && !terms.basic {
            terms.scaling = scaling(&mut Rng::with_seed(seed.rotate_left(16)));
        }
        let mut scenario = Self {
            seed,
            quality: quality(random),
            terms,
            store: if random.u8(..8) == 0 { Store::S3 } else { Store::Memory },
            skews: (0..6)
                .map(|_| {
                    if random.u8(..3) == 0 {
                        random.i64(-300_000..300_000)
                    } else {
                        0
                    }
                })
                .collect(),
            manner: if random.u8(..8) == 0 {
                Manner::Slices(seconds(random.u64(20..200)), seconds(random.u64(1..20)))
            } else {
                Manner::Whole
            },
            latency: Duration::from_millis(if eager && random.bool() || random.u8(..32) == 0 {
                random.u64(1_000..2_500)
            } else {
                random.u64(20..400)
            }),
            users: pick(random, &[0.5, 5.0, 50.0]),
            troubles: Vec::new(),
            calm: seconds(30 * 60),
            sequel: sequel(&mut Rng::with_seed(seed.rotate_left(16))),
        };
        // One world in eight is calm from the beginning.
        let count = if random.u8(..8) == 0 { 0 } else { random.u32(1..8) };
        for _ in 0..count {
            let trouble = trouble(random, &scenario);
            let company = company(random, &trouble);
            scenario.troubles.push(trouble);
            scenario.troubles.extend(company);
        }
        // Whatever makes a version bad often makes it hard to see, too.
        if count > 0 && !matches!(scenario.quality, Quality::Good) && random.u8(..4) == 0 {
            scenario.troubles.push(Trouble::Outage {
                of: Service::Monitoring,
                from: seconds(random.u64(0..900)),
                length: seconds(pick(random, &[300, 1500])),
                fate: pick(random, &[Fate::ErrorBefore, Fate::Throttled]),
            });
        }
        if scenario.terms.gate.is_some() {
            let at = seconds(random.u64(200..1200));
            scenario.troubles.push(Trouble::Gatekeeper { at });
        }
        if scenario.terms.lever.is_gradual() {
            for trouble in &mut scenario.troubles {
                of_weights(trouble, scenario.terms.lever);
            }
        }
        let other = &mut Rng::with_seed(seed.rotate_left(32));
        if other.u8(..16) == 0 {
            scenario.by_pipeline(other);
        }
        scenario
    }

    /// The world of a seed in which the release is made by a pipeline.
    #[must_use]
    pub fn with_pipeline(seed: u64) -> Self {
        let mut scenario = Self::of(seed);
        if !matches!(scenario.manner, Manner::Jobs(_)) {
            scenario.by_pipeline(&mut Rng::with_seed(seed.rotate_left(16)));
        }
        scenario
    }

    fn by_pipeline(&mut self, random: &mut Rng) {
        self.terms.drill = None;
        self.manner = Manner::Jobs(seconds(pick(random, &[120, 120, 300, 900, 900])));
        // A pipeline waits for its jobs at the cloud's pace. Answers do not come at that: what takes two seconds would take sixteen.
        self.latency = self.latency.min(SLOWEST.div_f64(self.terms.pace));
        // Who comes before it would not be the rival.
        self.troubles
            .retain(|trouble| !matches!(trouble, Trouble::Rival { .. }));
        if self.troubles.is_empty() {
            return;
        }
        for _ in 0..random.u32(0..4) {
            let trouble = of_pipelines(random, length(&self.terms));
            self.troubles.push(trouble);
        }
        // Draws of its own, and the last ones, so that all others stay what they are.
        let other = &mut Rng::with_seed(self.seed.rotate_left(48));
        if other.u8(..4) == 0 {
            self.troubles.push(Trouble::Outage {
                of: Service::Settings,
                from: seconds(other.u64(0..length(&self.terms))),
                length: seconds(pick(other, &[60, 300, 1500])),
                fate: pick(
                    other,
                    &[Fate::Denied, Fate::Denied, Fate::Stale(seconds(8)), Fate::ErrorBefore],
                ),
            });
        }
    }
}

/// What can go wrong between a pipeline and its function.
fn of_pipelines(random: &mut Rng, length: u64) -> Trouble {
    match random.u8(..8) {
        0 | 1 => Trouble::Twice {
            nth: random.u32(1..12),
            after: Duration::from_millis(pick(random, &[0, 300, 5_000, 60_000])),
        },
        2 => Trouble::Stopped {
            at: seconds(random.u64(0..length)),
        },
        3 => Trouble::Outage {
            of: Service::Pipelines,
            from: seconds(random.u64(0..length)),
            length: seconds(pick(random, &[5, 30, 300, 1500])),
            fate: pick(
                random,
                &[Fate::LostBefore, Fate::LostAfter, Fate::Hangs, Fate::ErrorBefore],
            ),
        },
        _ => Trouble::Call {
            on: Some(pick(random, &OF_PIPELINES)),
            nth: random.u32(1..5),
            times: pick(random, &[1, 1, 3, 8]),
            fate: pick(
                random,
                &[
                    Fate::LostBefore,
                    Fate::LostAfter,
                    Fate::LostAfter,
                    Fate::Hangs,
                    Fate::ErrorBefore,
                    Fate::ErrorAfter,
                    Fate::Throttled,
                ],
            ),
        },
    }
}

/// What would have struck the swap, and half of what would have struck lists, strikes what has the weights.
fn of_weights(trouble: &mut Trouble, lever: Lever) {
    let dns = lever == Lever::WeightedDns;
    match trouble {
        Trouble::Call { on: Some(on), nth, .. } => match *on {
            "SwapEnvironmentCNAMEs" if dns => *on = "ChangeResourceRecordSets",
            "SwapEnvironmentCNAMEs" => *on = "ModifyRule",
            "DescribeEnvironments" if nth.is_multiple_of(4) && dns => *on = "GetChange",
            "DescribeEnvironments" if nth.is_multiple_of(2) && dns => *on = "ListResourceRecordSets",
            "DescribeEnvironments" if nth.is_multiple_of(2) => *on = "DescribeRules",
            _ => {}
        },
        Trouble::Crash {
            at: Moment::Intended { call, .. },
            ..
        }
        | Trouble::Freeze {
            at: Moment::Intended { call, .. },
            ..
        } if *call == "swap" => *call = "weigh",
        Trouble::Stranger { deed, .. } if *deed == Deed::Swap => *deed = Deed::Weigh,
        Trouble::Outage { of, from, .. } if *of == Service::Beanstalk && from.as_secs().is_multiple_of(2) => {
            *of = Service::Weights;
        }
        _ => {}
    }
}

fn quality(random: &mut Rng) -> Quality {
    match random.u8(..20) {
        0 => Quality::NeverReady,
        1 => Quality::Fails,
        2 => Quality::Unhealthy,
        3 => Quality::Bad(if random.bool() { 1.0 } else { 0.5 + random.f64() / 2.0 }),
        4..=6 => Quality::Breaks(seconds(random.u64(0..60)), 0.5 + random.f64() / 2.0),
        7 => Quality::SlowBurn(seconds(random.u64(60..400)), 0.3 + random.f64() * 0.7),
        8 => Quality::Dying(seconds(random.u64(200..4000))),
        9 => Quality::SickInstance(0.3 + random.f64() * 0.7),
        _ => Quality::Good,
    }
}

fn fate(random: &mut Rng) -> Fate {
    match random.u8(..9) {
        0 => Fate::LostBefore,
        1 => Fate::Hangs,
        2 => Fate::LostAfter,
        3 => Fate::ErrorBefore,
        4 => Fate::ErrorAfter,
        5 => Fate::Throttled,
        6 => Fate::Slow(Duration::from_millis(random.u64(500..19_000))),
        7 => Fate::Stale(seconds(random.u64(1..8))),
        _ => pick(random, &[Fate::LostAfter, Fate::ErrorAfter, Fate::Denied]),
    }
}

fn wish(random: &mut Rng) -> Wish {
    match random.u8(..6) {
        0 => Wish::RollBack,
        1 => Wish::Abort,
        2 => Wish::EndWait,
        3 => Wish::Resume,
        _ => Wish::Pause {
            length: Span::from_secs(random.u64(10..1000)),
        },
    }
}

/// The operations that a release needs once or twice: only the first ones of them are worth spoiling.
fn rare(operation: &str) -> bool {
    operation.starts_with("Create")
        || matches!(
            operation,
            "SwapEnvironmentCNAMEs" | "TerminateEnvironment" | "PutObject"
        )
}

/// Calls whose intent and effect are worth being torn apart.
pub(super) const CALLS: [&str; 6] = [
    "swap",
    "swap",
    "swap",
    "terminate",
    "create environment",
    "create version",
];

fn call(random: &mut Rng) -> Trouble {
    let on = (random.u8(..6) > 0).then(|| pick(random, &OPERATIONS));
    let nth = if on.is_some_and(rare) {
        pick(random, &[1, 1, 2])
    } else if on == Some("probe") {
        // The first ones are the smoke checks, then comes the bake.
        random.u32(1..14)
    } else if random.bool() {
        random.u32(1..4)
    } else {
        random.u32(1..60)
    };
    Trouble::Call {
        on,
        nth,
        times: pick(random, &[1, 1, 1, 2, 3, 8]),
        fate: if on.is_some_and(rare) && random.bool() {
            pick(
                random,
                &[Fate::LostBefore, Fate::LostAfter, Fate::ErrorBefore, Fate::ErrorAfter],
            )
        } else {
            fate(random)
        },
    }
}

/// Soon after an intent: within so many polls.
fn intended(random: &mut Rng, polls: u64) -> Moment {
    Moment::Intended {
        call: pick(random, &CALLS),
        polls: random.u64(0..polls),
    }
}

/// What often comes together, and is worst together.
fn company(random: &mut Rng, trouble: &Trouble) -> Option<Trouble> {
    match trouble {
        // A driver that is away for long is not alone any more when it comes back.
        Trouble::Freeze { length, .. } if *length >= seconds(60) => Some(Trouble::Second {
            at: seconds(random.u64(0..300)),
        }),
        // A call that is on its way when its sender dies.
        Trouble::Crash {
            at: Moment::Intended { call: "swap", .. },
            ..
        } => Some(Trouble::Call {
            on: Some("SwapEnvironmentCNAMEs"),
            nth: 1,
            times: 1,
            fate: Fate::Slow(Duration::from_millis(random.u64(5_000..19_000))),
        }),
        // Somebody loses patience while it is not known whether green is being made.
        Trouble::Crash {
            at: Moment::Intended {
                call: "create environment",
                ..
            },
            ..
        }
        | Trouble::Call {
            on: Some("CreateEnvironment"),
            ..
        } if random.bool() => Some(Trouble::Asked {
            at: seconds(random.u64(5..60)),
            wish: if random.bool() { Wish::Abort } else { Wish::RollBack },
        }),
        _ => None,
    }
}

fn outage(random: &mut Rng, moment: impl Fn(&mut Rng) -> Duration) -> Trouble {
    let from = moment(random);
    if random.u8(..6) == 0 {
        return Trouble::Outage {
            of: Service::Beanstalk,
            from,
            length: seconds(pick(random, &[60, 300, 1500])),
            fate: Fate::Stale(seconds(8)),
        };
    }
    if random.u8(..6) == 0 {
        let of = pick(random, &[Service::Monitoring, Service::Beanstalk, Service::Journal]);
        return Trouble::Outage {
            of,
            from,
            length: seconds(pick(random, &[60, 300, 1500])),
            // Whoever waits for an entry gives up after seven seconds.
            fate: Fate::Slow(Duration::from_millis(match of {
                Service::Journal => random.u64(500..6_000),
                _ => random.u64(500..15_000),
            })),
        };
    }
    Trouble::Outage {
        of: pick(
            random,
            &[
                Service::Monitoring,
                Service::Monitoring,
                Service::Beanstalk,
                Service::Storage,
                Service::Journal,
                Service::Names,
                Service::Probes,
            ],
        ),
        from,
        length: seconds(pick(random, &[5, 30, 60, 300, 1500])),
        fate: pick(
            random,
            &[
                Fate::LostBefore,
                Fate::Hangs,
                Fate::ErrorBefore,
                Fate::Throttled,
                Fate::Denied,
            ],
        ),
    }
}

/// How many seconds a release takes, about, if not much comes in its way: what happens later than that hardly matters.
fn length(terms: &Terms) -> u64 {
    // Launching and removing take AWS ten minutes; looking often enough and waiting for silence take as long at any pace.
    let of_account = Duration::from_secs(600).div_f64(terms.pace);
    (seconds(240) + of_account + terms.bake + terms.keep).as_secs()
}

fn trouble(random: &mut Rng, scenario: &Scenario) -> Trouble {
    let length = length(&scenario.terms);
    let moment = |random: &mut Rng| seconds(random.u64(0..length));
    match random.u8(..20) {
        16 if random.bool() => Trouble::Stranger {
            at: seconds(random.u64(0..10)),
            deed: Deed::TakeName,
        },
        0..=7 | 16 => call(random),
        8 => Trouble::Crash {
            at: intended(random, 8),
            away: seconds(pick(random, &[1, 1, 5, 30, 70])),
            same_machine: random.u8(..4) > 0,
        },
        9 | 10 => Trouble::Crash {
            at: match random.u8(..5) {
                0 => Moment::BeforeCall(random.u32(1..250)),
                1 => Moment::AfterCall(random.u32(1..250)),
                2 => Moment::BeforeEntry(random.u64(2..70)),
                3 => Moment::AfterEntry(random.u64(1..70)),
                _ => Moment::Poll(random.u64(1..1500)),
            },
            away: seconds(pick(random, &[1, 5, 30, 70, 400])),
            same_machine: random.bool(),
        },
        11 => Trouble::Freeze {
            at: Moment::Poll(random.u64(1..1500)),
            length: seconds(pick(random, &[2, 12, 40, 90, 400])),
        },
        12 => Trouble::Freeze {
            at: intended(random, 5),
            length: seconds(pick(random, &[12, 90, 200, 400])),
        },
        13 => Trouble::Second { at: moment(random) },
        14 => match random.u8(..3) {
            0 => Trouble::Rival { at: moment(random) },
            _ => Trouble::Asked {
                at: moment(random),
                wish: wish(random),
            },
        },
        15 => Trouble::Stranger {
            at: moment(random),
            deed: pick(
                random,
                &[
                    Deed::Swap,
                    Deed::Swap,
                    Deed::EndGreen,
                    Deed::EndBlue,
                    Deed::DeployToGreen,
                    Deed::UpdateBlue,
                ],
            ),
        },
        17 | 18 => outage(random, moment),
        _ => Trouble::BlueFails {
            from: moment(random),
            length: scenario.terms.bake + seconds(random.u64(0..600)),
            rate: 0.2 + random.f64() * 0.8,
        },
    }
}
