//! Known mistakes of release tools. Each can be put in front of the real core, clock, journal or network, to see that the
//! simulator finds it: a simulator that finds nothing proves nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

use super::process::Control;
use super::wire::Wire;
use crate::aws::InProcess;
use crate::driver::Mind;
use crate::model::{Clock, HealthColor, HealthStatus, InstanceId, Known, Timestamp};
use crate::release::{
    Action, CallResult, Decision, Event, HealthSeen, InstanceSeen, Look, Looks, Observation, Outcome, Phase, Release,
    Then, Why, Wishes, decide, looks,
};

macro_rules! mistakes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A known mistake.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mistake {
            $($(#[$doc])* $name,)*
        }

        impl Mistake {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name, as it is given on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

mistakes! {
    /// A swap whose answer is lost is sent again by the client.
    RetriedSwap = "retried-swap",
    /// A swap in doubt counts as failed, and is made again without reading.
    DoubtIsFailure = "doubt-is-failure",
    /// A swap in doubt counts as done, without reading.
    DoubtIsSuccess = "doubt-is-success",
    /// Blue is terminated right after the swap.
    TerminateAfterSwap = "terminate-after-swap",
    /// Green is terminated as soon as the name is back on blue.
    TerminateGreenAtOnce = "terminate-green-at-once",
    /// An environment that is Ready counts as healthy.
    ReadyIsHealthy = "ready-is-healthy",
    /// A read that failed counts as good news.
    UnreadIsFine = "unread-is-fine",
    /// An environment that could not be listed counts as gone.
    UnlistedIsGone = "unlisted-is-gone",
    /// A list is believed at once, although it can be behind.
    ListIsBelieved = "list-is-believed",
    /// Another writer's entry in one's own place goes unnoticed: a lock beside the work instead of the log as a fence.
    LeaseWithoutFence = "lease-without-fence",
    /// A call is made however long ago its intent was written.
    LateCall = "late-call",
    /// Who takes over a call in doubt does not wait until it cannot arrive any more.
    HastyTakeover = "hasty-takeover",
    /// Whoever takes over in the bake takes it for passed.
    RestartSkipsBake = "restart-skips-bake",
    /// The rollback waits for the source of metrics.
    RollbackNeedsMetrics = "rollback-needs-metrics",
    /// The bake passes when its time is over, whatever was seen.
    SilenceIsHealth = "silence-is-health",
    /// Bad looks are noted and do not turn the release.
    BadLooksAreNoted = "bad-looks-are-noted",
    /// Smoke checks count as passed.
    SmokeIsSkipped = "smoke-is-skipped",
    /// Waits have no deadline.
    NoDeadline = "no-deadline",
    /// An environment that was made while the release turned is left behind.
    OrphanIsLeft = "orphan-is-left",
    /// Who holds the name is not looked at any more once it was moved.
    ForeignSwapIsIgnored = "foreign-swap-is-ignored",
    /// An operator's wish counts only before green has traffic.
    WishIsIgnored = "wish-is-ignored",
    /// A name that is green's counts as green, whoever made it.
    RollbackStopsAtGreen = "rollback-stops-at-green",
    /// One bad look takes green back.
    OneLookTurns = "one-look-turns",
}

impl std::str::FromStr for Mistake {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|mistake| mistake.name() == text)
            .ok_or_else(|| {
                let names: Vec<&str> = Self::ALL.iter().map(|mistake| mistake.name()).collect();
                format!("there is no mistake {text:?}; there are {}", names.join(", "))
            })
    }
}

/// The clock of a driver that makes the mistake.
pub(super) fn clock(mistake: Mistake, clock: Arc<dyn Clock>, process: Control) -> Arc<dyn Clock> {
    match mistake {
        Mistake::LateCall => Arc::new(Dozing { clock, process }),
        _ => clock,
    }
}

/// A clock that does not count the time for which its process was stopped, as the wrong one of a machine's clocks does.
struct Dozing {
    clock: Arc<dyn Clock>,
    process: Control,
}

impl Clock for Dozing {
    fn now(&self) -> Timestamp {
        self.clock.now() - self.process.frozen_for()
    }

    fn since_boot(&self) -> Duration {
        self.clock.since_boot().saturating_sub(self.process.frozen_for())
    }
}

/// A client that sends a swap again when it got no answer.
pub(super) struct Retrying(pub(super) Wire);

#[async_trait::async_trait]
impl InProcess for Retrying {
    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let swap = request.body().starts_with(b"Action=SwapEnvironmentCNAMEs");
        let again = request.clone();
        match self.0.answer(request).await {
            Ok(response) if swap && response.status().is_server_error() => self.0.answer(again).await,
            Err(_) if swap => self.0.answer(again).await,
            other => other,
        }
    }
}

/// The mind of a driver that makes the mistake.
pub(super) fn mind(mistake: Mistake) -> Arc<dyn Mind> {
    Arc::new(Mistaken {
        mistake,
        seen_before: AtomicBool::new(false),
    })
}

struct Mistaken {
    mistake: Mistake,
    seen_before: AtomicBool,
}

fn record(event: Event) -> Decision {
    Decision {
        why: Why::Seen {
            what: "by mistake".to_owned(),
        },
        then: Then::Record(event),
    }
}

impl Mind for Mistaken {
    fn looks(&self, release: &Release, now: Timestamp) -> Looks {
        let mut wanted = looks(release, now);
        if self.mistake == Mistake::RollbackNeedsMetrics && release.phase == Phase::RollBack {
            wanted.green_health = release.green.as_ref().map(|green| green.id.clone());
        }
        wanted
    }

    fn decide(&self, release: &Release, seen: &Observation) -> Decision {
        let first = !self.seen_before.swap(true, Ordering::Relaxed);
        match self.mistake {
            Mistake::DoubtIsFailure | Mistake::DoubtIsSuccess => {
                if let Some(pending) = &release.pending
                    && matches!(pending.action, Action::Swap { .. })
                    && matches!(pending.result, Some(CallResult::Unknown { .. }))
                {
                    return record(Event::Resolved {
                        intent: pending.intent,
                        applied: self.mistake == Mistake::DoubtIsSuccess,
                        how: "by mistake".to_owned(),
                    });
                }
            }
            Mistake::HastyTakeover => {
                if let Some(pending) = &release.pending
                    && pending.result.is_none()
                    && first
                {
                    return record(Event::Resolved {
                        intent: pending.intent,
                        applied: false,
                        how: "by mistake".to_owned(),
                    });
                }
            }
            Mistake::TerminateAfterSwap if release.pending.is_none() => {
                if release.phase == Phase::Drain {
                    return record(Event::Drained {
                        how: "by mistake".to_owned(),
                        remove_blue: true,
                    });
                }
                if release.phase == Phase::Retire {
                    let mut hasty = release.clone();
                    hasty.plan.retire.warm = crate::model::Span::from_secs(0);
                    return decide(&hasty, seen);
                }
            }
            Mistake::TerminateGreenAtOnce if release.phase == Phase::RollBack => {
                let mut hasty = release.clone();
                hasty.plan.rollback.keep_green = crate::model::Span::from_secs(0);
                hasty.shift_intended = false;
                return decide(&hasty, seen);
            }
            Mistake::ReadyIsHealthy => return decide(release, &all_well(release, seen, false)),
            Mistake::UnreadIsFine => return decide(release, &all_well(release, seen, true)),
            Mistake::UnlistedIsGone if matches!(seen.environments, Known::Unknown(_)) => {
                let mut seen = seen.clone();
                seen.environments = Known::Known(Vec::new());
                return decide(release, &seen);
            }
            Mistake::ListIsBelieved => {
                let decision = decide(release, seen);
                if let Why::Astray { what, .. } = &decision.why {
                    let mut believing = release.clone();
                    believing.waiting = Some(Why::Astray {
                        what: what.clone(),
                        since: Timestamp::from_millis(0),
                    });
                    return decide(&believing, seen);
                }
                return decision;
            }
            Mistake::RestartSkipsBake
                if first && release.phase == Phase::Bake && release.watch.bad == 0 && release.pending.is_none() =>
            {
                return record(Event::BakePassed);
            }
            Mistake::RollbackNeedsMetrics if release.phase == Phase::RollBack => {
                if let Known::Unknown(why) = &seen.green_health
                    && release.green.is_some()
                    && release.shift_intended
                {
                    let until = seen.at + Duration::from_secs(10);
                    return Decision {
                        why: Why::CannotSee { what: why.clone() },
                        then: Then::Wait {
                            until,
                            deadline: until,
                            at_deadline: "it is looked at again",
                        },
                    };
                }
            }
            Mistake::SilenceIsHealth if release.phase == Phase::Bake && release.pending.is_none() => {
                let over = release
                    .confirmed_at
                    .is_some_and(|began| seen.at >= began + release.plan.bake.duration.get());
                if over && release.watch.bad == 0 {
                    return record(Event::BakePassed);
                }
            }
            Mistake::BadLooksAreNoted => {
                let decision = decide(release, seen);
                if let Then::Record(Event::Looked {
                    look: Look::Bad { why },
                }) = &decision.then
                {
                    return record(Event::Looked {
                        look: Look::Unknown { why: why.clone() },
                    });
                }
                return decision;
            }
            Mistake::SmokeIsSkipped if release.phase == Phase::Smoke && release.pending.is_none() => {
                let passed = release.smoke.passed >= release.plan.smoke.successes;
                return record(if passed {
                    Event::SmokePassed
                } else {
                    Event::SmokeRound { failures: Vec::new() }
                });
            }
            Mistake::NoDeadline => {
                let mut patient = release.clone();
                patient.phase_since = seen.at;
                return decide(&patient, seen);
            }
            Mistake::OrphanIsLeft if release.phase == Phase::RollBack && release.green.is_none() => {
                let mut blind = release.clone();
                blind.attempts.remove("create environment");
                let mut seen = seen.clone();
                seen.environments = seen.environments.map(|mut all| {
                    all.retain(|environment| environment.name != release.plan.green_name);
                    all
                });
                return decide(&blind, &seen);
            }
            Mistake::ForeignSwapIsIgnored if release.shifted_at.is_some() && release.phase != Phase::RollBack => {
                let mut seen = seen.clone();
                let slot = &release.plan.slot_cname;
                let green = release.green.as_ref().map(|green| green.id.clone());
                seen.environments = seen.environments.map(|mut all| {
                    for environment in &mut all {
                        if Some(&environment.id) == green.as_ref() {
                            environment.cname = Some(slot.clone());
                        } else if environment.holds(slot) {
                            environment.cname = None;
                        }
                    }
                    all
                });
                return decide(release, &seen);
            }
            Mistake::WishIsIgnored if release.shift_intended && release.rollback.is_none() => {
                let mut deaf = release.clone();
                deaf.wishes = Wishes::default();
                return decide(&deaf, seen);
            }
            Mistake::RollbackStopsAtGreen if release.phase == Phase::RollBack => {
                let decision = decide(release, seen);
                if let Then::Act(Action::Terminate { .. } | Action::SaveEvidence { .. }) = decision.then {
                    return Decision {
                        why: decision.why,
                        then: Then::Finish {
                            outcome: release
                                .rollback
                                .as_ref()
                                .map_or(Outcome::RolledBack, |back| back.outcome),
                            why: "by mistake".to_owned(),
                        },
                    };
                }
                return decision;
            }
            Mistake::OneLookTurns => {
                let mut nervous = release.clone();
                nervous.plan.bake.fail = 1;
                return decide(&nervous, seen);
            }
            _ => {}
        }
        decide(release, seen)
    }
}

/// The same observation with good health where there is none: of what was read, or of what could not be.
fn all_well(release: &Release, seen: &Observation, only_unread: bool) -> Observation {
    let mut seen = seen.clone();
    if let Known::Known(health) = &mut seen.green_health {
        if !only_unread {
            health.color = HealthColor::Green;
            health.status = Some(HealthStatus::Ok);
            health.refreshed_at = Some(seen.at);
            health.causes.clear();
            for instance in health.instances.values_mut() {
                instance.status = HealthStatus::Ok;
                instance.version = Some(release.plan.version_label.clone());
            }
        }
    } else if only_unread {
        // What could not be read is what was good the last time.
        seen.green_health = Known::Known(fine(release, seen.at));
        if let Some(public) = &mut seen.public {
            for check in &mut public.checks {
                check.passed |= check.status.is_none();
            }
        }
    }
    seen
}

fn fine(release: &Release, at: Timestamp) -> HealthSeen {
    let instance = InstanceSeen {
        status: HealthStatus::Ok,
        version: Some(release.plan.version_label.clone()),
    };
    HealthSeen {
        color: HealthColor::Green,
        status: Some(HealthStatus::Ok),
        refreshed_at: Some(at),
        causes: Vec::new(),
        instances: std::iter::once((InstanceId::new("i-1"), instance)).collect(),
        requests: Some(0),
    }
}
