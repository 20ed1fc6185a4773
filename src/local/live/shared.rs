//! A load balancer that several environments share: the rules of its listener decide where each request goes.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::header::HOST;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::time::{Instant, sleep};

use super::balancer::Group;
use super::body::Download;
use super::cookie;
use super::door::{Answer, Door, Entrance, Stage};
use super::loopback::Addresses;
use super::meter::Tally;
use super::{limits, own};
use crate::local::balancers::routing::{Action, Asked, Forward, route};
use crate::local::balancers::{DesiredBalancer, TargetGroupArn};
use crate::model::RequestCounts;

/// How long the connections of a load balancer that was deleted may take to end.
const FINISH_LIMIT: Duration = Duration::from_secs(5);
const FINISH_STEP: Duration = Duration::from_millis(20);

/// Instances behind shared load balancers, by target group.
#[derive(Debug, Default)]
pub(super) struct Groups(RwLock<BTreeMap<TargetGroupArn, Arc<Group>>>);

impl Groups {
    pub(super) fn add(&self, arn: &TargetGroupArn, group: &Arc<Group>) {
        let mut groups = self.0.write().unwrap_or_else(PoisonError::into_inner);
        groups.insert(arn.clone(), Arc::clone(group));
    }

    /// Unless another one has its place by now.
    pub(super) fn remove(&self, arn: &TargetGroupArn, group: &Arc<Group>) {
        let mut groups = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if groups.get(arn).is_some_and(|known| Arc::ptr_eq(known, group)) {
            groups.remove(arn);
        }
    }

    fn get(&self, arn: &TargetGroupArn) -> Option<Arc<Group>> {
        let groups = self.0.read().unwrap_or_else(PoisonError::into_inner);
        groups.get(arn).cloned()
    }
}

/// A load balancer. Dropping it cuts all its connections.
#[derive(Debug)]
pub(super) struct Shared {
    door: Door,
    router: Arc<Router>,
}

#[derive(Debug)]
struct Router {
    groups: Arc<Groups>,
    /// Each request goes by the rules that there are when it comes.
    desired: RwLock<Arc<DesiredBalancer>>,
    /// Answers to requests for which there was no group with an environment.
    own: Tally,
}

impl Shared {
    /// Begins to serve at an address of its own. Must be called within a runtime.
    pub(super) fn open(addresses: &Addresses, desired: &DesiredBalancer, groups: &Arc<Groups>) -> io::Result<Self> {
        let router = Arc::new(Router {
            groups: Arc::clone(groups),
            desired: RwLock::new(Arc::new(desired.clone())),
            own: Tally::default(),
        });
        let door = Door::open(addresses.bind()?, Arc::clone(&router))?;
        Ok(Self { door, router })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// Goes by these rules from the next request on; what was begun goes on as it began.
    pub(super) fn want(&self, desired: &DesiredBalancer) {
        if *self.router.desired() != *desired {
            let mut place = self.router.desired.write().unwrap_or_else(PoisonError::into_inner);
            *place = Arc::new(desired.clone());
        }
    }

    /// Closes the window of what it has answered for want of a group with an environment. What groups have answered is theirs.
    pub(super) fn take_own_answers(&self) -> RequestCounts {
        self.router.own.take()
    }

    /// Closes, and lets the requests that were begun finish.
    pub(super) fn leave(self) {
        self.door.go_on(Stage::Finishing);
        tokio::spawn(async move {
            let deadline = Instant::now() + FINISH_LIMIT;
            while self.door.open_connections() > 0 && Instant::now() < deadline {
                sleep(FINISH_STEP).await;
            }
        });
    }
}

/// What becomes of a request.
enum Fate {
    /// A target group gets it; the client is told to stay for so long.
    Group(TargetGroupArn, Option<Duration>),
    /// It is answered as a rule says.
    Own(Box<Response<Download>>),
    /// Nothing can answer it.
    Nobody,
}

impl Router {
    fn desired(&self) -> Arc<DesiredBalancer> {
        let desired = self.desired.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&desired)
    }

    fn decide(&self, request: &Request<Incoming>, port: u16) -> Fate {
        let desired = self.desired();
        let headers = request.headers();
        let authority = request.uri().authority().map(http::uri::Authority::as_str);
        let authority = authority
            .or_else(|| headers.get(HOST)?.to_str().ok())
            .unwrap_or_default();
        let all = |name: &str| {
            headers
                .get_all(name)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .collect()
        };
        let asked = Asked {
            host: without_port(authority),
            path: request.uri().path(),
            query: request.uri().query().unwrap_or_default(),
            method: request.method().as_str(),
            header: &all,
        };
        match route(desired.rules().unwrap_or_default(), &asked) {
            Some(Action::Forward(forward)) => forward_to(forward, request, &desired),
            Some(Action::FixedResponse(fixed)) => Fate::Own(Box::new(own::fixed(fixed))),
            Some(Action::Redirect(redirect)) => {
                let status = StatusCode::from_u16(redirect.status).unwrap_or(StatusCode::FOUND);
                Fate::Own(Box::new(own::redirect(status, &redirect.location(&asked, port))))
            }
            None => Fate::Nobody,
        }
    }

    /// What the load balancer says for somebody who is not there.
    fn unavailable(&self) -> Response<Download> {
        self.own_answer(StatusCode::SERVICE_UNAVAILABLE)
    }

    fn own_answer(&self, status: StatusCode) -> Response<Download> {
        self.own.count(status.as_u16());
        own::answer(status)
    }
}

/// A cookie decides before the weights do, and health has no say: there is no failing over from one group to another.
fn forward_to(forward: &Forward, request: &Request<Incoming>, desired: &DesiredBalancer) -> Fate {
    let sticky = forward.stickiness;
    let length = sticky.duration_seconds.filter(|_| sticky.enabled);
    let held = length.and_then(|_| cookie::group_of(request.headers(), forward));
    match held.or_else(|| forward.choose(fastrand::u64(..))) {
        Some(group) => Fate::Group(group.clone(), length.map(|seconds| desired.pace.seconds(seconds))),
        None => Fate::Nobody,
    }
}

impl Answer for Router {
    fn idle_timeout(&self) -> Duration {
        self.desired().idle_timeout
    }

    async fn answer(&self, request: Request<Incoming>, entrance: &Arc<Entrance>) -> Response<Download> {
        if let Some(status) = limits::refusal(&request) {
            return self.own_answer(status);
        }
        let (arn, stay) = match self.decide(&request, entrance.port) {
            Fate::Group(arn, stay) => (arn, stay),
            Fate::Own(response) => return *response,
            Fate::Nobody => return self.unavailable(),
        };
        let Some(group) = self.groups.get(&arn) else {
            // A group that nobody registered a target with.
            return self.unavailable();
        };
        match group.serve(request, entrance).await {
            Ok(mut response) => {
                if let Some(length) = stay {
                    cookie::set(response.headers_mut(), &arn, length);
                }
                response
            }
            Err(own) => own,
        }
    }

    fn too_late(&self) -> Option<Vec<u8>> {
        let status = StatusCode::REQUEST_TIMEOUT;
        self.own.count(status.as_u16());
        Some(own::last_words(status))
    }
}

/// The name in a `Host` header.
fn without_port(authority: &str) -> &str {
    let name = match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => authority,
    };
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;
    use crate::local::balancers::routing::{Condition, FixedResponse, Redirect, Rule, Stickiness, WeightedGroup};
    use crate::local::balancers::{DesiredListener, LoadBalancerArn, Pace};

    async fn ask(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// A load balancer that answers `/fixed` as a rule says, and sends everything else to a group with that weight.
    fn desired(group: &TargetGroupArn, weight: u16) -> DesiredBalancer {
        let fixed = Action::FixedResponse(FixedResponse {
            status: 503,
            content_type: None,
            body: None,
        });
        let moved = Action::Redirect(Redirect {
            protocol: "HTTPS".to_owned(),
            host: "#{host}".to_owned(),
            port: "443".to_owned(),
            path: "/#{path}".to_owned(),
            query: "#{query}".to_owned(),
            status: 301,
        });
        let forward = Action::Forward(Forward {
            groups: vec![WeightedGroup {
                arn: group.clone(),
                weight,
            }],
            stickiness: Stickiness::default(),
        });
        let rule = |conditions, action| Rule { conditions, action };
        DesiredBalancer {
            arn: LoadBalancerArn::new("front"),
            name: "front".to_owned(),
            idle_timeout: Duration::from_secs(60),
            pace: Pace::new(1.0),
            listeners: vec![DesiredListener {
                port: 80,
                rules: vec![
                    rule(vec![Condition::PathPattern(vec!["/fixed".to_owned()])], fixed),
                    rule(vec![Condition::PathPattern(vec!["/moved".to_owned()])], moved),
                    rule(Vec::new(), forward),
                ],
            }],
        }
    }

    #[tokio::test]
    async fn what_nobody_can_answer_counts_for_the_load_balancer() {
        let (groups, arn) = (Arc::<Groups>::default(), TargetGroupArn::new("blue"));
        let addresses = Addresses::new(0).unwrap();
        let shared = Shared::open(&addresses, &desired(&arn, 1), &groups).unwrap();
        let address = shared.address();
        assert!(ask(address, "/").await.starts_with("HTTP/1.1 503 "));
        shared.want(&desired(&arn, 0));
        assert!(ask(address, "/").await.starts_with("HTTP/1.1 503 "));
        let fixed = ask(address, "/fixed").await;
        assert!(
            fixed.starts_with("HTTP/1.1 503 Service Temporarily Unavailable\r\n"),
            "{fixed}"
        );
        let moved = ask(address, "/moved").await;
        assert!(moved.starts_with("HTTP/1.1 301 Moved Permanently\r\n"), "{moved}");
        assert!(moved.contains("\r\nlocation: https://x:443/moved\r\n"), "{moved}");
        assert!(
            moved.contains("<center><h1>301 Moved Permanently</h1></center>"),
            "{moved}"
        );
        let own = shared.take_own_answers();
        assert_eq!((own.status_5xx, own.total()), (2, 2), "a rule's answer is no failure");

        let group: Arc<Group> = Arc::default();
        groups.add(&arn, &group);
        shared.want(&desired(&arn, 1));
        assert!(ask(address, "/").await.starts_with("HTTP/1.1 503 "));
        assert_eq!(shared.take_own_answers().total(), 0, "the environment tells of it");
        assert_eq!(group.take_own_answers().status_5xx, 1);
    }
}
