//! The release that a newer one waits for, as a sentence.

use crate::model::Timestamp;
use crate::release::Release;

/// What happens to the newer release when it has waited long enough.
pub(super) const AT_DEADLINE: &str = "the release is refused";

/// Whom a newer release waits for, where that one stands, and until when it is waited for. `free` says why nobody drives it any
/// more.
pub(super) fn ahead(release: &Release, free: Option<&str>, until: Timestamp) -> String {
    let (id, phase, since) = (&release.plan.id, release.phase, release.phase_since);
    match free {
        None => format!(
            "waiting for the end of release {id}, at most until {until}: it is in phase {phase} since {since}, driven by {}",
            release.driver
        ),
        Some(why) => format!(
            "release {id} is in phase {phase} since {since}, and nobody drives it any more: {why}; go on with it by `cutover resume`, or \
             take it back by `cutover rollback`; waiting for that at most until {until}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::tests::{plan, release};

    #[test]
    fn it_says_who_is_waited_for_and_what_to_do() {
        let release = release(plan());
        let until = Timestamp::from_millis(1_800_000_000_000);
        let said = ahead(&release, None, until);
        for word in [
            "release shop/production/7",
            "phase preflight",
            "process 4711 on",
            &until.to_string(),
        ] {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert!(!said.contains("cutover resume"), "{said}");
        let said = ahead(&release, Some("its machine has burnt down"), until);
        for word in [
            "release shop/production/7",
            "nobody drives it any more: its machine has burnt down",
            "`cutover resume`",
            "`cutover rollback`",
            &until.to_string(),
        ] {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
}
