//! The same seed gives the same bytes.

use super::super::many::{Many, many};
use super::super::minimise::minimise;
use super::super::mistakes::Mistake;
use super::super::scenario::{Fate, Moment, Quality, Scenario, Store, Trouble};
use super::super::world::{Played, simulate};
use super::{of, seconds, with};

/// Seeds with faults, crashes, both journals and several drivers; the last ones have pipelines.
const SEEDS: [u64; 6] = [1, 2, 3, 4, 1192, 1220];

fn bytes(played: &Played) -> String {
    serde_json::to_string(played).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_every_thread() {
    let play = || SEEDS.map(|seed| bytes(&simulate(&Scenario::of(seed), None, true)));
    let (here, there) = std::thread::scope(|scope| {
        let there = scope.spawn(play);
        (play(), there.join().unwrap())
    });
    for (index, seed) in SEEDS.iter().enumerate() {
        assert_eq!(here[index], there[index], "seed {seed}");
        let others = here.iter().enumerate().filter(|(other, _)| *other != index);
        assert!(
            others.into_iter().all(|(_, other)| *other != here[index]),
            "seed {seed}"
        );
    }
}

#[test]
fn worlds_do_not_depend_on_those_before_and_beside_them() {
    let play = |start, seeds, threads| {
        many(
            Many {
                start,
                seeds,
                threads,
                pipelines: false,
                mistake: None,
                enough: usize::MAX,
            },
            &|_, _| {},
        )
    };
    let (one, three) = (play(20, 9, 1), play(20, 9, 3));
    assert_eq!(one.fingerprint, three.fingerprint);
    assert_eq!(one.worlds, 9);
    assert_ne!(one.fingerprint, play(21, 8, 2).fingerprint);
}

#[test]
fn tracing_changes_nothing() {
    for seed in SEEDS {
        let scenario = Scenario::of(seed);
        let traced = simulate(&scenario, None, true);
        assert!(!traced.chronicle.is_empty());
        let silent = Played {
            chronicle: Vec::new(),
            ..traced
        };
        assert_eq!(silent, simulate(&scenario, None, false), "seed {seed}");
    }
}

#[test]
fn the_smallest_world_keeps_the_rule_and_drops_what_does_not_matter() {
    let mut scenario = of(Quality::Breaks(seconds(5), 0.9));
    scenario.terms.instances = 3;
    scenario.store = Store::S3;
    scenario.skews[0] = 60_000;
    scenario.troubles = vec![
        Trouble::Second { at: seconds(40) },
        Trouble::Call {
            on: Some("DescribeEvents"),
            nth: 2,
            times: 3,
            fate: Fate::Throttled,
        },
    ];
    let (smallest, played) = minimise(&scenario, Some(Mistake::GreenIsLeft)).unwrap();
    assert_eq!(played.violation.unwrap().rule, Mistake::GreenIsLeft.rule());
    assert!(!played.chronicle.is_empty());
    // That it is bad matters; nothing else does.
    assert_eq!(smallest, of(Quality::Breaks(seconds(5), 0.9)));
    assert_eq!(minimise(&Scenario::calm(), None).map(|(smallest, _)| smallest), None);
}

#[test]
fn what_a_dead_driver_has_sent_still_arrives() {
    let world = |polls| {
        with([
            Trouble::Call {
                on: Some("SwapEnvironmentCNAMEs"),
                nth: 1,
                times: 1,
                fate: Fate::Slow(seconds(15)),
            },
            Trouble::Crash {
                at: Moment::Intended { call: "swap", polls },
                away: seconds(60),
                same_machine: true,
            },
        ])
    };
    // How often a driver is polled before its call is on its way depends on the AWS client.
    let late = (4..12).filter(|polls| {
        let played = simulate(&world(*polls), None, true);
        assert_eq!(played.violation, None);
        let line = |text: &str| played.chronicle.iter().position(|line| line.contains(text));
        line("dies").unwrap() < line("carries out SwapEnvironmentCNAMEs of driver 0").unwrap_or(0)
    });
    assert!(late.count() > 0);
}

#[test]
fn a_chronicle_holds_no_secret() {
    for seed in SEEDS {
        let scenario = Scenario {
            store: Store::S3,
            ..Scenario::of(seed)
        };
        let chronicle = simulate(&scenario, None, true).chronicle.join("\n");
        for secret in ["AKIDSIMULATED", "secret", "Signature", "Credential"] {
            assert!(!chronicle.contains(secret), "{secret} in the chronicle of seed {seed}");
        }
    }
}
