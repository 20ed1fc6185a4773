use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::model::{SystemClock, Timestamp};
use crate::probe::testing::{self, NameServer};

fn settings(url: &str, rate: f64, clients: usize) -> LoadSettings {
    LoadSettings {
        url: Url::parse(url).unwrap(),
        rate,
        clients,
        late: false,
        each_drawn: false,
        downloads: None,
        live: None,
        dns_server: None,
        seed: 1,
    }
}

fn start(settings: LoadSettings) -> Load {
    Load::start(settings, Arc::new(SystemClock)).unwrap()
}

/// Waits until something holds, for two seconds at most.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..400 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not within two seconds: {what}");
}

/// Answers a fixed text to each request of each connection, until `requests` of them, then does as told; counts connections.
async fn raw(requests: usize, then: &'static [u8]) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut head = [0; 1024];
                for number in 0.. {
                    if stream.read(&mut head).await.unwrap_or(0) == 0 {
                        return;
                    }
                    if number >= requests {
                        let _ = stream.write_all(then).await;
                        return;
                    }
                    let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                    stream.write_all(whole).await.unwrap();
                }
            });
        }
    });
    (address, connections)
}

#[tokio::test]
async fn the_rate_is_kept_and_every_answer_is_recorded() {
    let seen = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&seen);
    let address = testing::serve(move |request| {
        assert_eq!(request.uri(), "/api/orders?x=1");
        let mut reply = testing::reply(StatusCode::OK, "hello");
        let version = if counted.fetch_add(1, Ordering::SeqCst) < 10 {
            "1"
        } else {
            "2"
        };
        reply.headers_mut().insert("x-app-version", version.parse().unwrap());
        reply
    })
    .await;
    let started = Instant::now();
    let load = start(settings(&format!("http://{address}/api/orders?x=1"), 400.0, 8));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let outcomes = load.stop().await;
    let seconds = started.elapsed().as_secs_f64();

    let counts = outcomes.counts();
    let most = 400.0 * seconds + 8.0;
    assert!(counts.requests >= 190 && (counts.requests as f64) <= most, "{counts:?}");
    assert_eq!(counts.failed, 0, "{:?}", outcomes.since(&Mark::default()));
    assert_eq!(counts.requests, seen.load(Ordering::SeqCst));
    let summary = outcomes.since(&Mark::default());
    assert_eq!(summary.versions["1"], 10);
    assert_eq!(summary.versions["2"], counts.requests - 10);
    assert!(summary.latency_p50.is_some() && summary.latency_p50 <= summary.latency_p99);
}

#[tokio::test]
async fn clients_keep_their_connections_but_every_fourth_does_not() {
    let (address, connections) = raw(usize::MAX, b"").await;
    let url = format!("http://{address}/");
    // Slow enough that requests of one client do not overlap.
    let load = start(settings(&url, 100.0, 3));
    until("30 requests", || load.counts().requests >= 30).await;
    let counts = load.stop().await.counts();
    assert_eq!(counts.failed, 0);
    let kept = connections.swap(0, Ordering::SeqCst);
    assert!(kept <= 10, "{kept} connections of 3 clients with {counts:?}");

    let load = start(settings(&url, 100.0, 4));
    until("30 requests", || load.counts().requests >= 30).await;
    let counts = load.stop().await.counts();
    let fresh = connections.load(Ordering::SeqCst);
    assert!(fresh >= counts.requests / 5, "{fresh} connections with {counts:?}");
}

#[tokio::test]
async fn a_client_follows_the_name_once_the_answer_is_too_old() {
    // Two servers at two addresses with one port, as two balancers are.
    let versions = [("127.0.0.1", "blue"), ("127.0.0.2", "green")];
    let seen: Arc<Mutex<Vec<&str>>> = Arc::default();
    let mut port = 0;
    for (address, version) in versions {
        let Ok(listener) = TcpListener::bind((address, port)).await else {
            // Not every system has more than one loopback address.
            return;
        };
        port = listener.local_addr().unwrap().port();
        let seen = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    let mut head = [0; 1024];
                    while stream.read(&mut head).await.unwrap_or(0) > 0 {
                        seen.lock().unwrap().push(version);
                        let whole = format!("HTTP/1.1 200 OK\r\nx-app-version: {version}\r\ncontent-length: 0\r\n\r\n");
                        stream.write_all(whole.as_bytes()).await.unwrap();
                    }
                });
            }
        });
    }
    let names = NameServer::start().await;
    names.set("shop.example.com", &["127.0.0.1"], 1);
    let load = start(LoadSettings {
        dns_server: Some(names.address()),
        ..settings(&format!("http://shop.example.com:{port}/"), 200.0, 4)
    });
    until("20 requests to blue", || load.counts().requests >= 20).await;
    assert_eq!(names.questions(), 4, "each client asks, and asks once");
    names.set("shop.example.com", &["127.0.0.2"], 1);
    let moved = Instant::now();
    let before = load.mark();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let still = load.since(&before);
    assert!(
        still.versions["blue"] > 30,
        "an answer holds for its time to live: {still:?}"
    );
    tokio::time::sleep_until(moved + Duration::from_millis(1200)).await;
    let mark = load.mark();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let after = load.since(&mark);
    assert_eq!(after.failed, 0, "{after:?}");
    assert_eq!(after.versions.keys().collect::<Vec<_>>(), ["green"]);
    assert!(seen.lock().unwrap().contains(&"green"));
    assert_eq!(load.stop().await.counts().failed, 0);
}

#[tokio::test]
async fn each_answer_of_dns_counts_once_however_many_requests_are_on_their_way() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = [0; 1024];
                while stream.read(&mut head).await.unwrap_or(0) > 0 {
                    // Slower than requests come.
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    let whole = b"HTTP/1.1 200 OK\r\nx-app-version: 1\r\ncontent-length: 0\r\n\r\n";
                    let _gone = stream.write_all(whole).await;
                }
            });
        }
    });
    let names = NameServer::start().await;
    names.set("shop.example.com", &["127.0.0.1"], 1);
    let load = start(LoadSettings {
        dns_server: Some(names.address()),
        ..settings(&format!("http://shop.example.com:{port}/"), 50.0, 1)
    });
    until("a second question", || names.questions() >= 2).await;
    let outcomes = load.stop().await;
    assert!(outcomes.counts().requests > 10, "{:?}", outcomes.counts());
    let drawn = outcomes.drawn_between(Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX));
    assert_eq!(drawn.values().sum::<u64>(), names.questions());
}

#[tokio::test]
async fn an_idle_connection_that_was_closed_costs_a_second_try_but_no_request() {
    // Closes at the second request without a word: the server had just decided to close the idle connection.
    let (address, _) = raw(1, b"").await;
    let load = start(settings(&format!("http://{address}/"), 100.0, 1));
    until("10 requests", || load.counts().requests >= 10).await;
    let outcomes = load.stop().await;
    let counts = outcomes.counts();
    assert_eq!(counts.failed, 0, "{:?}", outcomes.since(&Mark::default()));
    assert!(counts.retried >= 3, "{counts:?}");
}

#[tokio::test]
async fn what_breaks_within_the_answer_or_on_a_new_connection_is_a_failure() {
    for (requests, then, kind) in [
        // On a new connection there is nothing to blame but the server.
        (0, &b""[..], "connection closed before the answer"),
        (
            1,
            b"HTTP/1.1 200 OK\r\ncontent-le",
            "connection closed before the answer",
        ),
        (
            0,
            b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
            "answer cut short",
        ),
        (
            0,
            b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
            "status 503",
        ),
        (0, b"220 mail.example.com ESMTP\r\n\r\n", "not an HTTP answer"),
    ] {
        let (address, _) = raw(requests, then).await;
        let load = start(settings(&format!("http://{address}/"), 100.0, 1));
        until(kind, || load.counts().failed >= 3).await;
        let outcomes = load.stop().await;
        let summary = outcomes.since(&Mark::default());
        assert_eq!(summary.failures_by_kind.keys().collect::<Vec<_>>(), [kind]);
        assert_eq!(outcomes.counts().retried, 0, "{kind}");
        assert!(summary.first_failure <= summary.last_failure && summary.first_failure.is_some());
    }
}

#[tokio::test]
async fn nobody_listening_and_nobody_known_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let names = NameServer::start().await;
    for (url, kind) in [
        (format!("http://{address}/"), "connection refused"),
        ("http://nobody.example.com/".to_owned(), "no address"),
    ] {
        let load = start(LoadSettings {
            dns_server: Some(names.address()),
            ..settings(&url, 100.0, 2)
        });
        until(kind, || load.counts().failed >= 3).await;
        let summary = load.stop().await.since(&Mark::default());
        assert_eq!(summary.failed, summary.requests);
        assert_eq!(summary.failures_by_kind.keys().collect::<Vec<_>>(), [kind]);
        assert_eq!(summary.latency_p50, None);
    }
}

#[tokio::test]
async fn only_late_clients_keep_a_name_for_longer_than_they_may() {
    for late in [false, true] {
        let names = NameServer::start().await;
        names.set("shop.example.com", &["127.0.0.1"], 1);
        // The first client is a late one, if there are such.
        let load = start(LoadSettings {
            dns_server: Some(names.address()),
            late,
            ..settings("http://shop.example.com:1/", 20.0, 1)
        });
        tokio::time::sleep(Duration::from_millis(2300)).await;
        drop(load);
        let asked = names.questions();
        assert_eq!(asked > 1, !late, "{asked} questions of a client that is late: {late}");
    }
}

#[tokio::test]
async fn a_silent_server_holds_nothing_up_and_nothing_is_forgotten() {
    // Connections are accepted by the system, and nobody ever answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits {
        send: Duration::from_millis(100),
        answer: Duration::from_millis(200),
    };
    let settings = settings(&format!("http://{address}/"), 200.0, 1);
    let load = Load::start_with(settings, Arc::new(SystemClock), limits).unwrap();
    let started = Instant::now();
    tokio::time::sleep(Duration::from_millis(400)).await;
    // Six connections wait for an answer, the other requests for a connection; all of them end in time.
    let stopped = Instant::now();
    let due = stopped.duration_since(started).as_secs_f64() * 200.0;
    let summary = load.stop().await.since(&Mark::default());
    assert!(
        stopped.elapsed() < Duration::from_millis(600),
        "{:?}",
        stopped.elapsed()
    );
    assert!(
        (summary.requests as f64 - due).abs() < 10.0,
        "{due} were due: {summary:?}"
    );
    assert_eq!(summary.failed, summary.requests);
    let kinds: Vec<&String> = summary.failures_by_kind.keys().collect();
    assert_eq!(kinds, ["no answer within 200ms", "not sent within 100ms"]);
    drop(listener);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    for (settings, word) in [
        (settings("https://127.0.0.1/", 1.0, 1), "https://"),
        (settings("http://127.0.0.1/", 0.0, 1), "rate"),
        (settings("http://127.0.0.1/", f64::NAN, 1), "rate"),
        (settings("http://127.0.0.1/", 1.0, 0), "client"),
    ] {
        let Err(error) = Load::start(settings, Arc::clone(&clock)) else {
            panic!("accepted in spite of its {word}");
        };
        assert!(error.to_string().contains(word), "{error}");
    }
}
