//! One sick instance among many is no bad release: it is named, so that it can be replaced, and left out of green's counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::evalue::{Count, Theta, null_share, two_arm};
use super::window::{Arm, Instance};

/// Of fewer instances one cannot be told from the release.
const MANY: usize = 3;

/// The ratio that an instance is suspected of, against the others of its arm.
const THETA: Theta = Theta::new(8.0, 2.079_441_541_679_835_7);

/// How much must speak against an instance, as a logarithm. Leaving one out only lowers the evidence against green, so that no budget is
/// needed; but it may be replaced because of it, so chance must be rare: an instance that fails half again as often as the others
/// comes to this once in 400 windows at most (Lorden's bound), and one that is like them hardly ever.
const SICK: f64 = 6.0;

/// What the service's own verdict counts for in a window, where one instance is unwell and all others are well: three such windows make
/// it sick, whatever it served.
const SAID: f64 = 2.0;

/// What of it fades in ten seconds in which the instance is well and does not fail: after a minute or two what was said once is forgotten.
const FADES: f64 = 0.1;

/// What must speak against an instance, and against no other, for it to be waited for what becomes of it.
const SUSPECTED: f64 = 1.0;

/// Green's instances, as far as they stand out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Instances {
    /// Those that were found sick, and have not been well since.
    sick: Vec<String>,
    /// Those that were, and have been well for long: they count like the others again.
    #[serde(default)]
    recovered: Vec<String>,
    /// What speaks against each, since it last looked best; of a sick one, at most what made it one.
    #[serde(default)]
    against: BTreeMap<String, f64>,
    /// The one of them that was there in the newest window that told of instances.
    #[serde(default)]
    present: Option<Instance>,
}

/// What a window says once sick instances are left out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settled {
    /// Users' requests and errors without theirs, if they are known.
    pub(super) well: Option<Count>,
    /// The sick one that is still there, as far as is known.
    pub(super) sick: Option<Instance>,
    /// Whether one was found sick in this window for the first time.
    pub(super) is_new: bool,
}

impl Instances {
    /// Takes a window of green.
    ///
    /// A window that tells of no instances is no news of them.
    pub(super) fn settle(&mut self, green: &Arm, length_s: f64) -> Settled {
        let instances = &green.instances;
        let is_new = instances.len() >= MANY && self.suspect_anew(instances, FADES * (length_s / 10.0).max(1.0));
        if !instances.is_empty() {
            self.present = instances
                .iter()
                .find(|instance| self.sick.contains(&instance.id))
                .cloned();
        }
        let well = green.all_errors().map(|all| {
            let mut out = Count::default();
            let sick = instances.iter().filter(|instance| self.sick.contains(&instance.id));
            for count in sick.filter_map(Instance::errors) {
                out.add(count);
            }
            let k = (all.k - out.k).max(0.0);
            green.errors_in(Count {
                n: (all.n - out.n).max(k),
                k,
            })
        });
        Settled {
            well,
            sick: self.present.clone(),
            is_new,
        }
    }

    /// Takes a window of each, and looks for those that stand out; whether one does for the first time.
    fn suspect_anew(&mut self, instances: &[Instance], fades: f64) -> bool {
        self.count(instances, fades);
        self.let_go(instances);
        // When one after the other falls sick, it is the version after all, and it does not help if each gets well again.
        let most = (instances.len() / MANY).max(1);
        let mut is_new = false;
        while let Some(worst) = self.worst(instances, most) {
            let known = self.recovered.len();
            self.recovered.retain(|id| *id != worst);
            is_new |= self.recovered.len() == known;
            self.sick.push(worst);
        }
        is_new
    }

    /// Whether a sick one is there, as far as is known: then what the environment as a whole answers may be that one's.
    pub(super) fn present(&self) -> bool {
        self.present.is_some()
    }

    /// The instance that alone is unwell now, or that alone was lately while no other one is now. The service tells how the whole is
    /// over a longer time than how its instances are, so the whole is unwell for longer than the one it is because of.
    pub(super) fn suspect<'a>(&self, now: &'a [Instance]) -> Option<&'a Instance> {
        odd(now).or_else(|| {
            let mut suspects = now.iter().filter(|instance| self.against_it(instance) >= SUSPECTED);
            let suspect = suspects
                .next()
                .filter(|_| suspects.next().is_none() && now.len() >= MANY)?;
            let others_unwell = now
                .iter()
                .any(|instance| instance.id != suspect.id && instance.healthy == Some(false));
            (!others_unwell).then_some(suspect)
        })
    }

    /// Counts a window for and against each, beside those that are not known to be sick.
    fn count(&mut self, instances: &[Instance], fades: f64) {
        let mut well = Count::default();
        for instance in instances.iter().filter(|instance| !self.sick.contains(&instance.id)) {
            well.add(instance.errors().unwrap_or_default());
        }
        let odd = odd(instances).map(|odd| &odd.id);
        // Those that are gone are not come back to.
        self.against
            .retain(|id, _| instances.iter().any(|instance| instance.id == *id));
        for instance in instances {
            let own = instance.errors().unwrap_or_default();
            let is_sick = self.sick.contains(&instance.id);
            let said = if odd == Some(&instance.id) {
                SAID
            } else if is_well(instance, is_sick) && own.k <= 0.0 {
                -fades
            } else {
                0.0
            };
            let others = if is_sick { well } else { without(well, own) };
            let sum = self.against.entry(instance.id.clone()).or_default();
            *sum = (*sum + against(own, others) + said).max(0.0);
            // However long it was sick: it is as long until it is believed to be well.
            if is_sick {
                *sum = sum.min(SICK);
            }
        }
    }

    /// Takes those for well again that are, once nothing speaks against them any more.
    fn let_go(&mut self, instances: &[Instance]) {
        for instance in instances.iter().filter(|instance| is_well(instance, true)) {
            if self.sick.contains(&instance.id) && self.against_it(instance) <= 0.0 {
                self.sick.retain(|id| *id != instance.id);
                self.recovered.push(instance.id.clone());
            }
        }
    }

    /// The instance that stands out most among those that are not known to be sick, if it stands out enough. Once `most` were found, only
    /// one of those can be it.
    fn worst(&self, instances: &[Instance], most: usize) -> Option<String> {
        let has_room = self.sick.len() + self.recovered.len() < most;
        let may_be = |id: &String| !self.sick.contains(id) && (has_room || self.recovered.contains(id));
        let candidates = instances.iter().filter(|instance| may_be(&instance.id));
        candidates
            .filter(|instance| self.against_it(instance) >= SICK)
            .max_by(|one, other| self.against_it(one).total_cmp(&self.against_it(other)))
            .map(|worst| worst.id.clone())
    }

    /// What speaks against an instance.
    fn against_it(&self, instance: &Instance) -> f64 {
        self.against.get(&instance.id).copied().unwrap_or_default()
    }
}

/// Whether an instance is well in the service's own words, or, where it says nothing of a sick one, by what that serves.
fn is_well(instance: &Instance, is_sick: bool) -> bool {
    let serves = || is_sick && instance.errors().is_some_and(|own| own.n > 0.0 && own.k <= 0.0);
    instance.healthy.unwrap_or_else(serves)
}

/// How much more an instance's requests fail than those of others, as the logarithm of a bet on it.
fn against(own: Count, others: Count) -> f64 {
    if own.n <= 0.0 || others.n <= 0.0 {
        return 0.0;
    }
    two_arm(THETA, null_share(own.n, others.n, 1.5), own, others, 1e-3)
}

fn without(all: Count, own: Count) -> Count {
    Count {
        n: all.n - own.n,
        k: all.k - own.k,
    }
}

/// The one instance that is unwell in the service's own words, where there are two others or more and all of them are well.
fn odd(instances: &[Instance]) -> Option<&Instance> {
    let mut unwell = instances.iter().filter(|instance| instance.healthy == Some(false));
    let well = instances.iter().filter(|instance| instance.healthy == Some(true));
    let odd = unwell.next()?;
    (instances.len() >= MANY && well.count() + 1 == instances.len()).then_some(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(instances: &[(f64, f64, Option<bool>)]) -> Arm {
        let instances = instances.iter().enumerate();
        let instances: Vec<Instance> = instances
            .map(|(nth, (requests, errors, healthy))| Instance {
                id: format!("i-{nth}"),
                requests: Some(*requests),
                errors: Some(*errors),
                healthy: *healthy,
            })
            .collect();
        Arm {
            requests: Some(instances.iter().filter_map(|instance| instance.requests).sum()),
            errors: Some(instances.iter().filter_map(|instance| instance.errors).sum()),
            instances,
            ..Arm::default()
        }
    }

    /// In which window an instance is found sick, and which.
    fn found(arms: impl IntoIterator<Item = Arm>) -> Option<(usize, String)> {
        let mut instances = Instances::default();
        arms.into_iter()
            .enumerate()
            .find_map(|(at, arm)| Some((at, instances.settle(&arm, 10.0).sick?.id)))
    }

    #[test]
    fn where_requests_are_few_windows_add_up() {
        let few = || arm(&[(5.0, 2.0, None), (5.0, 0.0, None), (5.0, 0.0, None)]);
        let (at, id) = found((0..10).map(|_| few())).expect("two of five fail, and none elsewhere");
        assert_eq!(id, "i-0");
        assert!((1..8).contains(&at), "not the first, not the last: {at}");
        // What was well for long has no credit.
        let well = || arm(&[(5.0, 0.0, None), (5.0, 0.0, None), (5.0, 0.0, None)]);
        let later = found((0..50).map(|_| well()).chain((0..10).map(|_| few())));
        assert_eq!(later.map(|(found, _)| found), Some(50 + at));
    }

    #[test]
    fn the_services_word_counts_where_it_says_it_of_one_alone() {
        let (ok, bad) = (Some(true), Some(false));
        // Nothing is counted, or somebody else counts it.
        let said = |of: [Option<bool>; 4]| {
            let mut arm = arm(&of.map(|healthy| (0.0, 0.0, healthy)));
            for instance in &mut arm.instances {
                (instance.requests, instance.errors) = (None, None);
            }
            arm
        };
        let of = |of: [Option<bool>; 4]| found((0..10).map(|_| said(of)));
        assert_eq!(of([ok, bad, ok, ok]), Some((2, "i-1".to_owned())));
        assert_eq!(of([ok, bad, bad, ok]), None, "two of four are no exception");
        assert_eq!(of([ok, bad, None, ok]), None, "one is coming up");
        assert_eq!(of([ok, ok, ok, ok]), None);
        assert_eq!(
            found((0..10).map(|_| arm(&[(0.0, 0.0, bad), (0.0, 0.0, ok)]))),
            None,
            "of two"
        );
    }

    #[test]
    fn one_that_alone_was_unwell_is_suspected_until_another_one_is() {
        let (ok, bad) = (Some(true), Some(false));
        let now = |healthy: [Option<bool>; 3]| arm(&healthy.map(|healthy| (0.0, 0.0, healthy))).instances;
        let mut instances = Instances::default();
        assert!(instances.suspect(&now([ok, ok, ok])).is_none());
        // Before a window tells of it, too.
        let suspect = |instances: &Instances, healthy: [Option<bool>; 3]| {
            instances.suspect(&now(healthy)).map(|instance| instance.id.clone())
        };
        let first = Some("i-0".to_owned());
        assert_eq!(suspect(&instances, [bad, ok, ok]), first);
        instances.settle(&arm(&[(3.0, 1.0, bad), (3.0, 0.0, ok), (3.0, 0.0, ok)]), 10.0);
        assert_eq!(
            suspect(&instances, [ok, ok, ok]),
            first,
            "its newest requests went well"
        );
        assert_eq!(
            suspect(&instances, [ok, bad, ok]),
            Some("i-1".to_owned()),
            "the word of now"
        );
        assert_eq!(suspect(&instances, [bad, bad, ok]), None, "it is not alone");
        assert_eq!(suspect(&instances, [ok, bad, None]), None, "another one is unwell");
        assert_eq!(
            instances.suspect(&now([ok, ok, ok])[..2]).map(|one| &one.id),
            None,
            "of two"
        );
        assert_eq!(
            instances.suspect(&now([ok, ok, ok])[1..]).map(|one| &one.id),
            None,
            "it is gone"
        );
        let mut later = instances.clone();
        for _ in 0..30 {
            later.settle(&arm(&[(30.0, 0.0, ok), (30.0, 0.0, ok), (30.0, 0.0, ok)]), 10.0);
        }
        assert_eq!(suspect(&later, [ok, ok, ok]), None, "it has done well since");
        instances.settle(&arm(&[(3.0, 0.0, ok), (3.0, 1.0, bad), (3.0, 0.0, ok)]), 10.0);
        assert_eq!(suspect(&instances, [ok, ok, ok]), None, "two were, one after the other");
    }

    #[test]
    fn instances_that_are_alike_are_left_alone() {
        // The same rate on all, in turns, for longer than any release.
        let turns = (0..2000).map(|at| {
            let errors = |nth: usize| if (at + nth).is_multiple_of(4) { 3.0 } else { 1.0 };
            arm(&[0, 1, 2, 3].map(|nth| (200.0, errors(nth), Some(true))))
        });
        assert_eq!(found(turns), None);
    }

    #[test]
    fn it_is_known_whether_a_sick_one_is_still_there() {
        let mut instances = Instances::default();
        let sick = arm(&[(100.0, 50.0, None), (100.0, 0.0, None), (100.0, 0.0, None)]);
        let settled = instances.settle(&sick, 10.0);
        assert_eq!(settled.sick.map(|instance| instance.id), Some("i-0".to_owned()));
        assert_eq!(settled.well, Some(Count { n: 200.0, k: 0.0 }));
        assert!(settled.is_new && instances.present());
        let again = instances.settle(&sick, 10.0);
        assert!(again.sick.is_some() && !again.is_new);
        // Windows that tell of none are no news.
        let silent = instances.settle(&Arm::default(), 10.0);
        assert_eq!(silent.sick.map(|instance| instance.id), Some("i-0".to_owned()));
        // It is gone, and no other one has come yet.
        let mut two = sick.clone();
        two.instances.remove(0);
        assert_eq!(instances.clone().settle(&two, 10.0).sick, None);
        let mut replaced = sick.clone();
        replaced.instances.remove(0);
        replaced.instances.push(Instance {
            id: "i-9".to_owned(),
            ..Instance::default()
        });
        let settled = instances.settle(&replaced, 10.0);
        assert!(settled.sick.is_none() && !instances.present(), "{instances:?}");
    }

    #[test]
    fn one_that_has_been_well_for_long_counts_again_and_is_forgiven_once() {
        let (ok, bad) = (Some(true), Some(false));
        let all_well = || arm(&[(100.0, 0.0, ok), (100.0, 0.0, ok), (100.0, 0.0, ok)]);
        let mut instances = Instances::default();
        let sick = arm(&[(100.0, 50.0, bad), (100.0, 0.0, ok), (100.0, 0.0, ok)]);
        assert!(instances.settle(&sick, 10.0).is_new);
        // However long it is sick, and as long as it fails without the service's noticing.
        let unnoticed = arm(&[(100.0, 20.0, ok), (100.0, 0.0, ok), (100.0, 0.0, ok)]);
        for green in [&sick, &unnoticed] {
            for _ in 0..200 {
                instances.settle(green, 10.0);
            }
            assert!(instances.present());
        }
        let wells = |instances: &mut Instances| {
            let windows = (0..100).take_while(|_| instances.settle(&all_well(), 10.0).sick.is_some());
            windows.count()
        };
        let windows = wells(&mut instances);
        assert!((10..70).contains(&windows), "not at once, not never: {windows}");
        let settled = instances.settle(&all_well(), 10.0);
        assert!(!instances.present() && settled.well == Some(Count { n: 300.0, k: 0.0 }));
        // It falls sick again: it is left out, and what it did is not taken back a second time.
        let again = instances.settle(&sick, 10.0);
        assert!(again.sick.is_some_and(|sick| sick.id == "i-0") && !again.is_new);
        // Once it is well, no other one can be sick: it is the version.
        wells(&mut instances);
        let other = arm(&[(100.0, 0.0, ok), (100.0, 50.0, bad), (100.0, 0.0, ok)]);
        for _ in 0..10 {
            assert_eq!(instances.settle(&other, 10.0).sick, None);
        }
    }

    #[test]
    fn one_of_which_the_service_says_nothing_is_well_again_once_it_serves_well() {
        let mut instances = Instances::default();
        assert!(
            instances
                .settle(
                    &arm(&[(100.0, 50.0, None), (100.0, 0.0, None), (100.0, 0.0, None)]),
                    10.0
                )
                .is_new
        );
        let windows = |instances: &mut Instances, own: (f64, f64)| {
            let arm = arm(&[(own.0, own.1, None), (100.0, 0.0, None), (100.0, 0.0, None)]);
            let windows = (0..200).take_while(|_| instances.settle(&arm, 10.0).sick.is_some());
            windows.count()
        };
        assert_eq!(windows(&mut instances.clone(), (100.0, 20.0)), 200, "it fails");
        assert_eq!(windows(&mut instances.clone(), (0.0, 0.0)), 200, "it serves nobody");
        assert!((10..70).contains(&windows(&mut instances, (100.0, 0.0))));
    }
}
