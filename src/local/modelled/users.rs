//! Users, who follow a name.

use super::time::{Curve, Stretch, amount};

/// Share of those who leave that stays for twice the time to live: resolvers and clients that keep answers too long.
const STUBBORN: f64 = 0.01;

/// The users of one name.
#[derive(Clone, Debug, Default)]
pub(super) struct Followers {
    /// Requests per second of all of them.
    pub(super) rate: f64,
    /// The site that the name leads to.
    pub(super) holder: Option<usize>,
    left: Vec<Departure>,
}

/// Users who were on a site when the name moved away from it.
#[derive(Clone, Debug)]
struct Departure {
    site: usize,
    /// Their share of all when it moved.
    share: f64,
    at: i64,
    ttl: i64,
}

impl Departure {
    /// The share that is still there.
    fn rest(&self, stretch: &Stretch) -> Curve {
        if stretch.from >= self.at.saturating_add(self.ttl.saturating_mul(2)) {
            return [0.0; 3];
        }
        if stretch.from >= self.at.saturating_add(self.ttl) {
            return [self.share * STUBBORN; 3];
        }
        let ttl = amount(self.ttl);
        stretch
            .since(self.at)
            .map(|age| self.share * (STUBBORN + (1.0 - STUBBORN) * (1.0 - age / ttl).clamp(0.0, 1.0)))
    }
}

impl Followers {
    /// The name moves. From nowhere users come at once: nothing was there that they could have kept.
    pub(super) fn move_to(&mut self, holder: Option<usize>, now: i64, ttl: i64) {
        let here = Stretch { from: now, until: now };
        let share = self.holder_share(&here)[0];
        if let Some(site) = self.holder
            && self.rate > 0.0
            && share > 0.0
            && ttl > 0
        {
            self.left.push(Departure {
                site,
                share,
                at: now,
                ttl,
            });
        }
        self.holder = holder;
    }

    fn holder_share(&self, stretch: &Stretch) -> Curve {
        let mut share = [1.0; 3];
        for departure in &self.left {
            let rest = departure.rest(stretch);
            for (share, rest) in share.iter_mut().zip(rest) {
                *share -= rest;
            }
        }
        share.map(|share: f64| share.max(0.0))
    }

    /// Requests per second on each site in a stretch; `None` stands for those whom the name leads nowhere. A site may come
    /// more than once.
    pub(super) fn spread(&self, stretch: &Stretch, mut give: impl FnMut(Option<usize>, Curve)) {
        if self.rate <= 0.0 {
            return;
        }
        for departure in &self.left {
            give(
                Some(departure.site),
                departure.rest(stretch).map(|share| share * self.rate),
            );
        }
        give(self.holder, self.holder_share(stretch).map(|share| share * self.rate));
    }

    /// Sites with users.
    pub(super) fn sites(&self) -> impl Iterator<Item = usize> {
        let there = self.rate > 0.0;
        let all = self.left.iter().map(|departure| departure.site).chain(self.holder);
        all.filter(move |_| there)
    }

    /// The first moment after `now` at which it changes course.
    pub(super) fn next_edge(&self, now: i64) -> Option<i64> {
        self.left
            .iter()
            .flat_map(|departure| [1, 2].map(|times| departure.at.saturating_add(departure.ttl.saturating_mul(times))))
            .filter(|edge| *edge > now)
            .min()
    }

    /// Forgets those who have gone by now.
    pub(super) fn forget(&mut self, now: i64) {
        self.left
            .retain(|departure| departure.at.saturating_add(departure.ttl.saturating_mul(2)) > now);
    }

    /// Whether nothing depends on it.
    pub(super) fn is_idle(&self) -> bool {
        self.holder.is_none() && self.rate <= 0.0 && self.left.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(followers: &Followers, at: i64) -> Vec<(Option<usize>, f64)> {
        let mut shares = Vec::new();
        followers.spread(&Stretch { from: at, until: at }, |site, curve| {
            shares.push((site, (curve[0] * 1000.0).round() / 1000.0));
        });
        shares
    }

    #[test]
    fn users_leave_over_the_time_to_live_and_the_stubborn_ones_later() {
        let mut followers = Followers {
            rate: 1.0,
            ..Followers::default()
        };
        followers.move_to(Some(0), 0, 60_000);
        assert_eq!(shares(&followers, 0), [(Some(0), 1.0)], "from nowhere at once");
        followers.move_to(Some(1), 1000, 60_000);
        assert_eq!(shares(&followers, 1000), [(Some(0), 1.0), (Some(1), 0.0)]);
        assert_eq!(shares(&followers, 31_000), [(Some(0), 0.505), (Some(1), 0.495)]);
        assert_eq!(shares(&followers, 61_000), [(Some(0), 0.01), (Some(1), 0.99)]);
        assert_eq!(shares(&followers, 121_000), [(Some(0), 0.0), (Some(1), 1.0)]);
        followers.forget(121_000);
        assert_eq!(shares(&followers, 121_000), [(Some(1), 1.0)]);
    }

    #[test]
    fn a_name_that_comes_back_finds_those_who_never_left() {
        let mut followers = Followers {
            rate: 1.0,
            ..Followers::default()
        };
        followers.move_to(Some(0), 0, 60_000);
        followers.move_to(Some(1), 0, 60_000);
        followers.move_to(Some(0), 30_000, 60_000);
        let on_green = |at| {
            let all = shares(&followers, at);
            all.iter()
                .filter(|(site, _)| *site == Some(1))
                .map(|(_, share)| share)
                .sum::<f64>()
        };
        assert!((on_green(30_000) - 0.495).abs() < 0.001);
        assert!((on_green(60_000) - 0.25).abs() < 0.001);
        assert!(on_green(150_000) < 1e-9);
        let total: f64 = shares(&followers, 45_000).iter().map(|(_, share)| share).sum();
        assert!((total - 1.0).abs() < 0.002, "{total}");
    }
}
