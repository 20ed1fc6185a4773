//! Users, who follow a name.

use super::time::{Curve, Stretch, amount};
use crate::local::balancers::LoadBalancerArn;

/// Share of those who leave that stays for twice the time to live: resolvers and clients that keep answers too long.
const STUBBORN: f64 = 0.01;

/// The users of one name.
#[derive(Clone, Debug, Default)]
pub(super) struct Followers {
    /// Requests per second of all of them.
    pub(super) rate: f64,
    /// Where the name leads.
    pub(super) lead: Lead,
    left: Vec<Departure>,
}

/// Where a name leads: sites with shares of those who come. The shares add up to one; `None` stands for those who get nowhere.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lead {
    shares: Vec<(Option<usize>, f64)>,
    /// The load balancer that splits them, if one does.
    through: Option<LoadBalancerArn>,
}

impl Default for Lead {
    fn default() -> Self {
        Self::to(None)
    }
}

impl Lead {
    /// To one site, or nowhere.
    pub(super) fn to(site: Option<usize>) -> Self {
        Self {
            shares: vec![(site, 1.0)],
            through: None,
        }
    }

    /// To several, by a load balancer.
    pub(super) fn split(shares: Vec<(Option<usize>, f64)>, through: &LoadBalancerArn) -> Self {
        Self {
            shares,
            through: Some(through.clone()),
        }
    }

    /// To several, by records of DNS.
    pub(super) fn weighted(leads: impl Iterator<Item = (Self, u64)>) -> Self {
        let leads: Vec<(Self, u64)> = leads.collect();
        let sum: u64 = leads.iter().map(|(_, weight)| weight).sum();
        if sum == 0 {
            return Self::default();
        }
        // Weights are far below what a float holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
        let part = |weight: u64| weight as f64 / sum as f64;
        let shares = leads
            .into_iter()
            .filter(|(_, weight)| *weight > 0)
            .flat_map(|(lead, weight)| {
                let part = part(weight);
                lead.shares.into_iter().map(move |(site, share)| (site, share * part))
            });
        Self {
            shares: shares.collect(),
            through: None,
        }
    }

    /// Whether the same load balancer splits those of another lead.
    pub(super) fn is_through_the_same(&self, other: &Self) -> bool {
        self.through.is_some() && self.through == other.through
    }

    fn has(&self, site: usize) -> bool {
        self.shares.iter().any(|(known, _)| *known == Some(site))
    }

    pub(super) fn is_nowhere(&self) -> bool {
        self.shares.iter().all(|(site, _)| site.is_none())
    }
}

/// Why users do not all go at once where the name leads now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Linger {
    /// They remember an answer of DNS for so many milliseconds.
    Dns(i64),
    /// They hold a cookie of the load balancer for so many milliseconds; it counts while their group is in the action.
    Cookie(i64),
    /// They all do.
    No,
}

/// Users who were on a site when the name moved away from it.
#[derive(Clone, Debug)]
struct Departure {
    site: usize,
    /// Their share of all when it moved.
    share: f64,
    at: i64,
    ttl: i64,
    by_cookie: bool,
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
    /// The name leads elsewhere, or to other shares. From nowhere users come at once: nothing was there that they could have
    /// kept.
    pub(super) fn move_to(&mut self, lead: Lead, now: i64, linger: Linger) {
        let here = Stretch { from: now, until: now };
        if lead.is_through_the_same(&self.lead) {
            let honoured = matches!(linger, Linger::Cookie(_));
            self.left
                .retain(|departure| !departure.by_cookie || honoured && lead.has(departure.site));
        }
        let all = self.holder_share(&here)[0];
        let (ttl, by_cookie) = match linger {
            Linger::Dns(ttl) => (ttl, false),
            Linger::Cookie(ttl) => (ttl, true),
            Linger::No => (0, false),
        };
        let before = std::mem::replace(&mut self.lead, lead);
        for (site, share) in before.shares {
            let share = all * share;
            if let Some(site) = site
                && self.rate > 0.0
                && share > 0.0
                && ttl > 0
                && (!by_cookie || self.lead.has(site))
            {
                self.left.push(Departure {
                    site,
                    share,
                    at: now,
                    ttl,
                    by_cookie,
                });
            }
        }
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
        let rate = self.holder_share(stretch).map(|share| share * self.rate);
        for (site, share) in &self.lead.shares {
            give(*site, rate.map(|rate| rate * share));
        }
    }

    /// Sites with users.
    pub(super) fn sites(&self) -> impl Iterator<Item = usize> {
        let there = self.rate > 0.0;
        let led = self.lead.shares.iter().filter(|(_, share)| *share > 0.0);
        let all = self.left.iter().map(|departure| departure.site);
        all.chain(led.filter_map(|(site, _)| *site)).filter(move |_| there)
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
        self.lead.is_nowhere() && self.rate <= 0.0 && self.left.is_empty()
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
        followers.move_to(Lead::to(Some(0)), 0, Linger::Dns(60_000));
        assert_eq!(shares(&followers, 0), [(Some(0), 1.0)], "from nowhere at once");
        followers.move_to(Lead::to(Some(1)), 1000, Linger::Dns(60_000));
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
        followers.move_to(Lead::to(Some(0)), 0, Linger::Dns(60_000));
        followers.move_to(Lead::to(Some(1)), 0, Linger::Dns(60_000));
        followers.move_to(Lead::to(Some(0)), 30_000, Linger::Dns(60_000));
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

    #[test]
    fn users_with_a_cookie_stay_while_their_group_is_in_the_action() {
        let arn = LoadBalancerArn::new("lb");
        let split = |blue: f64| Lead::split(vec![(Some(0), blue), (Some(1), 1.0 - blue)], &arn);
        let mut followers = Followers {
            rate: 1.0,
            ..Followers::default()
        };
        let on_blue = |followers: &Followers, at| {
            let all = shares(followers, at);
            all.iter()
                .filter(|(site, _)| *site == Some(0))
                .map(|(_, share)| share)
                .sum::<f64>()
        };
        followers.move_to(split(1.0), 0, Linger::No);
        followers.move_to(split(0.5), 1000, Linger::Cookie(60_000));
        assert!((on_blue(&followers, 1000) - 1.0).abs() < 0.002);
        assert!(
            (on_blue(&followers, 31_000) - 0.7525).abs() < 0.002,
            "{}",
            on_blue(&followers, 31_000)
        );
        assert!((on_blue(&followers, 130_000) - 0.5).abs() < 0.002);
        followers.move_to(split(0.0), 130_000, Linger::Cookie(60_000));
        assert!(
            (on_blue(&followers, 130_000) - 0.5).abs() < 0.002,
            "a weight of zero keeps them"
        );
        let without = Lead::split(vec![(Some(1), 1.0)], &arn);
        followers.move_to(without, 131_000, Linger::Cookie(60_000));
        assert!(
            on_blue(&followers, 131_000) < 1e-9,
            "a group that is gone from the action does not"
        );
        followers.move_to(split(1.0), 132_000, Linger::No);
        assert!(
            (on_blue(&followers, 132_000) - 1.0).abs() < 1e-9,
            "without stickiness at once"
        );
    }
}
