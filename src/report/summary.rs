//! Whole pictures: what a release is going to do, and where it stands.

use std::fmt::Write;

use indicatif::HumanBytes;

use super::line::given_back;
use crate::model::Timestamp;
use crate::model::text::plural;
use crate::release::preflight::Findings;
use crate::release::{CountedBy, Overridden, Phase, Plan, Release, Source};
use crate::spec::AtGateDeadline;
use crate::verdict::Decision;

/// What a release is going to do, for a person.
#[must_use]
pub fn plan(plan: &Plan, found: &Findings) -> String {
    let mut text = String::new();
    let source = match &plan.source {
        Source::Bundle {
            size,
            folder: Some(folder),
            ..
        } => format!("from {folder}, zipped ({})", HumanBytes(*size)),
        Source::Bundle { size, file, .. } => format!("from {file} ({})", HumanBytes(*size)),
        Source::Recorded { release, .. } => format!("as recorded by release {release}"),
        Source::Live => "as it is live".to_owned(),
    };
    let _ = writeln!(text, "Release {}: version {} {source}", plan.id, plan.version_label);
    if let Some(kind) = plan.drill {
        let _ = writeln!(text, "  drill   {kind}: it is taken back in any case");
    }
    if let Some(blue) = &found.blue {
        let version = blue.version.as_ref().map_or("no version", |version| version.as_str());
        let _ = writeln!(
            text,
            "  blue    {} ({}), {version}, {}, live as {}",
            blue.name,
            blue.id,
            plural(blue.running.into(), "instance"),
            plan.slot_cname
        );
    }
    let _ = writeln!(
        text,
        "  green   {}, up within {}",
        plan.green_name, plan.provision.deadline
    );
    let Overridden { properties, settings } = plan.overridden;
    let properties = match properties {
        0 => None,
        1 => Some("1 property".to_owned()),
        _ => Some(format!("{properties} properties")),
    };
    let settings = (settings > 0).then(|| plural(settings as u64, "setting"));
    let differences: Vec<_> = properties.into_iter().chain(settings).collect();
    if !differences.is_empty() {
        let _ = writeln!(text, "          it differs from blue in {}", differences.join(" and "));
    }
    let _ = writeln!(
        text,
        "  smoke   {}, {} rounds in a row",
        plural(plan.smoke.checks.len() as u64, "check"),
        plan.smoke.successes
    );
    if plan.lever.is_gradual() {
        let steps = (0..plan.step_count()).map(|step| format!("{} for {}", plan.share(step), plan.bake_length(step)));
        // A drill goes back from the first one.
        let steps: Vec<String> = match plan.drill {
            Some(_) => steps.take(1).chain(["and back".to_owned()]).collect(),
            None => steps.collect(),
        };
        let _ = writeln!(text, "  steps   {}, by {}", steps.join(", "), plan.lever);
    }
    let _ = writeln!(
        text,
        "  bake    {}, a look every {}, back after {} bad ones",
        // A drill has a bake of its own.
        plan.drill.map_or(plan.bake.duration, |_| plan.bake_length(0)),
        plan.bake.interval,
        plan.bake.fail
    );
    match &plan.counted_by {
        CountedBy::EnhancedHealth => {}
        CountedBy::TargetGroups => text.push_str("  counts  requests by target groups, from CloudWatch\n"),
        CountedBy::Endpoint(endpoint) => {
            let _ = writeln!(text, "  counts  requests as {} tells them", endpoint.url);
        }
    }
    if !plan.alarms.is_empty() {
        let _ = writeln!(text, "  alarms  {}: back when one goes on", plan.alarms.join(", "));
    }
    if let Some(learned) = &plan.learned {
        let percent = |ratio: f64| (ratio - 1.0) * 100.0;
        let _ = writeln!(
            text,
            "  learnt  green may be {:.1}% slower, as {} good releases have shown ({:.1}% are allowed)",
            percent(learned.latency_ratio),
            learned.releases,
            percent(learned.allowed)
        );
    }
    let _ = writeln!(
        text,
        "  drain   {} for old DNS answers, then {} without a request",
        crate::model::Span::from(plan.drain.dns_ttl.get() * plan.drain.factor),
        plan.drain.quiet
    );
    if plan.drill.is_none() {
        let _ = writeln!(text, "  retire  blue is kept for {} more", plan.retire.warm);
    }
    for gate in &plan.gates {
        let then = match gate.at_deadline {
            AtGateDeadline::RollBack => "back",
            AtGateDeadline::GoOn => "on",
        };
        let _ = writeln!(
            text,
            "  gate    before {}, waits {} for `cutover promote`, then goes {then}",
            gate.before, gate.deadline
        );
    }
    for note in &found.notes {
        let _ = writeln!(text, "  note    {note}");
    }
    text
}

/// Where a release stands, for a person. `free` says why nobody drives it any more.
#[must_use]
pub fn status(release: &Release, now: Timestamp, free: Option<&str>, journal: &str) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "Release {}: version {}",
        release.plan.id, release.plan.version_label
    );
    if let Some(kind) = release.plan.drill {
        let _ = writeln!(text, "  drill    {kind}: it is taken back in any case");
    }
    match &release.outcome {
        Some((outcome, why)) => {
            let _ = writeln!(text, "  outcome  {outcome}");
            let _ = writeln!(text, "  why      {why}");
            let _ = writeln!(text, "  ended    {}", release.phase_since);
        }
        None => {
            let since =
                crate::model::Span::from(std::time::Duration::from_secs(now.since(release.phase_since).as_secs()));
            let _ = writeln!(text, "  phase    {} for {since}", release.phase);
            if let Some(back) = &release.rollback {
                let traffic = match back.restored_at {
                    Some(at) => format!("{}, since {at}", given_back(release)),
                    None => "not all traffic is seen on blue yet".to_owned(),
                };
                let _ = writeln!(text, "  back     since {}: {}; {traffic}", back.since, back.why);
            }
            if release.plan.step_count() > 1 {
                let _ = writeln!(
                    text,
                    "  step     {}; weights in place: {}",
                    step(release),
                    release.weighting
                );
            }
            if let Some(pending) = &release.pending {
                let _ = writeln!(
                    text,
                    "  call     {} (intended at {})",
                    pending.action.describe(),
                    pending.at
                );
            }
            if let Some(pause) = &release.pause {
                let (by, since, until) = (&pause.by, pause.since, pause.until);
                let _ = match free {
                    None => writeln!(
                        text,
                        "  paused   by {by} at {since}; goes on by itself at {until}, or with `cutover resume`"
                    ),
                    Some(_) => writeln!(
                        text,
                        "  paused   by {by} at {since}, until {until}; nobody drives it, so it does not go on by itself"
                    ),
                };
            }
            if let Some(asked) = &release.wishes.pause {
                let when = match free {
                    Some(_) => "it begins with `cutover resume`",
                    None => "it begins with the driver's next look",
                };
                let _ = writeln!(
                    text,
                    "  asked    {} asked for a pause of {}; {when}",
                    asked.by, asked.length
                );
            }
            if let Some(gate) = &release.gate {
                let _ = match &gate.promoted_by {
                    Some(by) => writeln!(text, "  gate     {} before {}, promoted by {by}", gate.id, gate.before),
                    None => writeln!(
                        text,
                        "  gate     {} before {}, until {}: `cutover promote {}`",
                        gate.id, gate.before, gate.until, gate.id
                    ),
                };
            }
            if let Some(question) = &release.question {
                let _ = writeln!(
                    text,
                    "  asks     {}; `cutover resume`, `cutover abort` or `cutover rollback`, until {}",
                    question.what, question.until
                );
            }
            if let Some(by) = &release.wishes.turned_by {
                let _ = writeln!(text, "  asked    {by} asked to turn back");
            }
            if let Some(why) = &release.waiting {
                // Nobody waits for that any more where nobody drives.
                let when = if free.is_some() { "before" } else { "now" };
                let _ = writeln!(text, "  {when:<8} {why}");
            }
            let state = match free {
                Some(free) => free.to_owned(),
                // Its clock may be behind this one.
                None if now >= release.owned_until => format!(
                    "{}, not heard of since {}, by this machine's clock; if it does not run any more, `cutover resume` goes on",
                    release.driver, release.heard_at
                ),
                None => format!("{}, at least until {}", release.driver, release.owned_until),
            };
            let _ = writeln!(text, "  driver   {state}");
            if free.is_some() {
                let _ = writeln!(text, "  next     {}", undriven(release));
            }
        }
    }
    if let Some(blue) = &release.blue {
        let version = blue.version.as_ref().map_or("no version", |version| version.as_str());
        let _ = writeln!(text, "  blue     {} ({}), {version}", blue.name, blue.id);
    }
    if let Some(green) = &release.green {
        let _ = writeln!(
            text,
            "  green    {} ({}), {}",
            green.name, green.id, release.plan.version_label
        );
    }
    if let (Some(verdict), Some(words)) = (telling(release), verdict_words(release)) {
        let _ = writeln!(text, "  verdict  {verdict}: {words}");
    }
    for gate in &release.gates_passed {
        let _ = writeln!(text, "  passed   gate {}: {}", gate.id, gate.how);
    }
    if let Some(taken) = release.taken_over.as_ref().filter(|taken| taken.from != release.driver) {
        let why = if taken.forced { "by order" } else { &taken.why };
        let _ = writeln!(text, "  taken    over from {} at {}: {why}", taken.from, taken.at);
    }
    for note in &release.notes {
        let _ = writeln!(text, "  note     {note}");
    }
    if let Some(saved) = &release.saved {
        let _ = writeln!(text, "  logs     events and logs of green: {saved}");
    }
    let _ = writeln!(text, "  journal  {journal}");
    text
}

/// How far the steps are. Green has nothing of a step before its weights are in place.
fn step(release: &Release) -> String {
    let (step, of) = (release.step, release.plan.step_count());
    let share = release.plan.share(step);
    if release.rollback.is_some() {
        match release.step_in_place() {
            Some(step) => format!("going back from {} of {of} ({})", step + 1, release.plan.share(step)),
            None => format!("going back before the first of {of}"),
        }
    } else if release.in_place {
        format!("{} of {of}: {share} of the traffic for green", step + 1)
    } else if let Some(before) = step.checked_sub(1) {
        format!("{step} of {of} done ({}); next: {share}", release.plan.share(before))
    } else {
        format!("none of {of} yet; next: {share} of the traffic for green")
    }
}

/// What the health engine says, while that matters, and afterwards where it has decided.
fn telling(release: &Release) -> Option<Decision> {
    let decision = release.assessment.verdict.as_ref()?.decision;
    let telling = match (&release.rollback, &release.outcome) {
        (Some(_), _) => decision == Decision::Unhealthy,
        (None, Some(_)) => decision == Decision::Healthy,
        (None, None) => true,
    };
    (release.shifted_at.is_some() && telling).then_some(decision)
}

/// The verdict in words. In a step that gives green everything nothing passes early, so the time until it could is not told.
fn verdict_words(release: &Release) -> Option<String> {
    let why = release.assessment.verdict.as_ref().map(|verdict| &verdict.why);
    match why {
        Some(crate::verdict::Why::Baking { .. }) if release.plan.share(release.step).is_whole() => {
            Some("nothing speaks against green".to_owned())
        }
        _ => release.assessment.in_words(),
    }
}

/// What is left of a release that nobody drives, and by what it goes on.
fn undriven(release: &Release) -> String {
    if release.rollback.is_some() {
        return "`cutover resume` sees the way back through".to_owned();
    }
    if release.promoted() {
        let left = match release.phase {
            Phase::Drain => format!(
                "when nobody uses blue any more, it is kept for {} and then removed",
                release.plan.retire.warm
            ),
            _ if release.attempts_of("terminate").done => {
                return "promoted; blue is being removed: `cutover resume` sees to that, `cutover rollback` makes the former version anew"
                    .to_owned();
            }
            _ => "blue is kept for a while, and then removed".to_owned(),
        };
        return format!("promoted; {left}: `cutover resume` sees to that, `cutover rollback` goes back to blue");
    }
    let gate = release.gate.as_ref().filter(|gate| gate.promoted_by.is_none());
    let on = match (&release.pause, gate) {
        (Some(_), _) if release.wishes.pause.is_none() => {
            "`cutover resume --keep-pause` goes on with it and keeps the pause, `cutover resume` ends that".to_owned()
        }
        (_, Some(gate)) => format!(
            "`cutover promote {}` opens the gate, `cutover resume` goes on with it",
            gate.id
        ),
        _ if release.question.is_some() => {
            "`cutover resume` goes on with it and leaves the question open, `cutover resume --accept` answers it"
                .to_owned()
        }
        _ => "`cutover resume` goes on with it".to_owned(),
    };
    let unwatched = if release.shift_called_at.is_some() {
        "green may have traffic, and nobody watches it: "
    } else {
        ""
    };
    format!("{unwatched}{on}, `cutover rollback` takes it back")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;
    use crate::release::tests::{gradual, plan as plan_of_a_release, release};
    use crate::release::{DrillKind, OpenGate, Outcome, Pause, PauseAsked, RollbackState, Why};
    use crate::spec::{GatePlace, Lever, StepSpec};
    use crate::verdict::{Evidence, Metric, Side, Verdict};

    const FREE: Option<&str> = Some("process 4711 on a does not run any more");

    fn shown(release: &Release, free: Option<&str>) -> String {
        status(release, Timestamp::from_millis(0), free, "here")
    }

    fn paused(by: &Release) -> Pause {
        Pause {
            since: Timestamp::from_millis(0),
            until: Timestamp::from_millis(1_800_000_000_000),
            by: by.driver.clone(),
        }
    }

    #[test]
    fn a_release_that_nobody_drives_says_what_is_left_and_by_what_it_goes_on() {
        let mut release = release(plan_of_a_release());
        assert!(!shown(&release, None).contains("  next"));
        release.waiting = Some(Why::Working {
            what: "green".to_owned(),
        });
        let said = shown(&release, FREE);
        assert!(
            said.contains("next     `cutover resume` goes on with it, `cutover rollback`"),
            "{said}"
        );
        assert!(
            said.contains("before   waiting for green") && !said.contains("  now"),
            "{said}"
        );
        release.phase = Phase::Bake;
        release.shift_called_at = Some(Timestamp::from_millis(0));
        assert!(shown(&release, FREE).contains("nobody watches it"));
        release.phase = Phase::Drain;
        let said = shown(&release, FREE);
        for word in [
            "next     promoted",
            "removed",
            "`cutover resume` sees to that",
            "`cutover rollback`",
        ] {
            assert!(said.contains(word), "{word}: {said}");
        }
        release.phase = Phase::Retire;
        assert!(shown(&release, FREE).contains("`cutover rollback` goes back to blue"));
        let ended = release.attempts.entry("terminate".to_owned()).or_default();
        ended.done = true;
        assert!(shown(&release, FREE).contains("`cutover rollback` makes the former version anew"));
    }

    #[test]
    fn a_driver_that_is_silent_by_this_clock_alone_is_not_said_to_be_gone() {
        let release = release(plan_of_a_release());
        let by = |now| status(&release, now, None, "here");
        let until = release.owned_until;
        let said = by(until - std::time::Duration::from_secs(1));
        assert!(said.contains(&format!("at least until {until}")), "{said}");
        let said = by(until);
        let heard = format!("not heard of since {}", release.heard_at);
        assert!(said.contains(&heard) && !said.contains("  next"), "{said}");
    }

    #[test]
    fn nothing_that_needs_a_driver_is_promised_without_one() {
        let mut release = release(plan_of_a_release());
        release.pause = Some(paused(&release));
        assert!(shown(&release, None).contains("goes on by itself at"));
        let said = shown(&release, FREE);
        assert!(
            !said.contains("goes on by itself at") && said.contains("`cutover resume --keep-pause`"),
            "{said}"
        );
        release.pause = None;
        release.gate = Some(OpenGate {
            id: "7-shift-20".to_owned(),
            before: GatePlace::Shift,
            since: Timestamp::from_millis(0),
            until: Timestamp::from_millis(1),
            promoted_by: None,
        });
        let said = shown(&release, FREE);
        assert!(
            said.contains("next     `cutover promote 7-shift-20` opens the gate"),
            "{said}"
        );
    }

    #[test]
    fn what_was_saved_of_a_green_that_was_bad_is_found_by_status() {
        let mut release = release(plan_of_a_release());
        assert!(!shown(&release, None).contains("logs"));
        release.saved = Some("here/evidence/e-1.txt".to_owned());
        let said = shown(&release, None);
        assert!(
            said.contains("events and logs of green: here/evidence/e-1.txt"),
            "{said}"
        );
    }

    #[test]
    fn a_pause_that_has_not_begun_says_when_it_does() {
        let mut release = release(plan_of_a_release());
        release.wishes.pause = Some(PauseAsked {
            length: Span::from_secs(7200),
            by: release.driver.clone(),
        });
        assert!(shown(&release, None).contains("a pause of 2h; it begins with the driver's next look"));
        assert!(shown(&release, FREE).contains("a pause of 2h; it begins with `cutover resume`"));
    }

    #[test]
    fn the_plan_says_what_was_given_and_that_green_differs() {
        let nothing = Findings {
            problems: Vec::new(),
            blue: None,
            notes: Vec::new(),
            absent_alarms: Vec::new(),
        };
        let mut wanted = plan_of_a_release();
        let said = plan(&wanted, &nothing);
        assert!(said.contains("from shop.zip (") && !said.contains("differs"), "{said}");
        if let Source::Bundle { folder, .. } = &mut wanted.source {
            *folder = Some("../py".to_owned());
        }
        for (properties, settings, words) in [
            (1, 0, "it differs from blue in 1 property\n"),
            (2, 1, "it differs from blue in 2 properties and 1 setting\n"),
            (0, 3, "it differs from blue in 3 settings\n"),
        ] {
            wanted.overridden = Overridden { properties, settings };
            let said = plan(&wanted, &nothing);
            assert!(said.contains("from ../py, zipped (") && said.contains(words), "{said}");
        }
    }

    #[test]
    fn green_is_said_to_have_what_it_has() {
        let mut release = release(gradual(Lever::WeightedDns));
        for (step, in_place, said) in [
            (
                0,
                false,
                "step     none of 3 yet; next: 5% of the traffic for green; weights",
            ),
            (0, true, "step     1 of 3: 5% of the traffic for green; weights"),
            (1, false, "step     1 of 3 done (5%); next: 50%; weights"),
            (1, true, "step     2 of 3: 50% of the traffic for green; weights"),
        ] {
            (release.step, release.in_place) = (step, in_place);
            let text = shown(&release, None);
            assert!(text.contains(said), "{said}: {text}");
        }
        release.rollback = Some(back());
        let text = shown(&release, None);
        assert!(
            text.contains("step     going back from 2 of 3 (50%); weights"),
            "{text}"
        );
        release.in_place = false;
        let text = shown(&release, None);
        assert!(text.contains("step     going back from 1 of 3 (5%); weights"), "{text}");
        release.step = 0;
        let text = shown(&release, None);
        assert!(
            text.contains("step     going back before the first of 3; weights"),
            "{text}"
        );
    }

    fn back() -> RollbackState {
        RollbackState {
            since: Timestamp::from_millis(0),
            again: 0,
            why: "an alarm is on".to_owned(),
            outcome: Outcome::RolledBack,
            from: Phase::Bake,
            restored_at: None,
            watched_from: None,
        }
    }

    #[test]
    fn the_verdict_is_told_while_it_matters_and_where_it_has_decided() {
        let of = |decision, ended, back: Option<RollbackState>| {
            let mut release = release(plan_of_a_release());
            release.shifted_at = Some(release.started_at);
            release.assessment.verdict = Some(Verdict {
                decision,
                why: crate::verdict::Why::Baking { left_s: 895.2 },
                evidence: None,
                advice: None,
            });
            release.outcome = Some((Outcome::RolledBack, "an alarm is on".to_owned())).filter(|_| ended);
            release.rollback = back;
            shown(&release, None).contains("  verdict  ")
        };
        assert!(of(Decision::Insufficient, false, None), "it is watched");
        assert!(
            !of(Decision::Insufficient, false, Some(back())),
            "something else has decided"
        );
        assert!(!of(Decision::Insufficient, true, Some(back())));
        assert!(!of(Decision::Healthy, true, Some(back())));
        assert!(of(Decision::Unhealthy, true, Some(back())));
        assert!(of(Decision::Healthy, true, None), "it has passed early");
        assert!(!of(Decision::Insufficient, true, None), "its time was over");
    }

    #[test]
    fn an_early_pass_is_told_of_only_where_there_is_one() {
        let of = |mut release: Release| {
            release.shifted_at = Some(release.started_at);
            release.assessment.verdict = Some(Verdict {
                decision: Decision::Insufficient,
                why: crate::verdict::Why::Baking { left_s: 895.2 },
                evidence: None,
                advice: None,
            });
            shown(&release, None)
        };
        let swap = of(release(plan_of_a_release()));
        assert!(
            swap.contains("nothing speaks against green\n") && !swap.contains("early"),
            "{swap}"
        );
        let step = of(release(gradual(Lever::WeightedDns)));
        assert!(step.contains("no early pass for 896 s more"), "{step}");
    }

    #[test]
    fn a_release_on_its_way_back_says_why() {
        let mut release = release(plan_of_a_release());
        assert!(!shown(&release, None).contains("  back"));
        release.phase = Phase::RollBack;
        release.rollback = Some(back());
        let said = shown(&release, None);
        assert!(
            said.contains(": an alarm is on; not all traffic is seen on blue yet\n"),
            "{said}"
        );
        release.rollback = Some(RollbackState {
            restored_at: Some(Timestamp::from_millis(1_800_000_000_000)),
            ..back()
        });
        let said = shown(&release, None);
        assert!(
            said.contains("this release has moved no traffic, since 2027-01-15"),
            "{said}"
        );
        release.shift_intended = true;
        assert!(shown(&release, None).contains("all traffic is on blue, since "));
        release.plan.lever = Lever::WeightedDns;
        let said = shown(&release, None);
        assert!(said.contains("by its records (Route 53 spreads that"), "{said}");
        release.in_sync_at = Some(release.started_at);
        assert!(shown(&release, None).contains("all traffic is on blue, since "));
        // Then `why` says the same.
        release.outcome = Some((Outcome::RolledBack, "an alarm is on".to_owned()));
        assert!(!shown(&release, None).contains("  back"));
    }

    #[test]
    fn moments_of_the_verdict_are_times_of_day_with_traffic() {
        let mut release = release(plan_of_a_release());
        let shifted = release.started_at + std::time::Duration::from_secs(100);
        release.shifted_at = Some(shifted);
        release.assessment.shifted(shifted);
        let side = |failures| Side::Events {
            requests: 20.0,
            failures,
        };
        for (since_s, at) in [(91.0, 100), (150.0, 150)] {
            release.assessment.verdict = Some(Verdict {
                decision: Decision::Unhealthy,
                why: crate::verdict::Why::Worse,
                evidence: Some(Evidence {
                    metric: Metric::Probes,
                    percentile: None,
                    since_s,
                    green: side(20.0),
                    blue: side(0.0),
                    e_value: 100.0,
                    threshold: 100.0,
                }),
                advice: None,
            });
            let since = (release.started_at + std::time::Duration::from_secs(at)).time_of_day();
            let text = shown(&release, None);
            assert!(
                text.contains(&format!("failed probes, since {since}: green 20 of 20")),
                "{text}"
            );
        }
    }

    #[test]
    fn a_drill_is_announced_as_what_it_is() {
        let nothing = Findings {
            problems: Vec::new(),
            blue: None,
            notes: Vec::new(),
            absent_alarms: Vec::new(),
        };
        let mut wanted = plan_of_a_release();
        wanted.bake.duration = Span::from_secs(600);
        assert!(plan(&wanted, &nothing).contains("bake    10m,"));
        assert!(plan(&wanted, &nothing).contains("retire  blue"));
        wanted.drill = Some(DrillKind::Rollback);
        wanted.steps = vec![StepSpec {
            bake: Some(Span::from_secs(300)),
            ..StepSpec::whole()
        }];
        let said = plan(&wanted, &nothing);
        assert!(said.contains("bake    5m,"), "{said}");
        assert!(!said.contains("retire"), "it is taken back, and blue stays: {said}");
        let mut steps = gradual(Lever::WeightedDns);
        let all = plan(&steps, &nothing);
        assert!(all.contains("steps   5% for ") && all.contains("100% for "), "{all}");
        steps.drill = Some(DrillKind::Rollback);
        let said = plan(&steps, &nothing);
        assert!(said.contains("and back, by ") && !said.contains("100% for"), "{said}");
        let mut drill = release(plan_of_a_release());
        assert!(!shown(&drill, None).contains("drill"));
        drill.plan.drill = Some(DrillKind::Rollback);
        assert!(shown(&drill, None).contains("  drill    rollback: it is taken back in any case\n"));
    }
}
