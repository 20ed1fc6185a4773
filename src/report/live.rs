//! Live reports for a person: lines, and on a terminal a line below them that says what is going on right now.

use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use owo_colors::OwoColorize;

use super::ahead::ahead;
use super::line::line;
use super::outbox::Outbox;
use super::rounds::Rounds;
use super::summary::plan as summary;
use crate::model::Span;
use crate::release::{Entry, Event, Listener, Notice, Outcome, Release, Why};

/// As wide as a time of day and what is between it and the rest of a line.
const INDENT: &str = "           ";

/// Plain lines on the standard error, for logs and pipes. Waits are told when they change.
#[derive(Debug, Default)]
pub struct Plain {
    last: Mutex<String>,
    rounds: Rounds,
    outbox: Outbox,
}

impl Listener for Plain {
    fn notice(&self, notice: Notice<'_>) {
        let text = match notice {
            Notice::Entry { entry, release } => {
                let told = self.rounds.told(entry, line(entry, release));
                if told.is_empty() {
                    return;
                }
                let lines: Vec<_> = told.iter().map(|text| prefixed(entry, release, text)).collect();
                lines.join("\n")
            }
            Notice::Waiting { release, why, now, .. } => {
                let news = news(release, why);
                if let Ok(mut last) = self.last.lock() {
                    if *last == news {
                        return;
                    }
                    *last = news;
                }
                format!("{}  {:<10} {why}", now.time_of_day(), release.phase.as_str())
            }
            Notice::Progress { done, total } if done == total => format!("{INDENT}{} sent", HumanBytes(total)),
            Notice::Progress { .. } => return,
            Notice::Ahead { release, free, until } => format!("{INDENT}{}", ahead(release, free, until)),
            Notice::Plan { plan, found } => summary(plan, found),
            Notice::Remark { message } | Notice::Trouble { message } => format!("{INDENT}{message}"),
        };
        // A reader that has gone away must not stop a release.
        self.outbox.post(move || {
            let _ = writeln!(anstream::stderr(), "{text}");
        });
    }
}

/// What makes a wait another one than before. A bake in which nothing is known ends later with each look, and one in which too little
/// was answered counts on: that is no news.
fn news(release: &Release, why: &Why) -> String {
    let phase = release.phase;
    match why {
        Why::Baking { doubt: Some(doubt), .. } => format!("{phase}: {}", uncounted(doubt)),
        _ => format!("{phase}: {why}"),
    }
}

/// A doubt without the number of requests that green has answered.
fn uncounted(doubt: &str) -> String {
    let Some((before, after)) = doubt.split_once(" requests and probes") else {
        return doubt.to_owned();
    };
    format!("{}{after}", before.trim_end_matches(|c: char| c.is_ascii_digit()))
}

fn prefixed(entry: &Entry, release: &Release, text: &str) -> String {
    format!("{}  {:<10} {text}", entry.at.time_of_day(), release.phase.as_str())
}

/// Lines above, and below them one that moves: phase, what it waits for, how long still.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    rounds: Rounds,
    outbox: Outbox,
}

/// With a moving sign before what is waited for.
const BUSY: &str = "{spinner:.cyan} {wide_msg}";

/// Without a line: where nothing is waited for, nothing is to move.
const IDLE: &str = "";

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

impl Bar {
    /// Draws on the standard error.
    #[must_use]
    pub fn new() -> Self {
        let this = Self::on(ProgressDrawTarget::stderr_with_hz(10));
        this.bar.enable_steady_tick(Duration::from_millis(120));
        this
    }

    fn on(target: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(style(IDLE));
        Self {
            bar,
            rounds: Rounds::default(),
            outbox: Outbox::default(),
        }
    }

    fn print(&self, text: String) {
        let bar = self.bar.clone();
        self.outbox.post(move || bar.println(text));
    }

    fn say(&self, text: String) {
        let bar = self.bar.clone();
        self.outbox.post(move || {
            // It ticks meanwhile: never the sign without the words.
            if text.is_empty() {
                bar.set_style(style(IDLE));
                bar.set_message(text);
            } else {
                bar.set_message(text);
                bar.set_style(style(BUSY));
            }
        });
    }
}

impl Default for Bar {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        let bar = self.bar.clone();
        self.outbox.post(move || bar.finish_and_clear());
    }
}

impl Listener for Bar {
    fn notice(&self, notice: Notice<'_>) {
        match notice {
            Notice::Entry { entry, release } => {
                for text in self.rounds.told(entry, line(entry, release)) {
                    self.print(colored(entry, &prefixed(entry, release, &text)));
                }
                // What was said of the last wait does not hold any more.
                self.say(String::new());
            }
            Notice::Waiting {
                release,
                why,
                now,
                deadline,
                at_deadline,
            } => {
                let left = deadline.since(now);
                let left = Span::from(Duration::from_secs(left.as_secs()));
                // What is waited for may end long before the phase has to.
                let then = match why.until() {
                    Some(until) if until < deadline => format!("at the latest in {left}: {at_deadline}"),
                    _ => format!("{left} left, then {at_deadline}"),
                };
                // What matters most stands first: the terminal cuts off the end.
                self.say(format!("{}, {}: {why} ({then})", release.phase, traffic(release)));
            }
            Notice::Progress { done, total } => self.say(transfer(done, total)),
            // Who can do something about it reads it whole.
            Notice::Ahead { release, free, until } if free.is_some() => {
                self.print(format!("{INDENT}{}", ahead(release, free, until)));
                self.say(String::new());
            }
            Notice::Ahead { release, free, until } => self.say(ahead(release, free, until)),
            Notice::Plan { plan, found } => {
                self.print(summary(plan, found));
                self.say(String::new());
            }
            Notice::Remark { message } | Notice::Trouble { message } => self.print(format!("{INDENT}{message}")),
        }
    }
}

/// How far a transfer is.
fn transfer(done: u64, total: u64) -> String {
    const WIDTH: u64 = 30;
    let through = (done * WIDTH).checked_div(total).unwrap_or(WIDTH).min(WIDTH);
    let filled = "#".repeat(usize::try_from(through).unwrap_or(0));
    let open = "-".repeat(usize::try_from(WIDTH - through).unwrap_or(0));
    format!(
        "publish, sending the bundle: [{filled}{open}] {} of {}",
        HumanBytes(done),
        HumanBytes(total)
    )
}

/// Who has the traffic, by the journal.
fn traffic(release: &Release) -> String {
    let restored = release.rollback.as_ref().is_some_and(|back| back.restored_at.is_some());
    if release.shifted_at.is_none() || restored {
        return "traffic on blue".to_owned();
    }
    match release.plan.share(release.step_in_place().unwrap_or_default()) {
        share if share.is_whole() => "traffic on green".to_owned(),
        share => format!("{share} of the traffic on green"),
    }
}

/// Colour underlines what the words say; it never says anything alone.
fn colored(entry: &Entry, text: &str) -> String {
    match &entry.event {
        Event::BakePassed { .. }
        | Event::Finished {
            outcome: Outcome::Promoted,
            ..
        } => text.green().to_string(),
        Event::RollbackBegan { .. } | Event::Refused { .. } => text.yellow().to_string(),
        Event::Finished { .. } => text.yellow().bold().to_string(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    use indicatif::TermLike;

    use super::*;
    use crate::release::tests::{gradual, plan, release};
    use crate::release::{Phase, RollbackState};
    use crate::spec::Lever;

    /// Keeps what is written to it.
    #[derive(Clone, Debug, Default)]
    struct Paper(Arc<Mutex<String>>);

    impl Paper {
        fn take(&self) -> String {
            std::mem::take(&mut *self.0.lock().unwrap())
        }
    }

    impl TermLike for Paper {
        fn width(&self) -> u16 {
            80
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Waits until everything that was posted is drawn.
    fn drawn(bar: &Bar) {
        let (done, wait) = channel();
        bar.outbox.post(move || done.send(()).expect("the test waits for it"));
        wait.recv_timeout(Duration::from_secs(10)).expect("nothing is stuck");
    }

    fn ticks(bar: &Bar) {
        for _ in 0..3 {
            bar.bar.tick();
        }
    }

    #[test]
    fn nothing_moves_where_nothing_is_waited_for() {
        let paper = Paper::default();
        let bar = Bar::on(ProgressDrawTarget::term_like(Box::new(paper.clone())));
        ticks(&bar);
        assert_eq!(paper.take().trim(), "");
        bar.say("waiting for green".to_owned());
        drawn(&bar);
        let _first = paper.take();
        ticks(&bar);
        assert!(paper.take().contains("waiting for green"));
        bar.say(String::new());
        drawn(&bar);
        let _before = paper.take();
        ticks(&bar);
        assert_eq!(paper.take().trim(), "");
        bar.print("a line".to_owned());
        drawn(&bar);
        ticks(&bar);
        assert_eq!(paper.take().trim(), "a line");
    }

    #[test]
    fn a_bake_that_ends_later_for_the_same_reason_is_no_news() {
        let release = release(plan());
        let of = |seconds, doubt: Option<&str>| {
            let until = release.started_at + Duration::from_secs(seconds);
            let doubt = doubt.map(str::to_owned);
            news(&release, &Why::Baking { until, doubt })
        };
        assert_eq!(of(10, Some("no answer")), of(20, Some("no answer")));
        assert_ne!(of(10, Some("no answer")), of(10, Some("status 500")));
        assert_ne!(of(10, None), of(20, None));
        let few =
            |answered| format!("green has answered {answered} requests and probes in this step, and 30 are wanted");
        assert_eq!(of(10, Some(&few(10))), of(10, Some(&few(12))));
    }

    #[test]
    fn the_time_that_is_left_is_not_taken_for_that_of_what_is_waited_for() {
        let paper = Paper::default();
        let bar = Bar::on(ProgressDrawTarget::term_like(Box::new(paper.clone())));
        let release = release(plan());
        let now = release.started_at;
        let said = |until, deadline| {
            let why = Why::Settling {
                until: now + Duration::from_secs(until),
            };
            bar.notice(Notice::Waiting {
                release: &release,
                why: &why,
                now,
                deadline: now + Duration::from_secs(deadline),
                at_deadline: "the end",
            });
            drawn(&bar);
            let text = bar.bar.message();
            text.rsplit_once(" (")
                .map(|(_, end)| end.to_owned())
                .expect("it has an end")
        };
        assert_eq!(said(3, 3602), "at the latest in 1h 2s: the end)");
        assert_eq!(said(40, 40), "40s left, then the end)");
    }

    #[test]
    fn green_has_no_more_of_the_traffic_than_its_steps_have_given_it() {
        let mut swapped = release(plan());
        assert_eq!(traffic(&swapped), "traffic on blue");
        let at = swapped.started_at;
        (swapped.shifted_at, swapped.in_place) = (Some(at), true);
        assert_eq!(traffic(&swapped), "traffic on green");
        let mut shared = release(gradual(Lever::WeightedDns));
        // Its weights are sent, and were not read yet.
        shared.phase = Phase::Shift;
        assert_eq!(traffic(&shared), "traffic on blue");
        for (step, in_place, said) in [
            (0, true, "5% of the traffic on green"),
            (1, false, "5% of the traffic on green"),
            (1, true, "50% of the traffic on green"),
            (2, true, "traffic on green"),
        ] {
            (shared.step, shared.in_place, shared.shifted_at) = (step, in_place, Some(at));
            assert_eq!(traffic(&shared), said, "{step}, {in_place}");
        }
        shared.rollback = Some(RollbackState {
            since: at,
            again: 0,
            why: "green looks bad".to_owned(),
            outcome: Outcome::RolledBack,
            from: Phase::Bake,
            restored_at: Some(at),
            watched_from: None,
        });
        assert_eq!(traffic(&shared), "traffic on blue");
    }
}
