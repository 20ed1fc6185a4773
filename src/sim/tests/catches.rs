//! Every known mistake, in the smallest world that shows it: it is found by its rule, and the same world without it breaks none.

use super::super::mistakes::Mistake;
use super::super::scenario::{Deed, Fate, Manner, Moment, Quality, Scenario, Service, Trouble};
use super::super::world::simulate;
use super::{of, seconds, with};
use crate::release::Wish;
use crate::spec::Lever;

/// In a calm world green has the slot after two and a half minutes, and is past its bake a minute later.
const IN_THE_BAKE: u64 = 155;

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

/// The smallest world that shows a mistake. Where it depends on how often a driver is polled between an intent and its call,
/// there are some, and one of them must show it.
fn worlds(mistake: Mistake) -> Vec<Scenario> {
    let second = Trouble::Second { at: seconds(30) };
    let frozen = |polls, length| Trouble::Freeze {
        at: after_intent(polls),
        length: seconds(length),
    };
    vec![match mistake {
        Mistake::LateCall => {
            return (0..6).map(|polls| with([frozen(polls, 250), second.clone()])).collect();
        }
        Mistake::LeaseWithoutFence => {
            return (0..6)
                .map(|part| with([frozen(10 + 4 * part, 90), second.clone()]))
                .collect();
        }
        Mistake::HastyTakeover => {
            let slow = swap_meets(Fate::Slow(seconds(19)));
            let crash = |polls| Trouble::Crash {
                at: after_intent(polls),
                away: seconds(1),
                same_machine: true,
            };
            return (3..8).map(|polls| with([slow.clone(), crash(polls)])).collect();
        }

        Mistake::TerminateAfterSwap | Mistake::SmokeIsSkipped | Mistake::NoPause => Scenario::calm(),
        Mistake::RetriedSwap | Mistake::DoubtIsFailure => with([swap_meets(Fate::ErrorAfter)]),
        Mistake::DoubtIsSuccess => with([swap_meets(Fate::ErrorBefore)]),
        Mistake::RoundedUp => {
            let mut in_steps = Scenario::calm();
            in_steps.terms.lever = Lever::WeightedTargetGroups;
            in_steps
        }
        Mistake::TerminateGreenAtOnce | Mistake::BadLooksAreNoted | Mistake::GreenIsLeft => of(BREAKS),
        Mistake::NameIsIdentity => with([Trouble::Stranger {
            at: seconds(3),
            deed: Deed::TakeName,
        }]),
        Mistake::ReadyIsHealthy => of(Quality::Unhealthy),
        Mistake::NoDeadline => {
            let mut patient = of(Quality::Bad(1.0));
            patient.terms.interval = seconds(20);
            patient
        }
        Mistake::UnreadIsFine | Mistake::SilenceIsHealth => {
            with([outage(Service::Monitoring, IN_THE_BAKE, 600, Fate::Throttled)])
        }
        Mistake::RollbackNeedsMetrics => Scenario {
            quality: BREAKS,
            ..with([outage(Service::Monitoring, IN_THE_BAKE, 600, Fate::Throttled)])
        },
        Mistake::RestartSkipsBake => Scenario {
            manner: Manner::Slices(seconds(45), seconds(2)),
            ..Scenario::calm()
        },
        Mistake::UnlistedIsGone => with([outage(Service::Beanstalk, 60, 20, Fate::Throttled)]),
        Mistake::ListIsBelieved => with([outage(Service::Beanstalk, 0, 600, Fate::Stale(seconds(8)))]),
        // The first three are the smoke checks.
        Mistake::OneLookTurns => with([Trouble::Call {
            on: Some("probe"),
            nth: 6,
            times: 1,
            fate: Fate::ErrorBefore,
        }]),
        Mistake::WishIsIgnored => with([Trouble::Asked {
            at: seconds(IN_THE_BAKE),
            wish: Wish::RollBack,
        }]),
        Mistake::ForeignSwapIsIgnored => with([Trouble::Stranger {
            at: seconds(IN_THE_BAKE),
            deed: Deed::Swap,
        }]),
        Mistake::BlueShrinks => {
            // Late enough for old answers of DNS to have run out.
            let mut grown = of(Quality::Breaks(seconds(90), 0.9));
            grown.terms.bake = seconds(240);
            (grown.terms.instances, grown.terms.scaling) = (2, Some(seconds(5)));
            grown
        }
        // A good version is live when the second one's turn comes, and is refused for that.
        Mistake::JobIsForgotten => Scenario {
            manner: Manner::Jobs(seconds(900)),
            quality: BREAKS,
            ..with([
                // The first one is the watch, which a schedule lets come at once.
                Trouble::Twice {
                    nth: 2,
                    after: seconds(5),
                },
                // Else the second one is refused because the execution has failed by then.
                Trouble::Call {
                    on: Some("GetPipelineExecution"),
                    nth: 1,
                    times: 100_000,
                    fate: Fate::Denied,
                },
            ])
        },
        Mistake::LooksGoFirst => {
            let mut eager = Scenario::calm();
            eager.terms.interval = seconds(1);
            eager.latency = seconds(4);
            eager
        }
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
    }]
}

/// So many tests share the mistakes, because each is played on one thread.
const PARTS: usize = 3;

fn each_is_found(part: usize) {
    let mut wrong = Vec::new();
    for mistake in Mistake::ALL.iter().copied().skip(part).step_by(PARTS) {
        let worlds = worlds(mistake);
        for world in &worlds {
            if let Some(violation) = simulate(world, None, false).violation {
                wrong.push(format!("without {}: {violation} in {world:?}", mistake.name()));
            }
        }
        let mut found = Vec::new();
        for world in &worlds {
            found.extend(simulate(world, Some(mistake), false).violation);
        }
        if found.is_empty() || found.iter().any(|violation| violation.rule != mistake.rule()) {
            wrong.push(format!(
                "{} is to be found by {}, and is by {found:?}",
                mistake.name(),
                mistake.rule()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_mistake_is_found_by_its_rule_and_its_world_without_it_breaks_none_first_part() {
    each_is_found(0);
}

#[test]
fn every_mistake_is_found_by_its_rule_and_its_world_without_it_breaks_none_second_part() {
    each_is_found(1);
}

#[test]
fn every_mistake_is_found_by_its_rule_and_its_world_without_it_breaks_none_third_part() {
    each_is_found(PARTS - 1);
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
