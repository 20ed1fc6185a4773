//! One sick instance among many is no bad release: it is named, so that it can be replaced, and left out of green's counts.

use serde::{Deserialize, Serialize};

use super::evalue::{Count, Theta, null_share, two_arm};
use super::window::{Arm, Instance};

/// Of fewer instances one cannot be told from the release.
const MANY: usize = 3;

/// The ratio that an instance is suspected of, against the others of its arm.
const THETA: Theta = Theta::new(8.0, 2.079_441_541_679_835_7);

/// How much must speak against an instance, as a logarithm. It is only ever left out, which lowers the evidence against green, so
/// that no budget is needed.
const SICK: f64 = 5.0;

/// Green's instances that were found sick.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Instances {
    sick: Vec<String>,
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
        while self.sick.len() < most {
            let Some(worst) = self.worst(instances) else { break };
            self.sick.push(worst.id.clone());
        }
        let is_sick = |instance: &&Instance| self.sick.contains(&instance.id);
        let present = instances.iter().find(is_sick);
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

    /// The instance that stands out most among those that are not known to be sick.
    fn worst<'a>(&self, instances: &'a [Instance]) -> Option<&'a Instance> {
        let mut all = Count::default();
        let known = || {
            let left = instances.iter().filter(|instance| !self.sick.contains(&instance.id));
            left.filter_map(|instance| Some((instance, instance.errors()?)))
        };
        for (_, count) in known() {
            all.add(count);
        }
        let against = |own: Count| {
            let others = Count {
                n: all.n - own.n,
                k: all.k - own.k,
            };
            if own.n <= 0.0 || others.n <= 0.0 || others.rate() >= own.rate() {
                return 0.0;
            }
            two_arm(THETA, null_share(own.n, others.n, 1.5), own, others, 1e-3)
        };
        let (worst, evidence) = known()
            .map(|(instance, count)| (instance, against(count)))
            .max_by(|one, other| one.1.total_cmp(&other.1))?;
        (evidence >= SICK).then_some(worst)
    }
}
