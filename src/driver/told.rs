//! What looks were told of our own requests between them, until it is on record: told once too often, it would count twice.

use crate::release::Sampled;
use crate::verdict::Probes;

/// Of so many of each one's newest answers it is kept how long they took; more would say nothing more. How many there were and how many
/// failed is counted of all.
pub(super) const KEPT: usize = 512;

/// What was told and is not on record yet, for all that is known.
#[derive(Default)]
pub(super) struct Told {
    /// In the order in which it was told.
    parts: Vec<Sampled>,
    /// Entries that may be on record or get there, all for the next place in the journal: their nonces, and how many parts each holds.
    unsure: Vec<(String, usize)>,
}

impl Told {
    /// Takes what was heard since.
    pub(super) fn add(&mut self, fresh: Sampled) {
        let settled = self.unsure.last().map_or(0, |(_, parts)| *parts);
        match self.parts.get_mut(settled..).and_then(<[Sampled]>::last_mut) {
            Some(last) => add_sampled(last, fresh),
            None => self.parts.push(fresh),
        }
    }

    /// All of it.
    pub(super) fn all(&self) -> Sampled {
        let mut all = Sampled::default();
        self.parts.iter().cloned().for_each(|part| add_sampled(&mut all, part));
        all
    }

    /// It is on record.
    pub(super) fn recorded(&mut self) {
        *self = Self::default();
    }

    /// Nobody knows whether the entry with this nonce is, which holds all of it: its write has failed, and may have succeeded all the same.
    pub(super) fn unsure(&mut self, nonce: String) {
        self.unsure.push((nonce, self.parts.len()));
    }

    /// The entry with this nonce has that place. None of the others gets there any more.
    pub(super) fn read(&mut self, nonce: &str) {
        if let Some((_, parts)) = self.unsure.iter().find(|(unsure, _)| unsure == nonce) {
            self.parts.drain(..*parts);
        }
        self.unsure.clear();
    }
}

fn add_sampled(all: &mut Sampled, later: Sampled) {
    add(&mut all.green, later.green);
    add(&mut all.blue, later.blue);
    all.unreached += later.unreached;
}

/// Adds later answers to earlier ones.
pub(super) fn add(probes: &mut Probes, later: Probes) {
    probes.requests += later.requests;
    probes.failures += later.failures;
    probes.latencies_ms.extend(later.latencies_ms);
    let old = probes.latencies_ms.len().saturating_sub(KEPT);
    probes.latencies_ms.drain(..old);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(requests: f64) -> Sampled {
        Sampled {
            green: Probes {
                requests,
                ..Probes::default()
            },
            ..Sampled::default()
        }
    }

    /// What is told after entries of which nobody knows whether they are on record: the first holds 1 request, the second 2 more.
    fn twice_unsure() -> Told {
        let mut told = Told::default();
        told.add(heard(1.0));
        told.unsure("first".to_owned());
        told.add(heard(2.0));
        told.unsure("second".to_owned());
        told.add(heard(4.0));
        told.add(heard(8.0));
        told
    }

    #[test]
    fn what_is_on_record_is_not_told_again_and_nothing_else_is_lost() {
        let rest = |read: &str| {
            let mut told = twice_unsure();
            assert_eq!(told.all().green.requests, 15.0);
            told.read(read);
            told.all().green.requests
        };
        assert_eq!(rest("first"), 14.0);
        assert_eq!(rest("second"), 12.0);
        assert_eq!(rest("somebody else's"), 15.0);
    }

    #[test]
    fn a_place_that_is_taken_is_taken_for_good() {
        let mut told = twice_unsure();
        told.read("somebody else's");
        told.read("first");
        assert_eq!(told.all().green.requests, 15.0);
        told.recorded();
        assert_eq!(told.all(), Sampled::default());
    }

    #[test]
    fn however_long_nothing_is_recorded_it_takes_no_more_room() {
        let mut told = Told::default();
        (0..1000).for_each(|_| told.add(heard(1.0)));
        assert_eq!((told.parts.len(), told.all().green.requests), (1, 1000.0));
    }
}
