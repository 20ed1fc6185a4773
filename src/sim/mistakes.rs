//! Known mistakes of release tools. Each can be put in front of the real core, clock, journal or network, to see that the
//! simulator finds it: a simulator that finds nothing proves nothing.
//!
//! The real driver often has a second guard behind the first one: it reads the names once more right before a swap, and the
//! tag right before it removes anything. A mistake leaves out all guards that stand before the harm, because a mistake without
//! harm could not be told from none.

mod mind;
mod network;

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

pub(super) use mind::mind;
pub(super) use network::network;

use super::process::Control;
use super::scenario::Scenario;
use crate::model::{Clock, Timestamp};

impl Mistake {
    /// A world of a seed in which it can be made.
    pub(super) fn world(self, seed: u64) -> Scenario {
        match self {
            Self::JobIsForgotten => Scenario::with_pipeline(seed),
            _ => Scenario::of(seed),
        }
    }
}

macro_rules! mistakes {
    ($($(#[$doc:meta])* $name:ident = $text:literal finds $rule:literal,)*) => {
        /// A known mistake.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mistake {
            $(
                $(#[$doc])*
                #[doc = concat!("\n\nFound by *", $rule, "*.")]
                $name,
            )*
        }

        impl Mistake {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name, as it is given on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The rule that it must be found by.
            #[must_use]
            pub fn rule(self) -> &'static str {
                match self {
                    $(Self::$name => $rule,)*
                }
            }
        }
    };
}

mistakes! {
    /// The client sends a swap again when its answer is lost, or when the environments are not Ready yet.
    RetriedSwap = "retried-swap" finds "once",
    /// A swap in doubt counts as failed, and is made again without a look at the world.
    DoubtIsFailure = "doubt-is-failure" finds "once",
    /// A swap in doubt counts as done, without a look at the world.
    DoubtIsSuccess = "doubt-is-success" finds "right end",
    /// A call is made however long ago its intent was written, because the clock does not count the time for which the process
    /// was stopped.
    LateCall = "late-call" finds "once",
    /// Who takes over a call in doubt does not wait until it cannot arrive any more.
    HastyTakeover = "hasty-takeover" finds "once",
    /// Another writer's entry in one's own place goes unnoticed: a lock beside the work instead of the log as a fence.
    LeaseWithoutFence = "lease-without-fence" finds "the log",
    /// Blue is terminated as soon as the name was moved, although users still have its address.
    TerminateAfterSwap = "terminate-after-swap" finds "nothing in use is removed",
    /// Green is terminated as soon as the name is back on blue, although users still have its address.
    TerminateGreenAtOnce = "terminate-green-at-once" finds "nothing in use is removed",
    /// An environment that has green's name counts as green, whoever made it.
    NameIsIdentity = "name-is-identity" finds "nothing in use is removed",
    /// An environment that is Ready counts as up, whatever its health and its events say.
    ReadyIsHealthy = "ready-is-healthy" finds "served",
    /// Smoke checks count as passed.
    SmokeIsSkipped = "smoke-is-skipped" finds "silence is not health",
    /// What could not be read (a throttled call, an outage) counts as good.
    UnreadIsFine = "unread-is-fine" finds "silence is not health",
    /// The bake passes when its time is over, whatever was seen.
    SilenceIsHealth = "silence-is-health" finds "silence is not health",
    /// Whoever takes over in the bake takes it for passed.
    RestartSkipsBake = "restart-skips-bake" finds "silence is not health",
    /// Environments that could not be listed count as gone.
    UnlistedIsGone = "unlisted-is-gone" finds "right end",
    /// A list is believed at once, although it can be behind.
    ListIsBelieved = "list-is-believed" finds "right end",
    /// A check that fails once takes green back.
    OneLookTurns = "one-look-turns" finds "right end",
    /// Bad looks are noted and do not turn the release.
    BadLooksAreNoted = "bad-looks-are-noted" finds "right end",
    /// An operator's wish to turn back counts only before green has traffic.
    WishIsIgnored = "wish-is-ignored" finds "right end",
    /// Who holds the name is not looked at any more once it was moved.
    ForeignSwapIsIgnored = "foreign-swap-is-ignored" finds "right end",
    /// The rollback waits for the source of metrics.
    RollbackNeedsMetrics = "rollback-needs-metrics" finds "taken back",
    /// Waits have no deadline.
    NoDeadline = "no-deadline" finds "in time",
    /// A look that is due goes before everything else, each time: where looking is slow, nothing else is ever done.
    LooksGoFirst = "looks-go-first" finds "in time",
    /// An environment that was being made when the release turned back is left behind.
    OrphanIsLeft = "orphan-is-left" finds "owned",
    /// The rollback ends when traffic is back, and green is left running.
    GreenIsLeft = "green-is-left" finds "owned",
    /// A share is rounded up: blue's weight is one less than it takes to keep green within its step.
    RoundedUp = "rounded-up" finds "its share",
    /// Blue is left to Auto Scaling while green has its traffic.
    BlueShrinks = "blue-shrinks" finds "as large as before",
    /// A job that comes twice is released twice.
    JobIsForgotten = "job-is-forgotten" finds "once",
    /// Nothing is waited for between two looks.
    NoPause = "no-pause" finds "modest",
}

impl std::str::FromStr for Mistake {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|mistake| mistake.name() == text)
            .ok_or_else(|| {
                let mut names = format!("there is no mistake {text:?}; there are");
                for (index, mistake) in Self::ALL.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    let _ = write!(names, "{comma} {}", mistake.name());
                }
                names
            })
    }
}

/// The clock of a driver that makes the mistake.
pub(super) fn clock(mistake: Mistake, clock: Arc<dyn Clock>, process: Control) -> Arc<dyn Clock> {
    match mistake {
        Mistake::LateCall => Arc::new(Dozing { clock, process }),
        _ => clock,
    }
}

/// A clock that does not count the time for which its process was stopped, as the wrong one of a machine's clocks does.
struct Dozing {
    clock: Arc<dyn Clock>,
    process: Control,
}

impl Clock for Dozing {
    fn now(&self) -> Timestamp {
        self.clock.now() - self.process.frozen_for()
    }

    fn since_boot(&self) -> Duration {
        self.clock.since_boot().saturating_sub(self.process.frozen_for())
    }
}
