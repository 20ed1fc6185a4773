//! The local cloud as a whole: an account, its object store, the live plane behind it, and its entrances.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::account::{Account, AccountSettings, Quotas, Timing};
use super::automation::{Automation, AutomationService, AutomationSettings};
use super::backstage::{Backstage, whole_seconds};
use super::dns::DnsServer;
use super::door::{Door, Keys, Listener, serve};
use super::exposure::Exposure;
use super::folder;
use super::live::{Edge, FunctionSettings, LiveFunctions, LivePlane, LiveSettings};
use super::memory::{self, Compared, Kept, Memory};
use super::objects::{ObjectStore, S3Front};
use super::permissions::{Permissions, Place};
use super::subjects;
use crate::model::Clock;

/// How often what is due is done. Well below the shortest length at any useful pace.
const TICK: Duration = Duration::from_millis(25);

/// How long an application may take to end. Systemd gives a service 90 seconds by default (`DefaultTimeoutStopSec`), but here somebody
/// waits for each deployment, and what does not heed SIGTERM would make all of them that much longer.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// How a local cloud is made.
#[derive(Clone, Debug)]
pub struct CloudSettings {
    /// Port for AWS clients on 127.0.0.1; 0 for any.
    pub port: u16,
    /// Port of the DNS server on 127.0.0.1, UDP and TCP; 0 for any.
    pub dns_port: u16,
    /// Port of all balancers, each of which has its own loopback address; 0 for any.
    pub http_port: u16,
    /// Port of the entrance by `Host` header on 127.0.0.1; 0 for any, `None` for no such entrance.
    pub edge_port: Option<u16>,
    /// How many times faster than AWS.
    pub pace: f64,
    /// Region it pretends to be.
    pub region: String,
    /// Account it pretends to be.
    pub account_id: String,
    /// How much there may be of everything.
    pub quotas: Quotas,
    /// Folder for its files, which is empty or has been a cloud's before.
    pub data: PathBuf,
    /// Whether it goes on with what the last cloud in its folder has left, and keeps there what it does.
    pub remembers: bool,
    /// Access keys whose signatures are checked; with `None` anybody on this machine is let in.
    pub keys: Option<Keys>,
    /// This program, which is also run as the keeper of processes.
    pub program: PathBuf,
}

impl Default for CloudSettings {
    fn default() -> Self {
        Self {
            port: 0,
            dns_port: 0,
            http_port: 0,
            edge_port: None,
            pace: 1.0,
            region: "eu-central-1".to_owned(),
            account_id: "123456789012".to_owned(),
            quotas: Quotas::default(),
            data: PathBuf::from("cloud"),
            remembers: false,
            keys: None,
            program: PathBuf::from("cutover"),
        }
    }
}

/// A running local cloud.
pub struct LocalCloud {
    backstage: Arc<Backstage>,
    plane: Arc<LivePlane>,
    functions: Arc<LiveFunctions>,
    permissions: Arc<Permissions>,
    memory: Option<Arc<Memory>>,
    door: Arc<Door>,
    /// Keeps other clouds out of the folder.
    _folder: Option<File>,
    address: SocketAddr,
    dns: DnsServer,
    edge: Option<Edge>,
    http_port: u16,
    region: String,
    account_id: String,
    dns_ttl: Duration,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl LocalCloud {
    /// Starts a cloud. Must be called within a tokio runtime, which then runs everything.
    ///
    /// # Errors
    ///
    /// When a port is taken, the data folder cannot be used, holds files of others or what another version of this program remembers,
    /// or the machine binds no loopback address but 127.0.0.1.
    pub async fn start(settings: CloudSettings, clock: Arc<dyn Clock>) -> io::Result<Self> {
        folder::claim(&settings.data).map_err(io::Error::other)?;
        let (folder, kept) = if settings.remembers {
            let held = folder::hold(&settings.data).map_err(io::Error::other)?;
            (Some(held), Some(recall(&settings)?))
        } else {
            (None, None)
        };
        let listener = Listener::bind(local(settings.port), Exposure::ThisMachine)
            .await
            .map_err(io::Error::other)?;
        let address = listener.address();
        let timing = Timing::scaled(settings.pace);
        let objects = settings.data.join(folder::OBJECTS);
        let store = ObjectStore::new(&objects, &settings.region, &settings.account_id, Arc::clone(&clock))
            .map_err(io::Error::other)?;
        let store = Arc::new(store);
        let keeper: Vec<OsString> = vec![settings.program.into_os_string(), KEEP.into()];
        let plane = Arc::new(LivePlane::start(LiveSettings {
            data: settings.data.clone(),
            keeper: keeper.clone(),
            port: settings.http_port,
            stop_grace: STOP_GRACE,
        })?);
        let Some(http_port) = plane.port() else {
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, ONLY_ONE_ADDRESS));
        };
        let endpoint = format!("http://{address}");
        let place = Place {
            region: settings.region.clone(),
            account: settings.account_id.clone(),
        };
        let mut account = Account::new(
            AccountSettings {
                region: settings.region.clone(),
                account_id: settings.account_id.clone(),
                timing: timing.clone(),
                seed: 1,
                endpoint: endpoint.clone(),
                quotas: settings.quotas,
            },
            store.clone(),
        );
        let recalled = |error| io::Error::other(memory::unusable(&settings.data, error));
        if let Some(kept) = &kept {
            store.recall(kept).map_err(recalled)?;
            account.recall(kept, store.files(), clock.now()).map_err(recalled)?;
        }
        let backstage = Arc::new(Backstage::with_a_task(account, plane.clone(), Arc::clone(&clock)));
        let permissions = Arc::new(Permissions::new(place, backstage.clone()));
        let functions = Arc::new(LiveFunctions::start(FunctionSettings {
            data: settings.data.clone(),
            keeper,
            endpoint: endpoint.clone(),
            clock: Arc::clone(&clock),
        })?);
        let mut automation = Automation::new(
            AutomationSettings {
                region: settings.region.clone(),
                account_id: settings.account_id.clone(),
                endpoint,
                timing: timing.clone(),
                seed: 1,
            },
            store.clone(),
        );
        if let Some(kept) = &kept {
            backstage.zones().recall(kept).map_err(recalled)?;
            automation.recall(kept, store.files(), clock.now()).map_err(recalled)?;
            let account = backstage.account();
            store.keep_only(account.files().chain(automation.files()))?;
        }
        let automation = AutomationService::new(automation, functions.clone(), Arc::clone(&clock));
        let memory = kept.map(|_| {
            let place = subjects::Place(settings.region.clone(), settings.account_id.clone());
            Arc::new(Memory::new(
                &settings.data,
                parts(place, &backstage, &automation, &store),
            ))
        });
        if let Some(memory) = &memory {
            memory.settle().await.map_err(io::Error::other)?;
        }
        let door = Door::new(backstage.clone(), S3Front::new(store), clock)
            .with_pace(settings.pace)
            .with_zones(backstage.clone())
            .with_metrics(backstage.clone())
            .with_automation(automation.clone())
            .with_permissions(Arc::clone(&permissions));
        let door = match settings.keys {
            Some(keys) => door.with_keys(keys, &settings.region),
            None => door,
        };
        let door = match &memory {
            Some(memory) => door.with_memory(Arc::clone(memory)),
            None => door,
        };
        let door = Arc::new(door);
        let dns = DnsServer::start(local(settings.dns_port), backstage.clone(), Exposure::ThisMachine)
            .await
            .map_err(io::Error::other)?;
        let edge = match settings.edge_port {
            Some(port) => Some(open_edge(port, &backstage).await?),
            None => None,
        };
        let (stop, stopped) = watch::channel(false);
        let mut until = stopped.clone();
        let serving = tokio::spawn(serve(listener, Arc::clone(&door), async move {
            // An error means that the cloud itself is gone, which ends serving as well.
            let _ = until.wait_for(|stop| *stop).await;
        }));
        let running = tokio::spawn(run(
            backstage.clone(),
            automation,
            memory.clone(),
            timing.health_window,
            stopped,
        ));
        Ok(Self {
            backstage,
            plane,
            functions,
            permissions,
            memory,
            door,
            _folder: folder,
            address,
            dns,
            edge,
            http_port,
            region: settings.region,
            account_id: settings.account_id,
            dns_ttl: timing.dns_ttl,
            stop,
            tasks: vec![serving, running],
        })
    }

    /// Where AWS clients are to go.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same entrance as [`LocalCloud::endpoint`], for calls in this process.
    #[must_use]
    pub fn door(&self) -> Arc<Door> {
        Arc::clone(&self.door)
    }

    /// The policies that callers are held to.
    #[must_use]
    pub fn permissions(&self) -> &Permissions {
        &self.permissions
    }

    /// Where names are to be asked.
    #[must_use]
    pub fn dns_server(&self) -> SocketAddr {
        self.dns.address()
    }

    /// The port of all balancers.
    #[must_use]
    pub fn http_port(&self) -> u16 {
        self.http_port
    }

    /// The entrance by `Host` header, if there is one.
    #[must_use]
    pub fn edge(&self) -> Option<SocketAddr> {
        self.edge.as_ref().map(Edge::address)
    }

    /// The region it pretends to be.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The account it pretends to be.
    #[must_use]
    pub fn account_id(&self) -> &str {
        &self.account_id
    }

    /// Time to live of environments' names in DNS, in whole seconds as the wire has it.
    #[must_use]
    pub fn dns_ttl_seconds(&self) -> u32 {
        whole_seconds(self.dns_ttl)
    }

    /// What stands behind the entrances.
    #[must_use]
    pub fn backstage(&self) -> Arc<Backstage> {
        Arc::clone(&self.backstage)
    }

    /// The whole name of an environment with this CNAME prefix.
    #[must_use]
    pub fn fqdn(&self, cname_prefix: &str) -> String {
        format!("{cname_prefix}.{}.elasticbeanstalk.com", self.region)
    }

    /// Ends everything, processes first, and waits until it is gone.
    pub async fn shutdown(self) {
        let Self {
            plane,
            functions,
            dns,
            edge,
            stop,
            tasks,
            memory,
            _folder: folder,
            ..
        } = self;
        drop(edge);
        // Nobody listens if the tasks have ended already.
        let _ = stop.send(true);
        tokio::join!(plane.shutdown(), functions.shutdown());
        dns.stop().await;
        for task in tasks {
            task.abort();
            // It was told to end; how it did is of no interest.
            let _ = task.await;
        }
        if let Some(memory) = memory {
            keep(&memory, &mut false).await;
        }
        // Another cloud may come into the folder only now.
        drop(folder);
    }
}

/// The hidden command by which this program is a keeper.
pub const KEEP: &str = "keep";

const ONLY_ONE_ADDRESS: &str = "this machine binds no loopback address but 127.0.0.1, and each balancer needs one of its own; \
     on macOS add some first: for i in 1 2 3 4 5 6 7 8; do sudo ifconfig lo0 alias 127.77.0.$i; done";

fn local(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

async fn open_edge(port: u16, backstage: &Arc<Backstage>) -> io::Result<Edge> {
    let listener = tokio::net::TcpListener::bind(local(port)).await.map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot listen on port {port} of 127.0.0.1: {error}"),
        )
    })?;
    let backstage = Arc::clone(backstage);
    let edge = Edge::serve(listener, move |name| {
        let found = backstage.look_up(name)?;
        Some((found.address?, found.ttl))
    })?;
    Ok(edge)
}

/// What the last cloud in the folder has left.
fn recall(settings: &CloudSettings) -> io::Result<Kept> {
    let kept = memory::recall(&settings.data).map_err(io::Error::other)?;
    let place = kept.one::<(String, String)>(subjects::PLACE);
    let place = place.map_err(|error| io::Error::other(memory::unusable(&settings.data, error)))?;
    match place {
        Some((region, account)) if region != settings.region || account != settings.account_id => {
            let asked = (settings.region.as_str(), settings.account_id.as_str());
            Err(io::Error::other(memory::elsewhere(
                &settings.data,
                (&region, &account),
                asked,
            )))
        }
        Some(_) | None => Ok(kept),
    }
}

/// What is remembered of a cloud. The store comes last: what the others say of its files is on the disk with them.
fn parts(
    place: subjects::Place,
    backstage: &Arc<Backstage>,
    automation: &Arc<AutomationService>,
    store: &Arc<ObjectStore>,
) -> Vec<Arc<dyn memory::Part>> {
    vec![
        Arc::new(Compared::new(place)),
        Arc::new(Compared::new(subjects::OfAccount::new(Arc::clone(backstage)))),
        Arc::new(Compared::new(subjects::OfZones(Arc::clone(backstage)))),
        Arc::new(Compared::new(subjects::OfAutomation(Arc::clone(automation)))),
        Arc::<ObjectStore>::clone(store),
    ]
}

/// Keeps what has happened without a request. Nobody waits for it, and it is tried again soon; so it is told once when it fails.
async fn keep(memory: &Memory, failing: &mut bool) {
    let kept = memory.settle().await;
    if let Err(error) = &kept
        && !*failing
    {
        tracing::error!(%error, "the local cloud cannot keep what it does");
    }
    *failing = kept.is_err();
}

/// Does what is due, until the cloud stops.
async fn run(
    backstage: Arc<Backstage>,
    automation: Arc<AutomationService>,
    memory: Option<Arc<Memory>>,
    window: Duration,
    mut stopped: watch::Receiver<bool>,
) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut next_window = tokio::time::Instant::now() + window;
    let mut failing = false;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            // An error means that the cloud itself is gone.
            _ = stopped.wait_for(|stop| *stop) => return,
        }
        backstage.do_what_is_due();
        automation.do_what_is_due();
        if let Some(memory) = &memory {
            keep(memory, &mut failing).await;
        }
        if tokio::time::Instant::now() < next_window {
            continue;
        }
        next_window = (next_window + window).max(tokio::time::Instant::now());
        backstage.close_window();
    }
}
