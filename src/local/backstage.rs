//! What stands behind the entrances of a local cloud: the account, the plane that carries out what it wants, and the time.
//!
//! Somebody must bring news from the one to the other. A cloud of real processes has a task for that
//! ([`Backstage::with_a_task`]). A cloud in virtual time has none ([`Backstage::new`]): it catches up with the clock
//! whenever it is asked something, in the exact steps that a task would have taken.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::account::{Account, QueryRequest};
use super::dns::{NameAnswer, Names};
use super::door::{DocumentService, QueryAnswer, QueryService, RestService};
use super::fault::Fault;
use super::lookup::{self, End};
use super::metrics::Document;
use super::permissions::Inventory;
use super::plane::{DataPlane, Holder};
use super::zones::{RestAnswer, RestRequest, ZoneAnswer, Zones, ZonesSettings};
use crate::model::{Clock, Timestamp};

/// An account with what runs behind it. Shared as an `Arc`.
pub struct Backstage {
    account: Mutex<Account>,
    /// Locked after the account, where both are.
    zones: Mutex<Zones>,
    plane: Arc<dyn DataPlane>,
    clock: Arc<dyn Clock>,
    /// `None` when a task brings the news.
    pace: Option<Mutex<Pace>>,
    /// Held by who tells the plane, so that no older wish comes after a newer one.
    telling: Mutex<()>,
}

/// How far a cloud without a task has come.
struct Pace {
    now: Timestamp,
    next_window: Timestamp,
    window: Duration,
    /// The account's revision that the plane was told, and where names of hosted zones led then.
    told: Option<(u64, Vec<lookup::Lead>)>,
}

/// Where a name leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Aliases on the way, first the asked name: each the name that is an alias and the name it stands for.
    pub chain: Vec<(String, String)>,
    /// Where the balancer at the end accepts connections; `None` when it does not, and when no balancer is there.
    pub address: Option<SocketAddr>,
    /// Addresses of records, where those are the end.
    pub records: Vec<Ipv4Addr>,
    /// How long all that may be kept.
    pub ttl: Duration,
}

impl Backstage {
    /// For a clock that may stand still or leap: everything is caught up with before each answer. The first health window
    /// begins now. The clock must not go back.
    #[must_use]
    pub fn new(account: Account, plane: Arc<dyn DataPlane>, clock: Arc<dyn Clock>) -> Self {
        let (now, window) = (clock.now(), account.health_window());
        let pace = Pace {
            now,
            next_window: now + window,
            window,
            told: None,
        };
        Self {
            zones: Mutex::new(zones(&account)),
            account: Mutex::new(account),
            plane,
            clock,
            pace: Some(Mutex::new(pace)),
            telling: Mutex::default(),
        }
    }

    /// For a clock that goes on by itself. Somebody must call [`Backstage::do_what_is_due`] often and
    /// [`Backstage::close_window`] at the end of every health window.
    #[must_use]
    pub fn with_a_task(account: Account, plane: Arc<dyn DataPlane>, clock: Arc<dyn Clock>) -> Self {
        Self {
            zones: Mutex::new(zones(&account)),
            account: Mutex::new(account),
            plane,
            clock,
            pace: None,
            telling: Mutex::default(),
        }
    }

    /// The account, for a look at what is really there. Do not keep it: nobody is answered meanwhile, and whoever holds it
    /// must not ask the backstage.
    pub fn account(&self) -> MutexGuard<'_, Account> {
        lock(&self.account)
    }

    /// Route 53, in the same way. Whoever holds it must not ask for the account.
    pub(super) fn zones(&self) -> MutexGuard<'_, Zones> {
        lock(&self.zones)
    }

    /// The plane.
    #[must_use]
    pub fn plane(&self) -> &Arc<dyn DataPlane> {
        &self.plane
    }

    /// The clock that all goes by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Does what a task would have done until now: advances the account at the moments when something is due, tells the
    /// plane what is wanted and who holds which name, and closes every health window at its end. Does nothing for a cloud
    /// with a task, or when `now` has passed already.
    pub fn catch_up(&self, now: Timestamp) {
        let Some(pace) = &self.pace else { return };
        self.follow(&mut lock(pace), now);
    }

    fn follow(&self, pace: &mut Pace, now: Timestamp) {
        let mut account = self.account();
        while pace.now <= now {
            // News from calls first, at the moment when they were made.
            self.settle(&mut account, pace);
            let due = [account.next_due(), lock(&self.zones).next_heard(pace.now)];
            let due = due.into_iter().flatten().filter(|due| *due > pace.now).min();
            let next = due.map_or(pace.next_window, |due| due.min(pace.next_window));
            if next > now {
                break;
            }
            pace.now = next;
            self.settle(&mut account, pace);
            if next == pace.next_window {
                for id in account.environments_running() {
                    let sample = self.plane.sample(&id, next);
                    account.observe(&id, sample, next);
                }
                for arn in account.load_balancers_running() {
                    account.observe_load_balancer(&arn, &self.plane.own_answers(&arn), next);
                }
                pace.next_window = next + pace.window;
            }
        }
        pace.now = pace.now.max(now);
    }

    /// Advances the account and tells the plane, until both agree.
    fn settle(&self, account: &mut Account, pace: &mut Pace) {
        loop {
            account.tick(pace.now);
            let now = (account.revision(), lock(&self.zones).leads(pace.now));
            if pace.told.as_ref() == Some(&now) {
                return;
            }
            self.plane.apply(&account.desired(), pace.now);
            self.plane.balance(&account.desired_balancers(), pace.now);
            let names = lookup::names(account, &now.1, pace.now);
            self.plane.names(&names, account.timing().dns_ttl, pace.now);
            pace.told = Some(now);
        }
    }

    /// Advances the account and tells the plane what is wanted, for a cloud with a task.
    pub fn do_what_is_due(&self) {
        let _telling = lock(&self.telling);
        let now = self.clock.now();
        let (desired, balancers, names, ttl) = {
            let mut account = self.account();
            account.tick(now);
            (
                account.desired(),
                account.desired_balancers(),
                account.names(),
                account.timing().dns_ttl,
            )
        };
        self.plane.apply(&desired, now);
        self.plane.balance(&balancers, now);
        self.plane.names(&names, ttl, now);
    }

    /// Closes a health window, for a cloud with a task.
    pub fn close_window(&self) {
        let now = self.clock.now();
        let running = self.account().environments_running();
        for id in running {
            let sample = self.plane.sample(&id, now);
            self.account().observe(&id, sample, now);
        }
        let running = self.account().load_balancers_running();
        for arn in running {
            let own = self.plane.own_answers(&arn);
            self.account().observe_load_balancer(&arn, &own, now);
        }
    }

    /// Who has which weight for a name of a hosted zone, as it was last written, whether servers have heard of it or not.
    #[must_use]
    pub fn members(&self, name: &str) -> Vec<(Holder, u64)> {
        let now = self.clock.now();
        self.catch_up(now);
        let written = lock(&self.zones).written(name);
        let leads = [(name.to_owned(), written)];
        match lookup::names(&self.account(), &leads, now).pop() {
            Some((_, Holder::Weighted(members))) => members,
            Some((_, holder)) => vec![(holder, leads[0].1.first().map_or(0, |(_, weight)| *weight))],
            None => Vec::new(),
        }
    }

    /// Where a name leads now; `None` when there is no such name. Letters may be in either case, and a dot may stand at the
    /// end. Where records have weights, the next question may be answered otherwise.
    #[must_use]
    pub fn look_up(&self, name: &str) -> Option<Found> {
        let now = self.clock.now();
        self.catch_up(now);
        let way = lookup::follow(&self.account(), &mut lock(&self.zones), name, now)?;
        let (address, records) = match way.end {
            End::Balancer(environment) => (self.plane.address(&environment), Vec::new()),
            End::LoadBalancer(arn) => (self.plane.balancer_address(&arn), Vec::new()),
            End::Addresses(records) => (None, records),
            End::Nowhere => (None, Vec::new()),
        };
        Some(Found {
            chain: way.chain,
            address,
            records,
            ttl: way.ttl,
        })
    }
}

/// Route 53 of an account.
fn zones(account: &Account) -> Zones {
    let timing = account.timing();
    Zones::new(ZonesSettings {
        propagation: timing.dns_change,
        a_second: REQUESTS_TO_ZONES,
        pace: timing.pace,
        seed: account.seed(),
    })
}

/// Requests that Route 53 takes from an account each second (source: its quotas).
const REQUESTS_TO_ZONES: u32 = 5;

impl RestService for Backstage {
    fn call(&self, request: &RestRequest, id: &str) -> RestAnswer {
        let now = self.clock.now();
        lock(&self.zones).handle(request, id, now)
    }
}

impl DocumentService for Backstage {
    fn call(&self, operation: &str, input: &Document) -> Result<Document, Fault> {
        let now = self.clock.now();
        self.catch_up(now);
        self.account().measure(operation, input, now)
    }
}

impl QueryService for Backstage {
    fn call(&self, parameters: Vec<(String, String)>) -> QueryAnswer {
        let now = self.clock.now();
        let request = QueryRequest { parameters };
        let answer = match &self.pace {
            None => {
                let mut account = self.account();
                let before = account.revision();
                let answer = account.handle(&request, now, self.plane.as_ref());
                let changed = account.revision() != before;
                drop(account);
                if changed {
                    // Whoever is answered finds it done: a rule that was changed holds for the next request.
                    self.do_what_is_due();
                }
                answer
            }
            Some(pace) => {
                let mut pace = lock(pace);
                self.follow(&mut pace, now);
                let answer = self.account().handle(&request, now, self.plane.as_ref());
                // What the call changed holds from this moment on, whenever somebody asks next.
                self.follow(&mut pace, now);
                answer
            }
        };
        QueryAnswer {
            status: answer.status,
            body: answer.body,
            request_id: answer.request_id,
        }
    }
}

impl Inventory for Backstage {
    fn environment(&self, id: Option<&str>, name: Option<&str>) -> Option<(String, String)> {
        self.account().application_of(id, name)
    }

    fn group(&self, instance: &str) -> Option<String> {
        self.account().group_of(instance)
    }

    fn role_path(&self, name: &str) -> Option<String> {
        self.account().role_path(name)
    }

    fn profile_path(&self, name: &str) -> Option<String> {
        self.account().profile_path(name)
    }
}

impl Names for Backstage {
    fn resolve(&self, name: &str) -> Option<NameAnswer> {
        let found = self.look_up(name)?;
        let balancer = match found.address.map(|address| address.ip()) {
            Some(IpAddr::V4(address)) => Some(address),
            _ => None,
        };
        Some(NameAnswer {
            chain: found.chain,
            addresses: balancer.into_iter().chain(found.records).collect(),
            ttl_seconds: whole_seconds(found.ttl),
        })
    }

    fn texts(&self, name: &str) -> Option<(Vec<String>, u32)> {
        let now = self.clock.now();
        match lock(&self.zones).answer(name, "TXT", now, &|_| true) {
            Some(ZoneAnswer::Values {
                kind: "TXT",
                values,
                ttl,
            }) => Some((values, whole_seconds(ttl))),
            _ => None,
        }
    }

    fn zone(&self, name: &str) -> Option<String> {
        lock(&self.zones).zone_of(name).map(str::to_owned)
    }
}

impl std::fmt::Debug for Backstage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backstage").finish_non_exhaustive()
    }
}

/// DNS has no fractions of a second; an answer that may not be kept at all would be asked for with every request.
pub(super) fn whole_seconds(ttl: Duration) -> u32 {
    u32::try_from(ttl.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
