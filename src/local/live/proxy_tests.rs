//! Tests of the balancer and the edge against applications that behave in all the ways applications do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::balancer::{Balancer, Group};
use super::door::Stage;
use super::edge::Edge;
use super::meter::Meter;
use super::rotation::{Rotation, Target};

const LONG: Duration = Duration::from_secs(60);

/// An application: a function that is given each connection.
async fn application<F, A>(serve: F) -> SocketAddr
where
    F: Fn(BufReader<TcpStream>) -> A + Send + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(BufReader::new(stream)));
        }
    });
    address
}

/// Reads the head of a request; `None` at the end of the connection.
async fn head(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

async fn say(stream: &mut BufReader<TcpStream>, text: &str) {
    stream.get_mut().write_all(text.as_bytes()).await.unwrap();
}

/// Answers every request with its own head.
async fn mirror(mut stream: BufReader<TcpStream>) {
    while let Some(head) = head(&mut stream).await {
        let status = if head.contains("/missing") {
            "404 Not Found"
        } else {
            "200 OK"
        };
        let length = head.len();
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nkeep-alive: timeout=5\r\n\r\n{head}");
        say(&mut stream, &answer).await;
    }
}

struct Bench {
    balancer: Balancer,
    rotation: Arc<Rotation>,
    group: Arc<Group>,
    meter: Arc<Meter>,
    target: Option<Arc<Target>>,
}

async fn bench(application: Option<SocketAddr>, idle: Duration) -> Bench {
    let group: Arc<Group> = Arc::default();
    let rotation = Arc::clone(&group.rotation);
    let meter: Arc<Meter> = Arc::default();
    let target = application.map(|address| Arc::new(Target::new(address, Arc::clone(&meter))));
    if let Some(target) = &target {
        rotation.add(target);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let balancer = Balancer::open(listener, Arc::clone(&group), idle).unwrap();
    Bench {
        balancer,
        rotation,
        group,
        meter,
        target,
    }
}

struct Client(SendRequest<Full<Bytes>>);

type Answer = (StatusCode, HeaderMap, String);

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    async fn send(&mut self, method: Method, host: &str, path: &str, body: &'static str) -> hyper::Result<Answer> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", host)
            .body(Full::from(body))
            .unwrap();
        self.0.ready().await?;
        let answer = self.0.send_request(request).await?;
        let (parts, body) = answer.into_parts();
        let text = body.collect().await?.to_bytes();
        Ok((parts.status, parts.headers, String::from_utf8_lossy(&text).into_owned()))
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, "shop.example", path, "").await.unwrap()
    }
}

#[tokio::test]
async fn a_request_passes_with_what_a_balancer_adds_and_is_counted() {
    let bench = bench(Some(application(mirror).await), LONG).await;
    let mut client = Client::connect(bench.balancer.address()).await;
    let (status, headers, head) = client.get("/path?q=1").await;
    assert_eq!(status, 200);
    assert!(
        !headers.contains_key("keep-alive"),
        "what concerns one connection has passed"
    );
    assert!(head.starts_with("GET /path?q=1 HTTP/1.1\r\n"), "{head}");
    let port = bench.balancer.address().port();
    for wanted in [
        "host: shop.example",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-proto: http",
        &format!("x-forwarded-port: {port}"),
    ] {
        assert!(
            head.contains(&format!("\r\n{wanted}\r\n")),
            "{wanted} is missing in {head}"
        );
    }
    assert!(head.contains("\r\nx-amzn-trace-id: Root=1-"), "{head}");
    assert_eq!(client.get("/missing").await.0, 404);
    assert_eq!(bench.balancer.open_connections(), 1);
    let (counts, spread) = bench.meter.take();
    assert_eq!((counts.status_2xx, counts.status_4xx, counts.total()), (1, 1, 2));
    assert!(spread.latency().is_some());
    assert_eq!(bench.group.take_own_answers().total(), 0);
}

#[tokio::test]
async fn no_request_meets_a_connection_that_the_application_closes() {
    // Ends each connection after its first answer, without saying so before.
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let address = application(move |mut stream| {
        let counted = Arc::clone(&counted);
        async move {
            if head(&mut stream).await.is_some() {
                say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                drop(stream);
                counted.fetch_add(1, Ordering::Relaxed);
            }
        }
    })
    .await;
    let bench = bench(Some(address), LONG).await;
    let mut client = Client::connect(bench.balancer.address()).await;
    for _ in 0..300 {
        assert_eq!(client.get("/").await.0, 200);
    }
    for ended in 300..320 {
        // Not repeatable; but once the end was seen, nothing is sent on that connection.
        while connections.load(Ordering::Relaxed) < ended {
            sleep(Duration::from_millis(1)).await;
        }
        sleep(Duration::from_millis(5)).await;
        let answer = client.send(Method::POST, "shop.example", "/", "order").await.unwrap();
        assert_eq!(answer.0, 200);
    }
    assert_eq!(bench.meter.take().0.status_2xx, 320);
}

/// It answers before it has read a body, says that the connection stays, and closes it when more comes.
#[tokio::test]
async fn who_sends_a_body_meets_no_connection_that_an_early_answer_has_left() {
    let address = application(|mut stream| async move {
        if head(&mut stream).await.is_some() {
            say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
            head(&mut stream).await;
        }
    })
    .await;
    let bench = bench(Some(address), LONG).await;
    for number in 0..5 {
        let mut client = Client::connect(bench.balancer.address()).await;
        let answer = client.send(Method::POST, "shop", "/", "a body").await.unwrap();
        assert_eq!(answer.0, StatusCode::OK, "{number}");
    }
}

#[tokio::test]
async fn a_length_beside_chunks_is_not_believed() {
    let bench = bench(
        Some(
            application(|mut stream| async move {
                if head(&mut stream).await.is_some() {
                    let both = "content-length: 7\r\ntransfer-encoding: chunked";
                    say(
                        &mut stream,
                        &format!("HTTP/1.1 200 OK\r\n{both}\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
                    )
                    .await;
                }
            })
            .await,
        ),
        LONG,
    )
    .await;
    let answer = Client::connect(bench.balancer.address()).await.get("/").await;
    assert_eq!((answer.0, answer.1.get("content-length")), (StatusCode::OK, None));
}

#[tokio::test]
async fn connections_to_the_application_are_kept_alive_but_not_for_long() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let address = application(move |stream| {
        counted.fetch_add(1, Ordering::Relaxed);
        mirror(stream)
    })
    .await;
    let bench = bench(Some(address), LONG).await;
    let mut client = Client::connect(bench.balancer.address()).await;
    for _ in 0..20 {
        client.get("/").await;
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
    sleep(Duration::from_millis(1700)).await;
    client.get("/").await;
    assert_eq!(connections.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn each_trouble_has_its_own_status() {
    let silent = application(|mut stream| async move {
        head(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let garbage = application(|mut stream| async move {
        head(&mut stream).await;
        say(&mut stream, "what?\r\n\r\n").await;
    })
    .await;
    let deaf = application(|stream| async move { drop(stream) }).await;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    // With the requests that an instance was chosen for, and those of them without a connection.
    for (application, wanted, broken) in [
        (None, 503, (0, 0)),
        (Some(closed), 502, (1, 1)),
        (Some(garbage), 502, (1, 0)),
        (Some(deaf), 502, (1, 0)),
        (Some(silent), 504, (1, 0)),
    ] {
        let bench = bench(application, Duration::from_millis(150)).await;
        let mut client = Client::connect(bench.balancer.address()).await;
        let (status, _, text) = client.get("/").await;
        assert_eq!(status, wanted);
        assert!(text.contains(&wanted.to_string()), "{text}");
        let own = bench.group.take_own_answers();
        assert_eq!((own.status_5xx, own.total()), (1, 1));
        let seen = bench.group.take_broken();
        assert_eq!((seen.requests, seen.connections), broken, "{application:?}");
        assert_eq!(bench.meter.take().0.total(), 0);
    }
}

#[tokio::test]
async fn what_a_load_balancer_refuses_reaches_no_application() {
    let bench = bench(Some(application(mirror).await), LONG).await;
    let many: String = (0..300).map(|number| format!("x-{number}: 1\r\n")).collect();
    let long = format!("x: {}\r\n", "a".repeat(17 << 10));
    let chain = format!("x-forwarded-for: {}\r\n", vec!["10.0.0.1"; 31].join(","));
    for (method, headers, status) in [
        ("GET", many.as_str(), "200 OK"),
        ("TRACE", "", "405 Not Allowed"),
        ("GET", &long, "400 Bad Request"),
        ("GET", &chain, "463 "),
    ] {
        let mut client = BufReader::new(TcpStream::connect(bench.balancer.address()).await.unwrap());
        say(&mut client, &format!("{method} / HTTP/1.1\r\nhost: x\r\n{headers}\r\n")).await;
        let answer = head(&mut client).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        let is_own = answer.contains("\r\nserver: awselb/2.0\r\n");
        assert_eq!(is_own, status != "200 OK", "{answer}");
    }
    let own = bench.group.take_own_answers();
    assert_eq!((own.status_4xx, own.total()), (3, 3));
    assert_eq!(bench.group.take_broken().requests, 0);
    assert_eq!(bench.meter.take().0.total(), 1);
}

#[tokio::test]
async fn an_answer_may_have_many_headers_and_not_too_long_ones() {
    let many: String = (0..300).map(|number| format!("x-{number}: 1\r\n")).collect();
    let long = format!("x: {0}\r\ny: {0}\r\nz: {0}\r\n", "a".repeat(11 << 10));
    for (headers, wanted) in [(many, 200), (long, 502)] {
        let address = application(move |mut stream| {
            let headers = headers.clone();
            async move {
                head(&mut stream).await;
                say(
                    &mut stream,
                    &format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{headers}\r\n"),
                )
                .await;
            }
        })
        .await;
        let bench = bench(Some(address), LONG).await;
        let mut client = BufReader::new(TcpStream::connect(bench.balancer.address()).await.unwrap());
        say(&mut client, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let answer = head(&mut client).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {wanted} ")), "{answer}");
    }
}

#[tokio::test]
async fn through_the_edge_an_application_sees_its_client_and_nobody_can_make_one_up() {
    let bench = bench(Some(application(mirror).await), LONG).await;
    let place = bench.balancer.address();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let edge = Edge::serve(listener, move |_| Some((place, LONG))).unwrap();
    let forged = format!("x-cutover-origin: {:032x} 10.9.9.9 443\r\n", 0);
    for (address, chain) in [(edge.address(), "10.1.1.1, 127.0.0.1"), (place, "10.1.1.1, 127.0.0.1")] {
        let mut client = BufReader::new(TcpStream::connect(address).await.unwrap());
        let request = format!("GET / HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 10.1.1.1\r\n{forged}\r\n");
        say(&mut client, &request).await;
        let _answer = head(&mut client).await.unwrap();
        let seen = head(&mut client).await.unwrap();
        for wanted in [
            format!("x-forwarded-for: {chain}"),
            "x-forwarded-proto: http".to_owned(),
            format!("x-forwarded-port: {}", address.port()),
        ] {
            assert!(
                seen.contains(&format!("\r\n{wanted}\r\n")),
                "{wanted} is missing in {seen}"
            );
        }
        assert!(
            !seen.contains("x-cutover-origin") && !seen.contains("10.9.9.9"),
            "{seen}"
        );
    }
}

#[tokio::test]
async fn bodies_pass_both_ways_while_they_are_still_being_sent() {
    let echo = application(|mut stream| async move {
        head(&mut stream).await;
        say(&mut stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        // The request's body is chunked too, so what comes can go back as it is.
        let mut buffer = [0; 1024];
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            stream.get_mut().write_all(&buffer[..length]).await.unwrap();
        }
    })
    .await;
    let bench = bench(Some(echo), LONG).await;
    let mut stream = TcpStream::connect(bench.balancer.address()).await.unwrap();
    stream
        .write_all(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        .await
        .unwrap();
    let mut stream = BufReader::new(stream);
    for word in ["ping", "pong"] {
        stream
            .get_mut()
            .write_all(format!("4\r\n{word}\r\n").as_bytes())
            .await
            .unwrap();
        let mut seen = String::new();
        while !seen.ends_with(&format!("{word}\r\n")) {
            let read = timeout(Duration::from_secs(5), stream.read_line(&mut seen));
            assert_ne!(read.await.unwrap().unwrap(), 0, "{seen}");
        }
    }
    stream.get_mut().write_all(b"0\r\n\r\n").await.unwrap();
    let mut rest = String::new();
    while !rest.ends_with("0\r\n\r\n") {
        let read = timeout(Duration::from_secs(5), stream.read_line(&mut rest));
        assert_ne!(read.await.unwrap().unwrap(), 0, "{rest}");
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_passes_whatever_the_method() {
    // Answers with the method and the chunks as they came, up to the last one.
    let address = application(|mut stream| async move {
        while let Some(head) = head(&mut stream).await {
            assert!(head.contains("\r\ntransfer-encoding: chunked\r\n"), "{head}");
            assert!(!head.contains("content-length"), "{head}");
            let mut body = String::new();
            while !body.ends_with("0\r\n\r\n") {
                assert_ne!(stream.read_line(&mut body).await.unwrap(), 0, "{body}");
            }
            let told = body.replace("\r\n", " ");
            let length = told.len();
            say(
                &mut stream,
                &format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nx-told: {told}\r\n\r\n"),
            )
            .await;
            if !head.starts_with("HEAD ") {
                say(&mut stream, &told).await;
            }
        }
    })
    .await;
    let bench = bench(Some(address), LONG).await;
    for method in ["GET", "HEAD", "DELETE", "POST"] {
        let mut client = BufReader::new(TcpStream::connect(bench.balancer.address()).await.unwrap());
        let request =
            format!("{method} / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n4\r\nping\r\n0\r\n\r\n");
        say(&mut client, &request).await;
        let answer = timeout(Duration::from_secs(5), head(&mut client))
            .await
            .unwrap()
            .unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{method}: {answer}");
        assert!(answer.contains("\r\nx-told: 4 ping 0\r\n"), "{method}: {answer}");
    }
}

#[tokio::test]
async fn a_connection_can_change_its_protocol() {
    let address = application(|mut stream| async move {
        let head = head(&mut stream).await.unwrap();
        assert!(head.contains("\r\nupgrade: websocket\r\n"), "{head}");
        say(
            &mut stream,
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        )
        .await;
        let mut word = [0; 4];
        while stream.read_exact(&mut word).await.is_ok() {
            word.reverse();
            stream.get_mut().write_all(&word).await.unwrap();
        }
    })
    .await;
    let bench = bench(Some(address), LONG).await;
    let mut client = BufReader::new(TcpStream::connect(bench.balancer.address()).await.unwrap());
    say(
        &mut client,
        "GET /chat HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n",
    )
    .await;
    let answer = head(&mut client).await.unwrap().to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    assert!(answer.contains("\r\nupgrade: websocket\r\n"), "{answer}");
    for (word, wanted) in [("abcd", b"dcba"), ("1234", b"4321")] {
        say(&mut client, word).await;
        let mut back = [0; 4];
        client.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, wanted);
    }
    let target = bench.target.as_ref().unwrap();
    assert_eq!(
        bench.rotation.in_flight(),
        1,
        "a tunnel is in flight as long as it is open"
    );
    assert_eq!(bench.balancer.open_connections(), 1);
    drop(client);
    timeout(Duration::from_secs(5), target.quiet()).await.unwrap();
}

#[tokio::test]
async fn who_leaves_serves_everybody_and_sends_them_elsewhere() {
    let bench = bench(Some(application(mirror).await), LONG).await;
    let address = bench.balancer.address();
    let mut kept = Client::connect(address).await;
    assert!(!kept.get("/").await.1.contains_key("connection"));
    bench.balancer.go_on(Stage::Leaving);
    let (status, headers, _) = kept.get("/").await;
    assert_eq!(
        (status.as_u16(), &headers["connection"]),
        (200, &"close".parse().unwrap())
    );
    let mut late = Client::connect(address).await;
    assert_eq!(late.get("/").await.0, 200);
    let _idle = Client::connect(address).await;
    bench.balancer.go_on(Stage::Finishing);
    let all_left = async {
        while TcpStream::connect(address).await.is_ok() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(5), all_left).await.unwrap();
    bench.balancer.go_on(Stage::Cut);
    let none_open = async {
        while bench.balancer.open_connections() > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(5), none_open).await.unwrap();
}

#[tokio::test]
async fn a_request_in_flight_is_answered_while_the_door_closes() {
    let address = application(|mut stream| async move {
        while head(&mut stream).await.is_some() {
            sleep(Duration::from_millis(300)).await;
            say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone").await;
        }
    })
    .await;
    let bench = bench(Some(address), LONG).await;
    let mut client = Client::connect(bench.balancer.address()).await;
    let (answer, ()) = tokio::join!(client.get("/"), async {
        sleep(Duration::from_millis(100)).await;
        bench.balancer.go_on(Stage::Finishing);
    });
    assert_eq!(answer.2, "done");
}

#[tokio::test]
async fn idle_connections_are_closed_after_the_idle_timeout() {
    let bench = bench(Some(application(mirror).await), Duration::from_millis(100)).await;
    let mut client = Client::connect(bench.balancer.address()).await;
    client.get("/").await;
    let closed = async {
        while bench.balancer.open_connections() > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(5), closed).await.unwrap();
}

#[tokio::test]
async fn a_client_that_stops_reading_is_given_up_after_the_idle_timeout() {
    // More than the buffers of all sockets on the way hold.
    const SIZE: usize = 64 << 20;
    let address = application(|mut stream| async move {
        head(&mut stream).await;
        say(
            &mut stream,
            &format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n"),
        )
        .await;
        let part = vec![b'a'; 1 << 20];
        while stream.get_mut().write_all(&part).await.is_ok() {}
    })
    .await;
    let bench = bench(Some(address), Duration::from_millis(200)).await;
    let mut client = BufReader::new(TcpStream::connect(bench.balancer.address()).await.unwrap());
    say(&mut client, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(head(&mut client).await.unwrap().starts_with("HTTP/1.1 200 "));
    assert_eq!(bench.rotation.in_flight(), 1);
    let given_up = async {
        while bench.balancer.open_connections() > 0 || bench.rotation.in_flight() > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), given_up).await.unwrap();
}

#[tokio::test]
async fn a_thousand_connections_are_served_at_once() {
    super::allow_many_files();
    let bench = bench(Some(application(mirror).await), LONG).await;
    let mut clients = Vec::new();
    for _ in 0..1000 {
        clients.push(Client::connect(bench.balancer.address()).await);
    }
    let answers = clients.iter_mut().map(|client| client.send(Method::GET, "x", "/", ""));
    for answer in futures_util::future::join_all(answers).await {
        assert_eq!(answer.unwrap().0, 200);
    }
    assert_eq!(bench.balancer.open_connections(), 1000);
    assert_eq!(bench.meter.take().0.status_2xx, 1000);
}

#[tokio::test]
async fn the_edge_remembers_a_name_for_its_time_to_live() {
    let (blue, green) = (
        bench(Some(application(mirror).await), LONG).await,
        bench(Some(application(mirror).await), LONG).await,
    );
    let places = [blue.balancer.address(), green.balancer.address()];
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let edge = Edge::serve(listener, move |host| {
        let turn = counted.fetch_add(1, Ordering::Relaxed);
        (host == "shop.example").then(|| (places[turn.min(1)], Duration::from_millis(200)))
    })
    .unwrap();
    let mut client = Client::connect(edge.address()).await;
    for host in ["shop.example", "Shop.Example:8080", "shop.example."] {
        let answer = client.send(Method::GET, host, "/", "").await.unwrap();
        assert_eq!(answer.0, 200);
        assert!(answer.2.contains(&format!("\r\nhost: {host}\r\n")), "{}", answer.2);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert_eq!(blue.meter.take().0.total(), 3);
    sleep(Duration::from_millis(210)).await;
    client.send(Method::GET, "shop.example", "/", "").await.unwrap();
    assert_eq!(green.meter.take().0.total(), 1);
    let (status, _, text) = client.send(Method::GET, "other.example", "/", "").await.unwrap();
    assert_eq!(status, 404);
    assert!(!text.contains("shop"), "{text}");
    blue.balancer.go_on(Stage::Cut);
}
