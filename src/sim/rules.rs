//! What must never happen, checked against the world as it really is, at the moment when it happens.
//!
//! 1. *served*: the slot's name always leads to an environment, and green counts as up and gets it only while instances of it
//!    serve.
//! 2. *nothing in use is removed*: no environment that holds the slot, that users still reach, or that is neither green nor blue.
//! 3. *once*: a swap is applied at most once for each intent, and moves the slot to where it was meant to, not away from there.
//! 4. *right end* and *in time*: see [`expect`](super::expect).
//! 5. *owned*: never more environments than blue and one green, and none left at the end.
//! 6. *the log*: one entry for each place, none lost, one writer at a time, no illegal event.
//! 7. *taken back*: traffic leaves a green that is sentenced within a bounded time.
//! 8. *modest*: the rate of calls stays below what an account allows.
//! 9. *silence is not health*: nothing passes its smoke checks, gets the slot or passes its bake without checks and health that
//!    were really seen.
//! 10. *its share*: green never has more than its step's share (see `shares`).
//! 11. *permitted*: the published IAM policy allows every call (see `permits`).
//! 12. *pipeline*: what a pipeline says of a release is true (see `pipeline`).
//! 13. *as large as before*: users who come back find as many instances of blue as they left (see `scaling`).

use std::time::Duration;

use super::pipeline;
use super::scaling;
use super::scenario::{Manner, Quality};
use super::scene::Scene;
use super::stage::slot_cname;
use super::wire::Call;
use crate::local::account::EnvironmentView;
use crate::model::{EnvironmentId, Timestamp};
use crate::release::{Action, Entry, Event, Pending, Phase, Release, Role, Wish, apply, limits};
use crate::spec::Lever;

/// What was read of green right before a swap is older than this only if nobody read it for the swap: a look, an intent that
/// grows old, a call that is slow, each as long as it may be.
pub(super) const FRESH: Duration = Duration::from_secs(150);

/// Looks at the environments before a call that changes them.
pub(super) fn before(scene: &Scene) -> Vec<EnvironmentView> {
    scene.stage.environments()
}

/// Judges a call that the account has just carried out, or refused.
pub(super) fn after_call(scene: &Scene, process: usize, call: &Call, done: bool, before: &[EnvironmentView]) {
    scene.tell(&"account", || {
        let verb = if done { "carries out" } else { "refuses" };
        format!("{verb} {} of driver {process}", call.operation)
    });
    if !done || scene.state().sequel {
        return;
    }
    match call.operation.as_str() {
        "SwapEnvironmentCNAMEs" => swapped(scene, call, before),
        "TerminateEnvironment" => terminated(scene, call, before),
        "CreateEnvironment" => created(scene),
        _ => {}
    }
    // What somebody else has removed is not this call's doing.
    let going = |view: &EnvironmentView| ["Terminating", "Terminated"].contains(&view.status);
    let held =
        before.iter().any(|view| holds_slot(view) && !going(view)) && scene.scenario.terms.lever == Lever::CnameSwap;
    if held && scene.stage.holder().is_none() && !just_moved(scene) {
        scene.violated("served", format!("nothing holds {} any more", slot_cname()));
    }
}

fn swapped(scene: &Scene, call: &Call, before: &[EnvironmentView]) {
    let (swaps, intents) = {
        let mut state = scene.state();
        state.swaps += 1;
        (state.swaps, state.swap_intents)
    };
    if swaps > intents {
        scene.violated("once", format!("{swaps} swaps were carried out for {intents} intents"));
    }
    let Some(to) = call.parameter("DestinationEnvironmentId").map(EnvironmentId::new) else {
        return;
    };
    // Somebody else may have moved it since the driver looked.
    if let Some(held) = before.iter().find(|view| view.id == to && holds_slot(view))
        && !scene.scenario.disturbed()
    {
        scene.violated(
            "once",
            format!(
                "a swap that was to give the slot to {} took it away from there",
                held.id
            ),
        );
    }
    if scene.stage.blue() == to {
        // Going back is right however blue is, and whatever is known of it.
        taken_back(scene);
        return;
    }
    let read = scene.state().health_read_at;
    let age = read.map_or(Duration::MAX, |at| scene.elapsed().saturating_sub(at));
    if age > FRESH && !scene.scenario.terms.basic {
        scene.violated(
            "silence is not health",
            format!(
                "the slot was given to {to}, and the last answer about health was {} s old",
                age.as_secs()
            ),
        );
    }
    // One whose instances die may have been up when it was looked at, which the age of that look bounds.
    let dies = matches!(scene.scenario.quality, Quality::Dying(_));
    if !dies && scene.stage.in_service(&to) == 0 {
        scene.violated(
            "served",
            format!("the slot was given to {to}, of which no instance serves"),
        );
    }
}

fn holds_slot(view: &EnvironmentView) -> bool {
    view.cname.eq_ignore_ascii_case(&slot_cname())
}

/// Whether somebody else may have moved the slot between a driver's last look and its call: AWS knows no condition for a removal.
fn just_moved(scene: &Scene) -> bool {
    let moved = scene.state().foreign_swap;
    let since_look = limits::INTENT_DEADLINE + limits::CALL_TIMEOUT;
    moved.is_some_and(|(at, _)| scene.elapsed() < at + since_look)
}

fn terminated(scene: &Scene, call: &Call, before: &[EnvironmentView]) {
    let Some(id) = call.parameter("EnvironmentId").map(EnvironmentId::new) else {
        scene.violated(
            "nothing in use is removed",
            "an environment was terminated by its name, not by its id",
        );
        return;
    };
    let Some(view) = before.iter().find(|view| view.id == id) else {
        return;
    };
    if just_moved(scene) {
        return;
    }
    let member = scene.stage.places().iter().any(|place| place.contains_key(&id));
    if holds_slot(view) && scene.scenario.terms.lever == Lever::CnameSwap || member && !scene.scenario.disturbed() {
        scene.violated(
            "nothing in use is removed",
            format!("{id} holds the slot and was terminated"),
        );
    }
    let users = scene.stage.users(&id);
    if users > 0.0 {
        scene.violated(
            "nothing in use is removed",
            format!("{id} had {users:.2} requests a second and was terminated"),
        );
    }
    let made = view.tags.contains_key(crate::release::RELEASE_TAG);
    if !made && id != scene.stage.blue() {
        scene.violated(
            "nothing in use is removed",
            format!("{id} is neither made by the release nor its blue, and was terminated"),
        );
    }
}

fn created(scene: &Scene) {
    let live = scene.stage.environments();
    let live = live.iter().filter(|view| !view.is_terminated()).count();
    if live > 2 {
        scene.violated("owned", format!("there are {live} environments"));
    }
}

/// Judges an entry that was acknowledged as written.
pub(super) fn written(scene: &Scene, process: usize, entry: &Entry) {
    if scene.state().sequel {
        return;
    }
    let place = (entry.release.number.0, entry.sequence);
    let other = {
        let mut state = scene.state();
        state.acknowledged.insert(place, entry.nonce.clone())
    };
    if other.is_some_and(|other| other != entry.nonce) {
        scene.violated(
            "the log",
            format!(
                "place {} was given to two writers, driver {process} among them",
                entry.sequence
            ),
        );
    }
    if entry.sequence == 1 {
        pipeline::begun(scene, entry.release.number);
    }
    fold(scene, entry);
}

/// Takes note of an entry that somebody has read.
pub(super) fn read(scene: &Scene, entry: &Entry) {
    fold(scene, entry);
}

/// Adds an entry to the release as it is known to be, if it is the next one.
fn fold(scene: &Scene, entry: &Entry) {
    if scene.state().sequel {
        return;
    }
    let before = scene.state().release.clone();
    let next = match &before {
        Some(release) if release.plan.id == entry.release => entry.sequence == release.sequence + 1,
        Some(release) => {
            let later = entry.release.number > release.plan.id.number;
            release.outcome.is_some() && later && entry.sequence == 1
        }
        None => entry.sequence == 1,
    };
    if !next {
        return;
    }
    let begins = entry.sequence == 1;
    let same = before.as_ref().filter(|_| !begins);
    if let Some(release) = same
        && !matches!(entry.event, Event::Asked { .. } | Event::TookOver { .. })
        && entry.writer != release.driver
    {
        scene.violated(
            "the log",
            format!(
                "{} wrote entry {}, and {} drives",
                entry.writer, entry.sequence, release.driver
            ),
        );
    }
    match apply(same.cloned(), entry) {
        Ok(release) => scene.state().release = Some(release),
        Err(error) => {
            scene.violated("no illegal event", error.to_string());
            return;
        }
    }
    if let (Event::BakePassed { .. }, Some(baked)) = (&entry.event, same) {
        bake_passed(scene, entry, baked);
    }
    happened(scene, entry);
}

/// What an event says is compared with what is so.
fn happened(scene: &Scene, entry: &Entry) {
    match &entry.event {
        Event::Intended {
            action: Action::Swap { .. } | Action::Weigh { .. },
        } => {
            scene.state().swap_intents += 1;
            scaling::moves(scene);
        }
        Event::Asked {
            wish: Wish::RollBack | Wish::Abort,
        } => wished_back(scene, entry),
        Event::GreenReady { green } => green_ready(scene, &green.id),
        Event::SmokePassed => smoke_passed(scene),
        Event::Shifted => shifted(scene),
        Event::Finished { .. } => {
            let over = (scene.elapsed(), scene.hindrances());
            scene.state().finished_at.get_or_insert(over);
        }
        Event::ShiftConfirmed { .. } => {
            let mut state = scene.state();
            state.reads_at_bake = state.health_reads;
        }
        Event::RollbackBegan { .. } => {
            let now = scene.elapsed();
            let on_green = match scene.scenario.terms.lever {
                Lever::CnameSwap => scene.stage.holder().is_some_and(|holder| holder != scene.stage.blue()),
                _ => scene.stage.green().is_some_and(|green| scene.stage.share(&green) > 0.0),
            };
            let hindrances = scene.hindrances();
            let mut state = scene.state();
            // A call in doubt has to be settled first.
            let in_doubt = state.release.as_ref().is_some_and(|release| release.pending.is_some());
            if on_green && !in_doubt {
                state.sentenced.get_or_insert((now, hindrances));
            }
        }
        Event::TrafficRestored { .. } => {
            restored(scene);
            scaling::back(scene);
        }
        // What somebody else moves or removes may have changed since the look; what counts then is the removal itself.
        Event::Drained { remove_blue: true, .. }
            if !scene.scenario.disturbed()
                && scene.stage.users(&scene.stage.blue()) > 0.0
                && !scene.stage.is_going(&scene.stage.blue()) =>
        {
            scene.violated(
                "nothing in use is removed",
                "blue counts as drained and still has users",
            );
        }
        Event::Intended {
            action: Action::Terminate { role: Role::Blue, .. },
        } if scene
            .state()
            .release
            .as_ref()
            .is_some_and(|release| release.phase != Phase::Retire) =>
        {
            scene.violated("nothing in use is removed", "blue is to be removed before its time");
        }
        _ => {}
    }
}

/// From now on the release must turn back, unless blue has been told to end already.
fn wished_back(scene: &Scene, entry: &Entry) {
    let mut state = scene.state();
    let Some(release) = &state.release else { return };
    let ends = |pending: &Pending| matches!(pending.action, Action::Terminate { .. });
    let way_back = release.outcome.is_none()
        && !release.attempts_of("terminate").done
        && !release.pending.as_ref().is_some_and(ends);
    state.must_turn |= way_back && entry.release.number.0 == 1;
}

fn green_ready(scene: &Scene, green: &EnvironmentId) {
    // One whose instances die may have been up a moment ago.
    let dies = matches!(scene.scenario.quality, Quality::Dying(_)) || scene.scenario.disturbed();
    if !dies && scene.stage.in_service(green) == 0 {
        scene.violated(
            "served",
            format!("green ({green}) counts as up, and no instance of it serves"),
        );
    }
}

fn smoke_passed(scene: &Scene) {
    let state = scene.state();
    let wanted = state.release.as_ref().map_or(0, |release| release.plan.smoke.successes);
    let passed = state.smokes;
    drop(state);
    if passed < wanted {
        scene.violated(
            "silence is not health",
            format!("green passed its smoke checks after {passed} that passed; {wanted} belong to it"),
        );
    }
}

fn shifted(scene: &Scene) {
    let on_green = match scene.scenario.terms.lever {
        Lever::CnameSwap => scene.stage.holder().as_ref() != Some(&scene.stage.blue()),
        _ => scene.stage.green().is_some_and(|green| scene.stage.share(&green) > 0.0),
    };
    if !on_green && !scene.scenario.disturbed() {
        scene.violated("right end", "the slot counts as green's, and blue holds it");
    }
}

/// How long green is watched in a step at least: less than its whole bake only if it was shown to be no worse while blue had a part of
/// the traffic, and then not before the time from its first traffic that the policy asks for.
fn least_bake(release: &Release, now: Timestamp) -> Duration {
    let shown = release
        .assessment
        .verdict
        .as_ref()
        .is_some_and(|verdict| verdict.decision == crate::verdict::Decision::Healthy);
    let promotion = release.plan.verdict.promotion;
    let with_traffic = release.shifted_at.map(|at| now.since(at).as_secs_f64());
    match (promotion, with_traffic) {
        (Some(promotion), Some(length)) if shown && !release.whole_step() && length >= promotion.minimum_bake_s => {
            Duration::ZERO
        }
        _ => release.plan.bake_length(release.step).get(),
    }
}

/// Green passed a bake that began when its traffic was confirmed.
fn bake_passed(scene: &Scene, entry: &Entry, release: &Release) {
    let baked = release.confirmed_at.map_or(Duration::ZERO, |at| entry.at.since(at));
    let terms = scene.scenario.terms;
    let least = least_bake(release, entry.at);
    if baked < least {
        scene.violated(
            "silence is not health",
            format!(
                "green passed its bake of {} s after {} s",
                least.as_secs(),
                baked.as_secs()
            ),
        );
    }
    // What has begun since the last looks need not have been seen often enough yet; nor what began later, where an entry whose driver died
    // at once is met only by the next one.
    let looks = scene.scenario.between_looks() * 3;
    let failing = scene.stage.failing(scene.scenario.quality, entry.at, looks);
    // Far beyond what any policy lets through.
    let green = scene.stage.green();
    let share = match scene.scenario.terms.lever {
        Lever::CnameSwap => 1.0,
        _ => green.map_or(0.0, |green| scene.stage.share(&green)),
    };
    if failing >= 0.3 && scene.scenario.shows_to(failing, share) {
        scene.violated(
            "silence is not health",
            format!(
                "green passed its bake although {:.0} % of its requests fail",
                failing * 100.0
            ),
        );
    }
    let looks = {
        let state = scene.state();
        state.health_reads.saturating_sub(state.reads_at_bake)
    };
    if terms.basic {
        return;
    }
    // A gap of more than three intervals does not count towards the bake; shorter ones, as slow answers make, do.
    let wanted = least.as_secs() / scene.scenario.between_looks().as_secs().max(1) / 3;
    if u64::from(looks) < wanted.max(1) {
        scene.violated(
            "silence is not health",
            format!("green passed its bake after {looks} answers about health; at least {wanted} belong to it"),
        );
    }
}

fn restored(scene: &Scene) {
    let holder = scene.stage.holder();
    // Somebody else may have moved it in this very moment; then the release is disturbed, and its end says more.
    let left = scene.stage.green().is_some_and(|green| scene.stage.share(&green) > 0.0);
    if (left || holder.as_ref() != Some(&scene.stage.blue())) && !scene.scenario.disturbed() {
        scene.violated(
            "right end",
            format!("traffic counts as restored, and the slot is held by {holder:?}"),
        );
    }
}

/// Traffic is on its way back from a green that was sentenced, unless it was not sentenced at all.
pub(super) fn taken_back(scene: &Scene) {
    let since = scene.state().sentenced.take();
    if let Some((since, hindrances)) = since
        && scene.hindrances() == hindrances
        && !scene.scenario.disturbed()
        && scene.scenario.manner == Manner::Whole
    {
        let took = scene.elapsed().saturating_sub(since);
        let bound = scene.scenario.between_looks() * 4 + Duration::from_secs(30);
        if took > bound {
            scene.violated(
                "taken back",
                format!("it took {} s, and may take {} s", took.as_secs(), bound.as_secs()),
            );
        }
    }
}
