//! Bounds that hold in every release. Each carries the argument why it is safe.

use std::time::Duration;

/// A call may begin only so long after its intent was written, on a clock that counts sleep. A driver that was frozen between
/// the two (a stopped process, a laptop asleep) lets the call be and reads the journal again. Long enough for a slow write to
/// S3, short enough that whoever takes over does not wait long.
pub const INTENT_DEADLINE: Duration = Duration::from_secs(10);

/// A request that changes something is given up after so long, and not sent later than so long after the latest moment at which its
/// call may begin. Together with [`INTENT_DEADLINE`] it bounds how late such a call can still arrive, and it stays below what is left
/// of the driver's ownership. Cleaning up after a release makes many requests, and has no bound as a whole: each of them has this one.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a driver asks to be left alone with each entry. Longer than intent deadline and call timeout together, so that
/// nobody takes over while a call is under way. Whoever wants to take over watches for so long, by its own clock, that no entry
/// of the driver's appears; so clocks that differ do not matter, and a driver that lives and can write is not fought.
pub const OWNERSHIP: Duration = Duration::from_secs(60);

/// No two machines' clocks differ by more, in all reason. An entry that is older than that by the reader's clock is old.
pub const SKEW: Duration = Duration::from_secs(10 * 60);

/// A swap that was accepted shows within seconds (observed: 4 to 6). If both environments are at rest and nothing has moved
/// after so long, it has not happened.
pub const SWAP_SETTLE: Duration = Duration::from_secs(180);

/// So long an accepted change may take to show in every list, and a call that arrived at the last moment to show at all. No
/// source gives a figure; lists were seen behind by seconds.
pub const SHOWS: Duration = Duration::from_secs(30);

/// How often traffic that has left blue again is fetched back before a person is called: somebody else is at work.
pub const RETURNS: u32 = 3;

/// How often a name that somebody else has moved is put back on the way forward: whoever moves it again means it.
pub const RESTORES: u32 = 3;

/// How often a call that does not happen is made on the way forward. With the pauses between them that is a minute and a half by
/// the default interval, in which a service that was busy for a moment has come round. Nothing is lost by
/// giving up then: blue has its traffic, or the way back takes it there, which has no such bound; and what is left over after a
/// promotion is named.
pub const ATTEMPTS: u32 = 5;

/// What was seen longer ago than this says nothing any more. Longer than a read takes with all its attempts.
pub const LOOK: Duration = Duration::from_secs(60);

/// For so long after a look entries may follow from it without another one. Nothing is called or ended on the ground of such a
/// look, and checks are not used twice; so what it can cost is an entry that is some seconds behind the world.
pub const SAME_LOOK: Duration = Duration::from_secs(5);

/// How long preflight reads again what it could not read. A read that hangs takes a third of a minute, and then there is a pause: a
/// minute would be two looks.
pub const PREFLIGHT: Duration = Duration::from_secs(2 * 60);

/// How long bundle, version and templates may take. A bundle of 500 MB at 5 Mbit/s takes a quarter of an hour.
pub const PUBLISH: Duration = Duration::from_secs(45 * 60);

/// How long the shift may take besides the swap itself: busy environments, a green that must recover.
pub const SHIFT: Duration = Duration::from_secs(20 * 60);

/// On top of the time to live, how long the public name may take to lead to green, or back to blue: twice what Route 53 says to
/// be usual. To wait for it endangers nobody: the names were read in place before, and green is watched from the swap on.
pub const CONFIRM: Duration = Duration::from_secs(120);

/// How long Route 53 may take until all its servers know a change. "Generally within 60 seconds" (source: `GetChange` of its API).
pub const IN_SYNC: Duration = Duration::from_secs(10 * 60);

/// After so long they are taken to know it when nobody can ask for it by its id: twice what is said to be usual.
pub const IN_SYNC_BLIND: Duration = Duration::from_secs(120);

/// How long after a call that was to bring traffic back, and was not carried out, it is made again. Users may be on a bad green.
/// The pause doubles each time, up to [`BACKOFF`], so a service that is busy is not asked every second; and it is known that the
/// call before had no effect, so nothing is done twice.
pub const RETRY_OF_RETURN: Duration = Duration::from_secs(1);

/// How long traffic may take to be back on blue before a person is called. Longer than an update that must end before a swap, or
/// an outage of the service, mostly takes. Each try reads first, so trying for so long does no harm; but users may be on a bad
/// green, and a person may see another way out.
pub const RETURN: Duration = Duration::from_secs(60 * 60);

/// How long an environment may take to be gone. Observed: up to ten minutes.
pub const TERMINATE: Duration = Duration::from_secs(40 * 60);

/// For so long after an instance was replaced, the health of the whole says little: another one is being started. Launching one and
/// deploying to it takes minutes.
pub const REPLACE: Duration = Duration::from_secs(10 * 60);

/// Longest pause between attempts. A service that refuses is asked twice a minute then, which no rate limit minds, and what it
/// can do again is noticed half a minute later at most.
pub const BACKOFF: Duration = Duration::from_secs(30);
