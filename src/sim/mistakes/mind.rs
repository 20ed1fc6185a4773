//! Mistakes of the mind: what is looked at, and what is concluded from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Mistake;
use crate::driver::Mind;
use crate::model::{HealthColor, HealthStatus, InstanceId, Known, Served, Span, Timestamp};
use crate::release::{
    Action, CallResult, Decision, Event, HealthSeen, InstanceSeen, Look, Looks, Observation, Pending, Phase, Release,
    Role, Then, Why, Wishes, decide, looks,
};
use crate::spec::Check;

/// The mind of a driver that makes the mistake.
pub(in super::super) fn mind(mistake: Mistake) -> Arc<dyn Mind> {
    Arc::new(Mistaken {
        mistake,
        has_decided: AtomicBool::new(false),
        believes_swap: AtomicBool::new(false),
    })
}

struct Mistaken {
    mistake: Mistake,
    has_decided: AtomicBool,
    believes_swap: AtomicBool,
}

impl Mind for Mistaken {
    fn looks(&self, release: &Release, now: Timestamp) -> Looks {
        let mut wanted = looks(release, now);
        if self.mistake == Mistake::RollbackNeedsMetrics && on_the_way_back(release) {
            wanted.green_health = release.green.as_ref().map(|green| green.id.clone());
        }
        wanted
    }

    fn decide(&self, release: &Release, seen: &Observation) -> Decision {
        let first = !self.has_decided.swap(true, Ordering::Relaxed);
        self.mistaken(release, seen, first)
            .unwrap_or_else(|| decide(release, seen))
    }
}

impl Mistaken {
    /// What the mistake decides; `None` where it makes no difference.
    fn mistaken(&self, release: &Release, seen: &Observation, first: bool) -> Option<Decision> {
        match self.mistake {
            // These are made by the client, the clock, the journal or the function.
            Mistake::RetriedSwap
            | Mistake::LateCall
            | Mistake::NameIsIdentity
            | Mistake::JobIsForgotten
            | Mistake::LeaseWithoutFence
            | Mistake::RoundedUp => None,
            Mistake::DoubtIsFailure => swap_in_doubt(release).map(|pending| resolved(pending, false)),
            Mistake::DoubtIsSuccess => self.taken_for_done(release, seen),
            Mistake::HastyTakeover => hasty(release, seen, first),
            Mistake::TerminateAfterSwap => terminate_blue(release),
            Mistake::TerminateGreenAtOnce => (release.phase == Phase::RollBack).then(|| {
                let nobody_counts = Observation {
                    green_health: Known::Unknown("nobody asks".to_owned()),
                    ..seen.clone()
                };
                with(release, &nobody_counts, |hasty| {
                    hasty.plan.rollback.keep_green = Span::from_secs(0);
                    hasty.shift_intended = false;
                    hasty.waiting = None;
                })
            }),
            Mistake::ReadyIsHealthy => ready_is_healthy(release, seen),
            Mistake::SmokeIsSkipped => skip_smoke(release),
            Mistake::UnreadIsFine => Some(decide(release, &unread_is_fine(release, seen))),
            Mistake::SilenceIsHealth => silence_is_health(release, seen),
            Mistake::RestartSkipsBake => (first && in_bake(release)).then(|| record(Event::BakePassed { how: None })),
            Mistake::UnlistedIsGone => matches!(seen.environments, Known::Unknown(_)).then(|| {
                let mut seen = seen.clone();
                seen.environments = Known::Known(Vec::new());
                believing(release, &seen)
            }),
            Mistake::ListIsBelieved => Some(believing(release, seen)),
            Mistake::OneLookTurns => Some(with(release, seen, |nervous| {
                nervous.plan.bake.fail = 1;
                let checks = nervous.plan.checks(nervous.step);
                nervous.watch.failed = checks.iter().map(Check::title).collect();
            })),
            Mistake::BadLooksAreNoted => only_noted(release, seen),
            Mistake::WishIsIgnored => (release.shift_intended && release.rollback.is_none())
                .then(|| with(release, seen, |deaf| deaf.wishes = Wishes::default())),
            Mistake::ForeignSwapIsIgnored => (release.shifted_at.is_some() && release.rollback.is_none())
                .then(|| decide(release, &green_holds(release, seen))),
            Mistake::RollbackNeedsMetrics => needs_metrics(release, seen),
            Mistake::NoDeadline => Some(with(release, seen, |patient| patient.phase_since = seen.at)),
            Mistake::LooksGoFirst => Some(with(release, seen, |eager| eager.watch.entry = 0)),
            Mistake::OrphanIsLeft => orphan_is_left(release, seen),
            Mistake::GreenIsLeft => green_is_left(release, seen),
            Mistake::BlueShrinks => Some(with(release, seen, |lean| lean.plan.rollback.hold_blue = false)),
            Mistake::NoPause => no_pause(release, seen),
        }
    }

    /// A swap in doubt counts as done, and so does everything that follows from it.
    fn taken_for_done(&self, release: &Release, seen: &Observation) -> Option<Decision> {
        if let Some(pending) = swap_in_doubt(release) {
            self.believes_swap.store(true, Ordering::Relaxed);
            return Some(resolved(pending, true));
        }
        let believes = self.believes_swap.load(Ordering::Relaxed);
        (believes && release.rollback.is_none()).then(|| {
            let mut seen = green_holds(release, seen);
            if let Some(public) = &mut seen.public {
                public.slot_addresses = public.expected_addresses.clone();
            }
            decide(release, &seen)
        })
    }
}

fn record(event: Event) -> Decision {
    Decision {
        why: Why::Seen {
            what: "by mistake".to_owned(),
        },
        then: Then::Record(event),
    }
}

fn resolved(pending: &Pending, applied: bool) -> Decision {
    record(Event::Resolved {
        intent: pending.intent,
        applied,
        how: "by mistake".to_owned(),
    })
}

/// Decides about another state than the one that is.
fn with(release: &Release, seen: &Observation, change: impl FnOnce(&mut Release)) -> Decision {
    let mut changed = release.clone();
    change(&mut changed);
    decide(&changed, seen)
}

fn swap_in_doubt(release: &Release) -> Option<&Pending> {
    release.pending.as_ref().filter(|pending| {
        matches!(pending.action, Action::Swap { .. }) && matches!(pending.result, Some(CallResult::Unknown { .. }))
    })
}

fn in_bake(release: &Release) -> bool {
    release.phase == Phase::Bake && release.pending.is_none() && release.watch.bad == 0
}

fn on_the_way_back(release: &Release) -> bool {
    release.rollback.as_ref().is_some_and(|back| back.restored_at.is_none()) && release.shift_intended
}

fn hasty(release: &Release, seen: &Observation, first: bool) -> Option<Decision> {
    if let Some(pending) = &release.pending
        && pending.result.is_none()
        && first
    {
        return Some(resolved(pending, false));
    }
    // Nor does it wait before it makes the call again.
    release
        .attempts
        .contains_key("swap")
        .then(|| with(release, seen, |hasty| drop(hasty.attempts.remove("swap"))))
}

fn terminate_blue(release: &Release) -> Option<Decision> {
    let moved = release.shifted_at.is_some() && release.rollback.is_none();
    let before = matches!(release.phase, Phase::Shift | Phase::Bake | Phase::Drain);
    let asked = release.attempts.contains_key("terminate") || release.pending.is_some();
    let blue = release.blue.as_ref()?;
    (moved && before && !asked).then(|| Decision {
        why: Why::Missing {
            what: "by mistake".to_owned(),
        },
        then: Then::Act(Action::Terminate {
            environment: blue.id.clone(),
            role: Role::Blue,
        }),
    })
}

fn ready_is_healthy(release: &Release, seen: &Observation) -> Option<Decision> {
    let before = matches!(release.phase, Phase::Provision | Phase::Shift) && release.shifted_at.is_none();
    before.then(|| {
        let mut seen = seen.clone();
        seen.green_health = Known::Known(fine(release, seen.at));
        seen.errors = Known::Known(Vec::new());
        decide(release, &seen)
    })
}

fn skip_smoke(release: &Release) -> Option<Decision> {
    (release.phase == Phase::Smoke && release.pending.is_none()).then(|| {
        record(if release.smoke.passed >= release.plan.smoke.successes {
            Event::SmokePassed
        } else {
            Event::SmokeRound { failures: Vec::new() }
        })
    })
}

fn unread_is_fine(release: &Release, seen: &Observation) -> Observation {
    let mut seen = seen.clone();
    if matches!(seen.green_health, Known::Unknown(_)) {
        seen.green_health = Known::Known(fine(release, seen.at));
    }
    if matches!(seen.errors, Known::Unknown(_)) {
        seen.errors = Known::Known(Vec::new());
    }
    if let Some(public) = &mut seen.public {
        for check in &mut public.checks {
            check.passed |= check.status.is_none();
        }
    }
    seen
}

fn silence_is_health(release: &Release, seen: &Observation) -> Option<Decision> {
    let over = release
        .confirmed_at
        .is_some_and(|began| seen.at >= began + release.plan.bake.duration.get());
    (in_bake(release) && over).then(|| record(Event::BakePassed { how: None }))
}

/// What must last to be believed counts as if it had lasted.
fn believing(release: &Release, seen: &Observation) -> Decision {
    let decision = decide(release, seen);
    let Why::Astray { what, beneath, .. } = &decision.why else {
        return decision;
    };
    let (what, mut beneath) = (what.clone(), beneath.clone());
    for finding in &mut beneath {
        finding.since = Timestamp::from_millis(0);
    }
    with(release, seen, |believing| {
        believing.waiting = Some(Why::Astray {
            what,
            since: Timestamp::from_millis(0),
            beneath,
        });
    })
}

fn only_noted(release: &Release, seen: &Observation) -> Option<Decision> {
    let decision = decide(release, seen);
    let look = match decision.then {
        Then::Record(Event::Looked {
            look: Look::Bad { why },
            ..
        }) => Look::Unknown { why },
        Then::Record(Event::Looked { look, .. }) => look,
        Then::Record(Event::Measured { .. }) if release.shifted_at.is_some() => Look::Unknown {
            why: "probes fail".to_owned(),
        },
        _ => return Some(decision),
    };
    // What both served is not asked either.
    Some(record(Event::Looked { look, measured: None }))
}

fn needs_metrics(release: &Release, seen: &Observation) -> Option<Decision> {
    let Known::Unknown(why) = &seen.green_health else {
        return None;
    };
    (on_the_way_back(release) && release.green.is_some()).then(|| {
        let until = seen.at + Duration::from_secs(10);
        Decision {
            why: Why::CannotSee { what: why.clone() },
            then: Then::Wait {
                until,
                deadline: until,
                at_deadline: "it is looked at again",
            },
        }
    })
}

fn orphan_is_left(release: &Release, seen: &Observation) -> Option<Decision> {
    (release.phase == Phase::RollBack && release.green.is_none()).then(|| {
        let mut seen = seen.clone();
        seen.environments = seen.environments.map(|mut all| {
            all.retain(|environment| environment.name != release.plan.green_name);
            all
        });
        let mut blind = release.clone();
        blind.attempts.remove("create environment");
        decide(&blind, &seen)
    })
}

fn green_is_left(release: &Release, seen: &Observation) -> Option<Decision> {
    let back = release.rollback.as_ref()?;
    let decision = decide(release, seen);
    let Then::Act(Action::Terminate { .. } | Action::SaveEvidence { .. }) = decision.then else {
        return Some(decision);
    };
    Some(Decision {
        why: decision.why,
        then: Then::Finish {
            outcome: back.outcome,
            why: "by mistake".to_owned(),
            left: None,
        },
    })
}

fn no_pause(release: &Release, seen: &Observation) -> Option<Decision> {
    let mut decision = decide(release, seen);
    if let Then::Wait { until, .. } = &mut decision.then {
        *until = seen.at;
    }
    Some(decision)
}

/// The same observation with the slot's name on green.
fn green_holds(release: &Release, seen: &Observation) -> Observation {
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
    seen
}

/// Health as one would like to see it.
fn fine(release: &Release, at: Timestamp) -> HealthSeen {
    let count = release
        .blue
        .as_ref()
        .map_or(1, |blue| blue.running.max(blue.min_instances));
    let instance = |index| {
        let seen = InstanceSeen {
            status: HealthStatus::Ok,
            version: Some(release.plan.version_label.clone()),
            served: None,
        };
        (InstanceId::new(format!("i-{index}")), seen)
    };
    HealthSeen {
        color: HealthColor::Green,
        status: Some(HealthStatus::Ok),
        refreshed_at: Some(at),
        reported_at: Some(at),
        causes: Vec::new(),
        instances: (1..=count.max(1)).map(instance).collect(),
        served: Some(Served::default()),
        window: Span::from_secs(10),
    }
}
