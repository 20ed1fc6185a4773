//! What is answered: to a pipeline, and to whoever invokes the function directly.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Failure;
use super::advance::{Progress, Standing};
use super::token::Token;
use crate::aws::{Fault, JobAnswer, Standing as JobStanding};
use crate::release::{Outcome, Phase, Release};

impl Progress {
    /// To a pipeline.
    pub(super) fn to_job(&self) -> JobAnswer {
        let standing = self.standing();
        if !self.is_over() {
            return JobAnswer::Continue {
                token: self.token.text(),
                standing,
            };
        }
        match self.success() {
            Some((release, outcome)) => JobAnswer::Success {
                variables: variables(release, outcome),
                standing,
            },
            None => JobAnswer::Failure {
                fault: Fault::Release,
                message: standing.summary,
                release: standing.release,
            },
        }
    }

    /// To whoever has asked directly.
    pub(super) fn to_caller(&self) -> Value {
        let standing = self.standing();
        let outcome = match &self.standing {
            Standing::Over(release) => Some(outcome(release).code()),
            Standing::Live(_) => Some(UNCHANGED),
            Standing::Waiting(_) | Standing::UnderWay(_) => None,
        };
        json!({
            "release": standing.release,
            "outcome": outcome,
            "summary": standing.summary,
            "percent": standing.percent,
        })
    }

    fn is_over(&self) -> bool {
        matches!(self.standing, Standing::Over(_) | Standing::Live(_))
    }

    /// The release and what has become of it, if that is what was wanted.
    fn success(&self) -> Option<(&Release, &'static str)> {
        match &self.standing {
            Standing::Live(release) => Some((release, UNCHANGED)),
            Standing::Over(release) => match outcome(release) {
                outcome @ Outcome::Promoted if !self.token.back => Some((release, outcome.code())),
                outcome @ (Outcome::RolledBack | Outcome::Aborted) if self.token.back => {
                    Some((release, outcome.code()))
                }
                _ => None,
            },
            Standing::Waiting(_) | Standing::UnderWay(_) => None,
        }
    }

    fn standing(&self) -> JobStanding {
        let (summary, percent, release) = match &self.standing {
            Standing::Waiting(why) => (format!("waiting: {why}"), 0, None),
            Standing::UnderWay(release) => (under_way(release), percent(release), Some(release)),
            Standing::Over(release) => (told(release, &self.journal), 100, Some(release)),
            Standing::Live(release) => (
                format!(
                    "nothing to do: {} serves this version since release {} {}",
                    release.plan.slot_cname,
                    release.plan.id,
                    if on_green(release) {
                        "was promoted"
                    } else {
                        "was taken back"
                    }
                ),
                100,
                Some(release),
            ),
        };
        JobStanding {
            summary,
            percent,
            release: release.map(|release| release.plan.id.to_string()),
        }
    }
}

/// How a release has ended, or that it is promoted, for a person. `journal` is where that is.
pub(super) fn told(release: &Release, journal: &str) -> String {
    let id = &release.plan.id;
    let (outcome, why, rest) = match (&release.outcome, &release.rollback) {
        (Some((outcome, why)), _) => (*outcome, why, ""),
        (None, Some(back)) => (
            back.outcome,
            &back.why,
            "; green is kept for a while, and removed by a look at the slot",
        ),
        (None, None) => {
            return format!("release {id} is promoted; blue still runs, and is removed by the next look at the slot");
        }
    };
    match outcome {
        Outcome::Promoted => format!("release {id} is promoted: {why}"),
        _ => {
            let blue = release.blue.as_ref().map_or_else(String::new, |blue| {
                let version = blue.version.as_ref().map_or("its version", |version| version.as_str());
                format!("; {} serves {version}", blue.name)
            });
            format!(
                "release {id} {}: {why}{blue}{rest}. Its journal is in {journal}; `cutover status` says more",
                ended(outcome)
            )
        }
    }
}

/// How a release has ended, or will: it is promoted, or its traffic is back.
fn outcome(release: &Release) -> Outcome {
    match (&release.outcome, &release.rollback) {
        (Some((outcome, _)), _) => *outcome,
        (None, Some(back)) => back.outcome,
        (None, None) => Outcome::Promoted,
    }
}

/// What has become of a request whose version is live already.
const UNCHANGED: &str = "unchanged";

fn ended(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Promoted => "was promoted",
        Outcome::RolledBack => "was rolled back",
        Outcome::Aborted => "was aborted",
        Outcome::Refused => "was refused",
        Outcome::NeedsHuman => "needs a human",
    }
}

fn under_way(release: &Release) -> String {
    let id = &release.plan.id;
    let step = match release.phase {
        Phase::Shift | Phase::Bake if release.plan.lever.is_gradual() => {
            format!(" at {}", release.plan.share(release.step))
        }
        _ => String::new(),
    };
    let why = release
        .waiting
        .as_ref()
        .map_or_else(String::new, |why| format!(": {why}"));
    format!("release {id}, {}{step}{why}", release.phase)
}

/// How far a release is, roughly.
fn percent(release: &Release) -> u8 {
    let part = |done: usize, of: usize| u8::try_from(40 * done.min(of) / of.max(1)).unwrap_or(40);
    let steps = release.plan.step_count();
    match release.phase {
        Phase::Preflight => 1,
        Phase::Publish => 5,
        Phase::Provision => 10,
        Phase::Smoke => 35,
        Phase::Shift => 40 + part(2 * release.step, 2 * steps),
        Phase::Bake => 40 + part(2 * release.step + 1, 2 * steps),
        Phase::Drain => 85,
        Phase::Retire => 92,
        Phase::RollBack => 95,
        Phase::Done => 100,
    }
}

/// Whether a release that is over, or promoted, has left the traffic on green.
fn on_green(release: &Release) -> bool {
    outcome(release) == Outcome::Promoted
}

/// Output variables of the action, for those that follow it.
fn variables(release: &Release, outcome: &str) -> BTreeMap<String, String> {
    let promoted = on_green(release);
    let green = release
        .green
        .as_ref()
        .map(|green| (green.id.to_string(), green.name.to_string()));
    let blue = release
        .blue
        .as_ref()
        .map(|blue| (blue.id.to_string(), blue.name.to_string()));
    let (id, name) = if promoted { green } else { blue }.unwrap_or_default();
    let before = release.blue.as_ref().and_then(|blue| blue.version.as_ref());
    let version = if promoted {
        release.plan.version_label.to_string()
    } else {
        before.map(ToString::to_string).unwrap_or_default()
    };
    let verdict = release.assessment.in_words().unwrap_or_else(|| "none".to_owned());
    let named = [
        ("Release", release.plan.id.to_string()),
        ("Outcome", outcome.to_owned()),
        ("EnvironmentId", id),
        ("EnvironmentName", name),
        ("VersionLabel", version),
        ("Url", release.plan.public_url.clone()),
        ("Verdict", verdict),
    ];
    named
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

impl Failure {
    /// To a pipeline. With a token for the next job, what does not answer ends nothing: that one tries again, as the same one. Nor
    /// does anything else that keeps it from a release that is under way: that may have traffic, and who would watch it? `token` says
    /// what has been begun, by this job or an earlier one.
    pub(super) fn into_job(self, token: Option<String>) -> JobAnswer {
        let release = token.as_deref().and_then(Token::release_in);
        let passes = self.fault == Fault::System || release.is_some() && self.fault != Fault::Release;
        match token {
            Some(token) if passes => JobAnswer::Continue {
                token,
                standing: JobStanding {
                    summary: match release {
                        Some(number) => format!(
                            "release {number} is under way, and this job cannot go on with it: {}; the next one tries again",
                            self.message
                        ),
                        None => format!("trying again: {}", self.message),
                    },
                    percent: 0,
                    release: None,
                },
            },
            _ => JobAnswer::Failure {
                fault: self.fault,
                message: self.message,
                release: None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::tests::{blue, plan, release};
    use crate::release::{Green, RollbackState};

    fn progress(standing: Standing, back: bool) -> Progress {
        Progress {
            token: Token {
                back,
                ..Token::first("a-job")
            },
            standing,
            journal: "s3://state/releases".to_owned(),
        }
    }

    fn over(outcome: Outcome) -> Box<Release> {
        let mut release = release(plan());
        release.blue = Some(blue());
        release.phase = Phase::Done;
        release.outcome = Some((outcome, "2.1 % of green's requests failed".to_owned()));
        Box::new(release)
    }

    #[test]
    fn only_what_was_wanted_is_a_success() {
        let answer = |outcome, back| progress(Standing::Over(over(outcome)), back).to_job();
        let JobAnswer::Success { variables, standing } = answer(Outcome::Promoted, false) else {
            panic!("it is promoted");
        };
        assert_eq!((variables["Outcome"].as_str(), standing.percent), ("promoted", 100));
        assert_eq!(variables.len(), 7);
        for outcome in [
            Outcome::RolledBack,
            Outcome::Aborted,
            Outcome::Refused,
            Outcome::NeedsHuman,
        ] {
            let JobAnswer::Failure { message, release, .. } = answer(outcome, false) else {
                panic!("{outcome} is no success");
            };
            for word in [
                "2.1 % of green's requests failed",
                "s3://state/releases",
                "shop/production/7",
            ] {
                assert!(message.contains(word), "{message}");
            }
            assert_eq!(release.as_deref(), Some("shop/production/7"));
        }
        // On purpose.
        let JobAnswer::Success { variables, .. } = answer(Outcome::RolledBack, true) else {
            panic!("back is what was wanted");
        };
        assert_eq!(variables["EnvironmentId"], blue().id.to_string());
        assert!(matches!(answer(Outcome::Promoted, true), JobAnswer::Failure { .. }));
        let live = progress(Standing::Live(over(Outcome::RolledBack)), false).to_job();
        assert!(matches!(live, JobAnswer::Success { variables, .. } if variables["Outcome"] == "unchanged"));
        // A stage that is retried after its release: green is what serves.
        let mut released = over(Outcome::Promoted);
        let green = Green {
            id: "e-green".into(),
            name: "shop-r7".into(),
            cname: None,
            endpoint: None,
            reused: false,
            group: None,
        };
        released.green = Some(green);
        let JobAnswer::Success { variables, standing } = progress(Standing::Live(released), false).to_job() else {
            panic!("it is live");
        };
        assert!(standing.summary.contains("was promoted"), "{}", standing.summary);
        assert_eq!(variables["EnvironmentId"], "e-green");
    }

    #[test]
    fn an_action_is_over_when_traffic_is_back_and_not_only_when_green_is_gone() {
        let mut back = release(plan());
        back.blue = Some(blue());
        back.phase = Phase::RollBack;
        back.rollback = Some(RollbackState {
            why: "2.1 % of green's requests failed".to_owned(),
            outcome: Outcome::RolledBack,
            from: Phase::Bake,
            since: back.heard_at,
            restored_at: Some(back.heard_at),
            watched_from: None,
            again: 0,
        });
        assert!(back.is_back());
        let answer = |wanted| progress(Standing::Over(Box::new(back.clone())), wanted);
        let JobAnswer::Failure { message, .. } = answer(false).to_job() else {
            panic!("it is not promoted");
        };
        for part in ["was rolled back: 2.1 %", "green is kept for a while"] {
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(answer(false).to_caller()["outcome"], "rolled_back");
        let JobAnswer::Success { variables, .. } = answer(true).to_job() else {
            panic!("back is what was wanted");
        };
        assert_eq!(variables["EnvironmentId"], blue().id.to_string());
    }

    #[test]
    fn what_is_under_way_goes_on_and_says_how_far_it_is() {
        let mut last = 0;
        for phase in [
            Phase::Preflight,
            Phase::Publish,
            Phase::Provision,
            Phase::Smoke,
            Phase::Shift,
            Phase::Bake,
            Phase::Drain,
            Phase::Retire,
        ] {
            let mut release = release(plan());
            release.phase = phase;
            let JobAnswer::Continue { token, standing } =
                progress(Standing::UnderWay(Box::new(release)), false).to_job()
            else {
                panic!("{phase} is not the end");
            };
            assert!(
                standing.percent > last && standing.percent < 100,
                "{phase}: {}",
                standing.percent
            );
            assert!(standing.summary.contains(phase.as_str()), "{}", standing.summary);
            assert!(token.contains("a-job"));
            last = standing.percent;
        }
        let waiting = progress(
            Standing::Waiting("release shop/production/6 has the slot".to_owned()),
            false,
        );
        assert!(matches!(waiting.to_job(), JobAnswer::Continue { standing, .. } if standing.summary.contains("/6")));
        assert_eq!(waiting.to_caller()["outcome"], Value::Null);
    }

    #[test]
    fn what_does_not_answer_fails_no_action_that_has_a_token() {
        let silent = || Failure::system("GetObject: no answer");
        assert!(matches!(
            silent().into_job(None),
            JobAnswer::Failure {
                fault: Fault::System,
                ..
            }
        ));
        let JobAnswer::Continue { token, standing } = silent().into_job(Some("as before".to_owned())) else {
            panic!("its release is under way");
        };
        assert!(
            token == "as before" && standing.summary.contains("no answer"),
            "{standing:?}"
        );
        let wrong = Failure::configuration("`journal` must be on S3");
        assert!(matches!(
            wrong.into_job(Some("as before".to_owned())),
            JobAnswer::Failure { .. }
        ));
    }

    #[test]
    fn nothing_but_its_end_ends_an_action_whose_release_is_under_way() {
        let begun = Token {
            release: Some(crate::model::ReleaseNumber(12)),
            ..Token::first("a-job")
        };
        for fault in [Fault::Configuration, Fault::Permission, Fault::Artifact, Fault::System] {
            let failure = Failure::new(fault, "cutover.toml: line 3: expected a value");
            let JobAnswer::Continue { token, standing } = failure.into_job(Some(begun.text())) else {
                panic!("{fault:?}: who would watch what has traffic?");
            };
            assert_eq!(token, begun.text());
            for part in ["release 12 is under way", "line 3"] {
                assert!(standing.summary.contains(part), "{}", standing.summary);
            }
        }
        let over = Failure::new(Fault::Release, "it was refused");
        assert!(matches!(over.into_job(Some(begun.text())), JobAnswer::Failure { .. }));
    }
}
