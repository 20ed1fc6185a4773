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

/// Green's instances that were found sick.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Instances {
    sick: Vec<String>,
    /// What speaks against each, since it last looked best.
    #[serde(default)]
    against: BTreeMap<String, f64>,
    /// Whether one of them was there in the newest window that told of instances.
    #[serde(default)]
    present: bool,
}

impl Instances {
    /// Green's errors without those of sick instances, and the sick one that is still there, if there is one.
    pub(super) fn settle<'a>(&mut self, green: &'a Arm) -> (Option<Count>, Option<&'a Instance>) {
        let whole = green.errors();
        let instances = &green.instances;
        if instances.len() < MANY {
            return (whole, None);
        }
        // When one after the other falls sick, it is the version after all.
        let most = (instances.len() / MANY).max(1);
        let mut is_new = true;
        while self.sick.len() < most {
            let Some(worst) = self.worst(instances, is_new) else {
                break;
            };
            self.sick.push(worst);
            is_new = false;
        }
        let is_sick = |instance: &&Instance| self.sick.contains(&instance.id);
        let present = instances.iter().find(is_sick);
        self.present = present.is_some();
        let well = whole.map(|whole| {
            let mut out = Count::default();
            for count in instances.iter().filter(is_sick).filter_map(Instance::errors) {
                out.add(count);
            }
            let k = (whole.k - out.k).max(0.0);
            Count {
                n: (whole.n - out.n).max(k),
                k,
            }
        });
        (well, present)
    }

    /// Whether a sick one is there, as far as is known: then what the environment as a whole answers may be that one's.
    pub(super) fn present(&self) -> bool {
        self.present
    }

    /// The instance that stands out most among those that are not known to be sick, if it stands out enough. A window that is new counts
    /// once.
    fn worst(&mut self, instances: &[Instance], is_new: bool) -> Option<String> {
        let left = || instances.iter().filter(|instance| !self.sick.contains(&instance.id));
        let counts: Vec<(&Instance, Count)> = left()
            .filter_map(|instance| Some((instance, instance.errors()?)))
            .collect();
        let mut all = Count::default();
        for (_, count) in &counts {
            all.add(*count);
        }
        let against = |own: Count| {
            let others = Count {
                n: all.n - own.n,
                k: all.k - own.k,
            };
            if own.n <= 0.0 || others.n <= 0.0 {
                return 0.0;
            }
            two_arm(THETA, null_share(own.n, others.n, 1.5), own, others, 1e-3)
        };
        let unwell: Vec<&Instance> = instances
            .iter()
            .filter(|instance| instance.healthy == Some(false))
            .collect();
        let well = instances
            .iter()
            .filter(|instance| instance.healthy == Some(true))
            .count();
        let odd = match unwell.as_slice() {
            [odd] if well + 1 == instances.len() => Some(&odd.id),
            _ => None,
        };
        // Those that are gone are not come back to.
        self.against
            .retain(|id, _| counts.iter().any(|(instance, _)| instance.id == *id));
        let mut worst: Option<(&str, f64)> = None;
        for (instance, count) in &counts {
            let sum = self.against.entry(instance.id.clone()).or_default();
            if is_new {
                let said = if odd == Some(&instance.id) { SAID } else { 0.0 };
                *sum = (*sum + against(*count) + said).max(0.0);
            }
            if worst.is_none_or(|(_, most)| *sum > most) {
                worst = Some((&instance.id, *sum));
            }
        }
        worst.filter(|(_, sum)| *sum >= SICK).map(|(id, _)| id.to_owned())
    }
}
