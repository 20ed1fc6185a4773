//! What another policy would have made of a release.

use std::fmt::Write;

use crate::model::text::plural;
use crate::release::Release;
use crate::verdict::{Decision, Harm, Replay};

/// What was, and what would have been, for a person.
#[must_use]
pub fn backtest(release: &Release, replay: &Replay) -> String {
    let mut text = String::new();
    let plan = &release.plan;
    let _ = writeln!(text, "Release {}: version {}", plan.id, plan.version_label);
    let was = match &release.outcome {
        Some((outcome, why)) => format!("{outcome}: {why}"),
        None => "not over yet".to_owned(),
    };
    let _ = writeln!(text, "  was      {was}");
    let _ = writeln!(text, "           {}", served(replay.recorded));
    if replay.windows == 0 {
        let _ = writeln!(
            text,
            "  would    no window was recorded: the environments report basic health, or it ended before green got traffic"
        );
        return text;
    }
    let would = match &replay.decided {
        Some(decided) => {
            let what = match decided.decision {
                Decision::Unhealthy => "have taken it back",
                Decision::Healthy => "have let it pass",
                Decision::Insufficient => "have held it",
            };
            format!("{what} after {:.0} s with traffic: {}", decided.after_s, decided.reason)
        }
        None => format!(
            "not have decided by numbers to the end of the record ({}); checks, health and alarms are not replayed",
            plural(replay.windows as u64, "window")
        ),
    };
    let _ = writeln!(text, "  would    {would}");
    let _ = writeln!(text, "           {}", served(replay.until_then));
    text
}

fn served(harm: Harm) -> String {
    format!(
        "green answered {} of users, {:.0} of them with a server error",
        if harm.requests.round() == 1.0 {
            "1 request".to_owned()
        } else {
            format!("{:.0} requests", harm.requests)
        },
        harm.errors
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::tests::{plan, release};
    use crate::verdict::Decided;

    fn replay(decided: Option<Decided>, windows: usize) -> Replay {
        Replay {
            decided,
            windows,
            until_then: Harm {
                requests: 100.0,
                errors: 20.0,
            },
            recorded: Harm {
                requests: 900.0,
                errors: 180.0,
            },
        }
    }

    #[test]
    fn both_ends_are_told_with_what_they_cost() {
        let decided = Decided {
            decision: Decision::Unhealthy,
            after_s: 20.0,
            reason: "green is worse than blue".to_owned(),
        };
        let text = backtest(&release(plan()), &replay(Some(decided), 9));
        for words in [
            "not over yet",
            "900 requests of users, 180 of them",
            "would    have taken it back after 20 s with traffic: green is worse than blue",
            "100 requests of users, 20 of them",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }

    #[test]
    fn where_nothing_was_recorded_nothing_is_claimed() {
        let text = backtest(&release(plan()), &replay(None, 0));
        assert!(
            text.contains("no window was recorded") && !text.contains("not have decided"),
            "{text}"
        );
        let text = backtest(&release(plan()), &replay(None, 3));
        let words = "would    not have decided by numbers to the end of the record (3 windows); checks, health and alarms are not replayed";
        assert!(text.contains(words), "{text}");
    }
}
