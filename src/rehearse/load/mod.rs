//! Load from clients that behave as real ones: a name cache each that keeps to the time to live, connections kept alive,
//! and requests that are due at their time whether or not earlier ones have been answered.

mod client;
mod connection;
mod live;
mod outcomes;
mod random;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use url::Url;

use crate::model::{Clock, Timestamp};
use crate::probe::{Names, ProbeError};
use client::{Client, Habits, Limits, Target};
use random::Random;

pub use outcomes::{Counts, Mark, Outcomes, Summary};

/// Every so many clients there is one that opens a connection for each request, as scripts and small devices do.
const FRESH_CLIENT_EVERY: usize = 4;

/// Every so many clients there is one that sends the cookies that it is given: a load balancer may keep it where it was.
const COOKIE_CLIENT_EVERY: usize = 4;

/// With [`LoadSettings::late`], every so many clients there is one whose resolver keeps answers for too long, and how many times
/// too long.
const LATE_CLIENT_EVERY: usize = 8;
const LATE_KEEPS: u32 = 3;

/// What load to make.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadSettings {
    /// What all clients ask for, with GET; an `http://` URL.
    pub url: Url,
    /// Requests per second, of all clients together.
    pub rate: f64,
    /// How many clients there are.
    pub clients: usize,
    /// Whether some clients keep DNS answers for longer than they may, as some resolvers and runtimes do.
    pub late: bool,
    /// Whether chance decides with each request who answers, where no cookie says it; else it does with each answer of DNS.
    pub each_drawn: bool,
    /// Long downloads beside them.
    pub downloads: Option<Downloads>,
    /// WebSockets beside them.
    pub live: Option<LongLived>,
    /// The DNS server that knows the name; without one, the system's resolver is asked.
    pub dns_server: Option<SocketAddr>,
    /// The same seed makes the same requests due at the same times.
    pub seed: u64,
}

/// Clients that download something long, each time over a connection of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Downloads {
    /// What they ask for, with GET; an `http://` URL.
    pub url: Url,
    /// How many clients there are.
    pub clients: usize,
    /// How often each begins a download.
    pub every: Duration,
    /// What takes longer than this counts as cut.
    pub longest: Duration,
}

/// Clients with a connection that stays open, and over which something is said all the time.
#[derive(Clone, Debug, PartialEq)]
pub struct LongLived {
    /// Where they open a WebSocket; a `ws://` URL.
    pub url: Url,
    /// How many clients there are.
    pub clients: usize,
    /// How long each connection is open, until the next one is opened.
    pub length: Duration,
}

/// Why load cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The URL is not one the clients can ask.
    #[error("making load: the clients speak plain HTTP only, and {scheme}:// is not that; give an http:// URL")]
    Scheme {
        /// The URL's scheme.
        scheme: String,
    },
    /// The rate is not a positive number.
    #[error("making load: {0} requests per second is no rate; give a number above 0")]
    Rate(f64),
    /// There are no clients.
    #[error("making load: there must be at least 1 client")]
    NoClients,
    /// Name lookups cannot be set up.
    #[error(transparent)]
    Names(#[from] ProbeError),
}

/// Load under way. Dropping it ends it at once, requests in flight included; [`Load::stop`] lets them finish.
pub struct Load {
    outcomes: Outcomes,
    downloads: Outcomes,
    live: Outcomes,
    stop: watch::Sender<bool>,
    clients: JoinSet<()>,
}

impl Load {
    /// Starts the clients. The clock dates the outcomes; pace and latencies are measured on the runtime's own.
    ///
    /// # Errors
    ///
    /// When the settings make no sense or name lookups cannot be set up.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    pub fn start(settings: LoadSettings, clock: Arc<dyn Clock>) -> Result<Self, LoadError> {
        Self::start_with(settings, clock, Limits::default())
    }

    fn start_with(settings: LoadSettings, clock: Arc<dyn Clock>, limits: Limits) -> Result<Self, LoadError> {
        if settings.url.scheme() != "http" {
            let scheme = settings.url.scheme().to_owned();
            return Err(LoadError::Scheme { scheme });
        }
        if !settings.rate.is_finite() || settings.rate <= 0.0 {
            return Err(LoadError::Rate(settings.rate));
        }
        if settings.clients == 0 {
            return Err(LoadError::NoClients);
        }
        let outcomes = Outcomes::new(Arc::clone(&clock));
        let downloaded = Outcomes::new(Arc::clone(&clock));
        let lived = Outcomes::new(clock);
        let target = Arc::new(Target::new(&settings.url, limits));
        let (stop, stopping) = watch::channel(false);
        let mut clients = JoinSet::new();
        let period = Period {
            start: Instant::now(),
            // A client has its share of the rate.
            seconds: clients_f64(settings.clients) / settings.rate,
        };
        let mut seeds = Random::new(settings.seed);
        for number in 0..settings.clients {
            let late = settings.late && number % LATE_CLIENT_EVERY == 0;
            let habits = Habits {
                fresh: number % FRESH_CLIENT_EVERY == FRESH_CLIENT_EVERY - 1,
                keeps: if late { LATE_KEEPS } else { 1 },
                cookies: number % COOKIE_CLIENT_EVERY == 1,
                each_drawn: settings.each_drawn,
            };
            let names = Names::new(settings.dns_server)?;
            let client = Arc::new(Client::new(Arc::clone(&target), names, habits, outcomes.clone()));
            let random = Random::new(seeds.next());
            clients.spawn(run(client, period, random, stopping.clone()));
        }
        if let Some(downloads) = settings.downloads {
            let limits = Limits {
                answer: downloads.longest,
                ..limits
            };
            let target = Arc::new(Target::new(&downloads.url, limits));
            let period = Period {
                seconds: downloads.every.as_secs_f64(),
                ..period
            };
            for _ in 0..downloads.clients {
                let names = Names::new(settings.dns_server)?;
                let client = Arc::new(Client::new(
                    Arc::clone(&target),
                    names,
                    Habits::PLAIN,
                    downloaded.clone(),
                ));
                clients.spawn(run(client, period, Random::new(seeds.next()), stopping.clone()));
            }
        }
        if let Some(live) = settings.live {
            let target = Arc::new(Target::new(&live.url, limits));
            for _ in 0..live.clients {
                let names = Names::new(settings.dns_server)?;
                let client = Arc::new(Client::new(Arc::clone(&target), names, Habits::PLAIN, lived.clone()));
                clients.spawn(stay(client, live.clone(), Random::new(seeds.next()), stopping.clone()));
            }
        }
        Ok(Self {
            outcomes,
            live: lived,
            downloads: downloaded,
            stop,
            clients,
        })
    }

    /// How many requests there were so far. Those in flight are not among them.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.outcomes.counts()
    }

    /// What became of the downloads: a request is one of them, and a failed one was cut.
    #[must_use]
    pub fn downloads(&self) -> &Outcomes {
        &self.downloads
    }

    /// What became of the connections that stay open: a request is one of them, and a failed one ended without a goodbye.
    #[must_use]
    pub fn live(&self) -> &Outcomes {
        &self.live
    }

    /// Remembers this point, for [`Load::since`].
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.outcomes.mark()
    }

    /// How many answers came from which version between two moments, of those where chance had just decided who answers.
    #[must_use]
    pub fn drawn_between(&self, from: Timestamp, until: Timestamp) -> BTreeMap<String, u64> {
        self.outcomes.drawn_between(from, until)
    }

    /// What became of the requests that ended after the mark.
    #[must_use]
    pub fn since(&self, mark: &Mark) -> Summary {
        self.outcomes.since(mark)
    }

    /// Sends no more requests, waits for those in flight (each ends within its time limits), and hands over all outcomes.
    pub async fn stop(mut self) -> Outcomes {
        // Nobody listening means that all clients have ended already.
        let _ = self.stop.send(true);
        while self.clients.join_next().await.is_some() {}
        self.outcomes
    }
}

/// When the requests of a client are due.
#[derive(Clone, Copy)]
struct Period {
    start: Instant,
    seconds: f64,
}

impl Period {
    /// One moment in each period, anywhere in it: the rate is kept exactly, and the clients do not march in step.
    fn due(&self, number: u64, random: &mut Random) -> Instant {
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 requests of one client")]
        let periods = number as f64 + random.share();
        // Saturates at a century for rates next to nothing; a Duration cannot hold everything that a float can.
        let seconds = (periods * self.seconds).min(3.2e9);
        self.start + Duration::from_secs_f64(seconds)
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 clients")]
fn clients_f64(clients: usize) -> f64 {
    clients as f64
}

/// One client's life.
async fn run(client: Arc<Client>, period: Period, mut random: Random, mut stopping: watch::Receiver<bool>) {
    let mut in_flight = JoinSet::new();
    for number in 0.. {
        let due = period.due(number, &mut random);
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stop| *stop) => break,
            () = tokio::time::sleep_until(due) => {}
        }
        in_flight.spawn(Arc::clone(&client).request(due));
        while in_flight.try_join_next().is_some() {}
    }
    while in_flight.join_next().await.is_some() {}
}

/// The life of a client whose connection stays open.
async fn stay(client: Arc<Client>, live: LongLived, mut random: Random, mut stopping: watch::Receiver<bool>) {
    // Not all at once.
    let mut length = live.length.mul_f64(random.share());
    loop {
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stop| *stop) => return,
            () = Arc::clone(&client).converse(live.url.clone(), length) => {}
        }
        length = live.length;
    }
}

#[cfg(test)]
mod tests;
