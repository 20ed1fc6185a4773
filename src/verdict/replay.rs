//! Windows that were recorded, judged anew: what another policy would have done.

use serde::Serialize;

use super::evidence::Decision;
use super::judge::Judge;
use super::policy::Policy;
use super::window::{Arm, Window};

/// What a policy makes of recorded windows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Replay {
    /// What it would have decided, and when; absent if it would have held the release to the end of the record.
    pub decided: Option<Decided>,
    /// Windows that were recorded.
    pub windows: usize,
    /// What green served until then, or until the end.
    pub until_then: Harm,
    /// What green served in all.
    pub recorded: Harm,
}

/// A decision about a release.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decided {
    /// What is to be done.
    pub decision: Decision,
    /// When, in seconds since green got traffic.
    pub after_s: f64,
    /// Why, in words.
    pub reason: String,
}

/// What an arm served its users. cutover's own requests hurt nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Harm {
    /// Requests of users that it answered.
    pub requests: f64,
    /// Of them, server errors.
    pub errors: f64,
}

impl Harm {
    /// Adds what an arm has served in one window.
    pub fn add(&mut self, arm: &Arm) {
        match arm.errors() {
            Some(users) => {
                self.requests += users.n;
                self.errors += users.k;
            }
            None => self.requests += arm.requests(),
        }
    }
}

/// Judges recorded windows by a policy, from the first to the last.
#[must_use]
pub fn replay(policy: Policy, windows: &[Window]) -> Replay {
    let mut judge = Judge::new(policy);
    let (mut until_then, mut recorded) = (Harm::default(), Harm::default());
    let (mut decided, mut shifted) = (None, None);
    for window in windows {
        if window.step > 0 {
            recorded.add(&window.green);
            shifted.get_or_insert(window.begin_s);
        }
        if decided.is_some() {
            continue;
        }
        let verdict = judge.window(window);
        if window.step > 0 {
            until_then.add(&window.green);
        }
        if verdict.decision != Decision::Insufficient {
            decided = Some(Decided {
                decision: verdict.decision,
                after_s: window.end_s - shifted.unwrap_or(window.begin_s),
                reason: verdict.to_string(),
            });
        }
    }
    Replay {
        decided,
        windows: windows.len(),
        until_then,
        recorded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{Own, Preset};

    /// Half a minute before the shift, then ten minutes with so many errors of a hundred in each of green's windows.
    fn windows(errors: f64) -> Vec<Window> {
        let arm = |requests: f64, errors: f64| Arm {
            requests: Some(requests),
            errors: Some(errors),
            ..Arm::default()
        };
        let at = |number: u32| f64::from(number) * 10.0;
        (0..63)
            .map(|number| Window {
                begin_s: at(number),
                end_s: at(number + 1),
                step: u32::from(number >= 3),
                blue: arm(100.0, 0.0),
                green: if number < 3 { Arm::default() } else { arm(100.0, errors) },
            })
            .collect()
    }

    #[test]
    fn harm_is_what_users_met_until_the_decision() {
        let bad = replay(Policy::default(), &windows(30.0));
        let decided = bad.decided.expect("thirty of a hundred are many");
        assert_eq!(decided.decision, Decision::Unhealthy);
        assert!(
            decided.after_s <= 20.0 && decided.reason.contains("worse than blue"),
            "{decided:?}"
        );
        assert!(bad.until_then.errors <= 60.0, "{:?}", bad.until_then);
        assert_eq!(
            bad.recorded,
            Harm {
                requests: 6000.0,
                errors: 1800.0
            }
        );
        assert_eq!(bad.windows, 63);
    }

    #[test]
    fn a_policy_that_asks_for_less_decides_otherwise() {
        let mut mild = windows(0.0);
        for window in &mut mild {
            window.green.errors = window.green.requests.map(|requests| requests * 0.01);
            window.blue.errors = Some(0.5);
        }
        let standard = replay(Policy::default(), &mild);
        let patient = Policy {
            errors: crate::verdict::Tolerance {
                ratio: 4.0,
                absolute: 0.02,
            },
            ..Policy::preset(Preset::Patient)
        };
        let patient = replay(patient, &mild);
        assert!(
            patient
                .decided
                .is_none_or(|decided| decided.decision != Decision::Unhealthy)
        );
        assert_eq!(standard.recorded, patient.recorded, "what was recorded is what it is");
    }

    #[test]
    fn cutovers_own_requests_are_no_users() {
        let arm = |requests: f64, errors: Option<f64>, own: f64| Arm {
            requests: Some(requests),
            errors,
            own: Own {
                requests: own,
                failures: own / 2.0,
            },
            ..Arm::default()
        };
        for (arm, requests, errors) in [
            (arm(8.0, Some(4.0), 8.0), 0.0, 0.0),
            (arm(100.0, Some(6.0), 8.0), 92.0, 2.0),
            (arm(100.0, None, 8.0), 92.0, 0.0),
            (Arm::default(), 0.0, 0.0),
        ] {
            let mut harm = Harm::default();
            harm.add(&arm);
            assert_eq!(harm, Harm { requests, errors }, "{arm:?}");
        }
    }

    #[test]
    fn nothing_recorded_decides_nothing() {
        let empty = replay(Policy::default(), &[]);
        assert_eq!((empty.decided, empty.windows), (None, 0));
    }
}
