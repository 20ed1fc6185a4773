//! Every known mistake, in the smallest world that shows it: it is found by its rule, and the same world without it breaks none.

use super::super::mistakes::Mistake;
use super::super::scenario::{Deed, Fate, Manner, Moment, Quality, Scenario, Service, Trouble};
use super::super::world::simulate;
use super::{calm, of, seconds, with};
use crate::release::Wish;

/// Green gets the slot after so long in a calm world, and is past its bake a minute later.
const IN_THE_BAKE: u64 = 125;

/// It breaks soon after it had traffic.
const BREAKS: Quality = Quality::Breaks(seconds(5), 0.9);

fn swap_meets(fate: Fate) -> Trouble {
    Trouble::Call {
        on: Some("SwapEnvironmentCNAMEs"),
        nth: 1,
        times: 1,
        fate,
    }
}

fn after_intent(polls: u64) -> Moment {
    Moment::Intended { call: "swap", polls }
}

fn outage(of: Service, from: u64, length: u64, fate: Fate) -> Trouble {
    Trouble::Outage {
        of,
        from: seconds(from),
        length: seconds(length),
        fate,
    }
}

/// The smallest world that shows a mistake.
fn world(mistake: Mistake) -> Scenario {
    let frozen_with_company = |polls, length| {
        let at = after_intent(polls);
        let length = seconds(length);
        with([Trouble::Freeze { at, length }, Trouble::Second { at: seconds(30) }])
    };
    match mistake {
        Mistake::TerminateAfterSwap | Mistake::SmokeIsSkipped | Mistake::NoPause => calm(),
        Mistake::RetriedSwap | Mistake::DoubtIsFailure => with([swap_meets(Fate::ErrorAfter)]),
        Mistake::DoubtIsSuccess => with([swap_meets(Fate::ErrorBefore)]),
        Mistake::LateCall => frozen_with_company(6, 250),
        Mistake::LeaseWithoutFence => frozen_with_company(20, 90),
        Mistake::HastyTakeover => with([
            swap_meets(Fate::Slow(seconds(19))),
            Trouble::Crash {
                at: after_intent(12),
                away: seconds(1),
                same_machine: true,
            },
        ]),
        Mistake::TerminateGreenAtOnce | Mistake::BadLooksAreNoted | Mistake::GreenIsLeft => of(BREAKS),
        Mistake::NameIsIdentity => with([Trouble::Stranger {
            at: seconds(3),
            deed: Deed::TakeName,
        }]),
        Mistake::ReadyIsHealthy => of(Quality::Unhealthy),
        Mistake::NoDeadline => of(Quality::NeverReady),
        Mistake::UnreadIsFine | Mistake::SilenceIsHealth => {
            with([outage(Service::Monitoring, IN_THE_BAKE, 600, Fate::Throttled)])
        }
        Mistake::RollbackNeedsMetrics => Scenario {
            quality: BREAKS,
            ..with([outage(Service::Monitoring, IN_THE_BAKE, 600, Fate::Throttled)])
        },
        Mistake::RestartSkipsBake => Scenario {
            manner: Manner::Slices(seconds(20), seconds(2)),
            ..calm()
        },
        Mistake::UnlistedIsGone => with([outage(Service::Beanstalk, 60, 20, Fate::Throttled)]),
        Mistake::ListIsBelieved => with([outage(Service::Beanstalk, 0, 600, Fate::Stale(seconds(8)))]),
        Mistake::OneLookTurns => with([outage(Service::Probes, IN_THE_BAKE, 10, Fate::LostBefore)]),
        Mistake::WishIsIgnored => with([Trouble::Asked {
            at: seconds(IN_THE_BAKE),
            wish: Wish::RollBack,
        }]),
        Mistake::ForeignSwapIsIgnored => with([Trouble::Stranger {
            at: seconds(IN_THE_BAKE),
            deed: Deed::Swap,
        }]),
        Mistake::OrphanIsLeft => with([
            Trouble::Call {
                on: Some("CreateEnvironment"),
                nth: 1,
                times: 1,
                fate: Fate::Slow(seconds(19)),
            },
            Trouble::Asked {
                at: seconds(10),
                wish: Wish::Abort,
            },
        ]),
    }
}

#[test]
fn every_mistake_is_found_by_its_rule_and_nothing_else_is() {
    let mut wrong = Vec::new();
    for mistake in Mistake::ALL.iter().copied() {
        let scenario = world(mistake);
        let right = simulate(&scenario, None, false);
        if let Some(violation) = right.violation {
            wrong.push(format!("without {}: {violation}", mistake.name()));
        }
        let made = simulate(&scenario, Some(mistake), true);
        match made.violation {
            Some(violation) if violation.rule == mistake.rule() => {}
            Some(violation) => wrong.push(format!("{}, not by its rule: {violation}", mistake.name())),
            None => wrong.push(format!(
                "{} is not found: {:?}\n  {}",
                mistake.name(),
                made.outcome,
                made.chronicle.join("\n  ")
            )),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_are_unique_and_known() {
    for mistake in Mistake::ALL {
        assert_eq!(mistake.name().parse(), Ok(*mistake));
    }
    let unknown = "none".parse::<Mistake>().unwrap_err();
    assert!(
        unknown.contains("there are retried-swap, doubt-is-failure"),
        "{unknown}"
    );
}
