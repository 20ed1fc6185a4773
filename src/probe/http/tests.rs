use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::probe::testing::{self, NameServer, Reply};

fn prober(settings: ProbeSettings) -> HttpProber {
    HttpProber::new(settings).unwrap()
}

fn check(toml: &str) -> Check {
    toml::from_str(toml).expect("a check")
}

fn base(address: SocketAddr) -> Target {
    at(&format!("http://{address}/ignored?a=b#c"))
}

fn at(url: &str) -> Target {
    Target::public(url).unwrap()
}

/// Says back what was asked.
fn echo(request: &Request<Incoming>) -> Reply {
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    let status = if request.uri().path() == "/down" { 503 } else { 200 };
    let body = serde_json::json!({
        "method": request.method().as_str(),
        "uri": request.uri().to_string(),
        "host": header("host"),
        "token": header("x-token"),
    });
    testing::reply(StatusCode::from_u16(status).unwrap(), &body.to_string())
}

#[tokio::test]
async fn a_check_that_passes_tells_who_answered() {
    let address = testing::serve(echo).await;
    let check = check(
        "method = 'POST'\npath = '/a%20b?x=1'\nhost = 'shop.example.com'\nheaders = { 'X-Token' = 'abc' }\nbody = 'hello'\n\
         [expect]\nbody = 'POST'\n\
         [expect.json]\n'/uri' = '/a%20b?x=1'\n'/host' = 'shop.example.com'\n'/token' = 'abc'",
    );
    let result = prober(ProbeSettings::default()).check(&base(address), &check).await;
    assert_eq!(result.failure, None);
    assert!(result.passed);
    assert_eq!(result.status, Some(200));
    assert_eq!(result.address, Some(address));
    assert_eq!(result.check, "POST /a%20b?x=1");
    let written = serde_json::to_string(&result).unwrap();
    assert_eq!(serde_json::from_str::<ProbeResult>(&written).unwrap(), result);
}

#[tokio::test]
async fn a_check_that_fails_says_why() {
    let address = testing::serve(echo).await;
    let prober = prober(ProbeSettings::default());
    let result = prober.check(&base(address), &check("path = '/down'")).await;
    assert!(!result.passed);
    assert_eq!(result.status, Some(503));
    assert_eq!(result.failure.unwrap(), "expected status 200-299, got 503");
}

#[tokio::test]
async fn a_name_is_looked_up_anew_for_every_check_and_gets_the_port_of_the_settings() {
    let address = testing::serve(echo).await;
    let names = NameServer::start().await;
    names.set("shop.example.com", &["127.0.0.1"], 600);
    let prober = prober(ProbeSettings {
        dns_server: Some(names.address()),
        port: Some(address.port()),
    });
    let base = at("http://shop.example.com/");
    let result = prober.check(&base, &Check::default()).await;
    assert_eq!(result.failure, None);
    assert_eq!(result.address, Some(address));
    assert_eq!(
        prober.addresses("shop.example.com").await,
        Known::Known(BTreeSet::from(["127.0.0.1".parse().unwrap()]))
    );

    // Nobody listens at the new address; an old connection or answer would still pass.
    names.set("shop.example.com", &["127.0.0.77"], 600);
    let failure = prober.check(&base, &Check::default()).await.failure.unwrap();
    assert_eq!(
        failure,
        format!("no connection to 127.0.0.77:{}: connection refused", address.port())
    );

    names.set("shop.example.com", &[], 600);
    let failure = prober.check(&base, &Check::default()).await.failure.unwrap();
    assert_eq!(failure, "the name shop.example.com has no address");
    names.refuse();
    assert!(prober.addresses("shop.example.com").await.why_unknown().is_some());
}

#[tokio::test]
async fn what_fails_on_the_way_is_told_from_what_the_application_does() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let names = NameServer::start().await;
    let prober = prober(ProbeSettings {
        dns_server: Some(names.address()),
        port: Some(silent.local_addr().unwrap().port()),
    });
    let shop = at("http://shop.example.com/");
    let quick = check("timeout = '300ms'");
    let unreached = async |target: &Target| {
        let result = prober.check(target, &quick).await;
        assert!(!result.passed && result.status.is_none(), "{result:?}");
        result.unreached
    };
    names.set("shop.example.com", &["127.0.0.77"], 600);
    assert!(!unreached(&shop).await, "it refuses");
    names.set("shop.example.com", &["127.0.0.1"], 600);
    assert!(!unreached(&shop).await, "it takes the connection and says nothing");
    // A port that is full of connections that nobody takes answers no more of them.
    let full = tokio::net::TcpSocket::new_v4().unwrap();
    full.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = full.listen(1).unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(one)) = tokio::time::timeout(
        std::time::Duration::from_millis(200),
        tokio::net::TcpStream::connect(full.local_addr().unwrap()),
    )
    .await
    {
        waiting.push(one);
    }
    assert!(
        unreached(&base(full.local_addr().unwrap())).await,
        "no connection comes about"
    );
    names.set("shop.example.com", &[], 600);
    assert!(unreached(&shop).await, "it has no address");
    names.refuse();
    assert!(unreached(&shop).await, "it cannot be looked up");
}

#[tokio::test]
async fn silence_fails_in_time_whether_before_or_within_the_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 1024];
            let read = stream.read(&mut head).await.unwrap();
            if head[..read].starts_with(b"GET /half") {
                let half = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
                stream.write_all(half).await.unwrap();
            }
            held.push(stream);
        }
    });
    let prober = prober(ProbeSettings::default());
    let silent = prober.check(&base(address), &check("timeout = '50ms'")).await;
    assert_eq!(silent.failure.unwrap(), "no answer within 50ms");
    assert_eq!(silent.status, None);
    assert!(silent.latency >= Span::from_millis(50));
    let half = prober
        .check(&base(address), &check("path = '/half'\ntimeout = '50ms'"))
        .await;
    assert_eq!(half.failure.unwrap(), "no whole answer within 50ms");
    assert_eq!(half.status, Some(200));
}

#[tokio::test]
async fn a_broken_or_senseless_answer_is_told_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 1024];
            let read = stream.read(&mut head).await.unwrap();
            let answer: &[u8] = match &head[..read] {
                head if head.starts_with(b"GET /half") => b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
                head if head.starts_with(b"GET /mail") => b"220 mail.example.com ESMTP\r\n\r\n",
                _ => b"",
            };
            stream.write_all(answer).await.unwrap();
        }
    });
    let prober = prober(ProbeSettings::default());
    let ask = async |path: &str| {
        let result = prober.check(&base(address), &check(&format!("path = '{path}'"))).await;
        assert!(!result.passed);
        result.failure.unwrap()
    };
    let half = ask("/half").await;
    assert!(half.starts_with("the answer broke off after 4 bytes of body"), "{half}");
    let mail = ask("/mail").await;
    assert!(mail.starts_with(&format!("no answer from {address}: ")), "{mail}");
    let nothing = ask("/nothing").await;
    assert_eq!(
        nothing,
        format!("no answer from {address}: the connection was closed before the answer")
    );
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let address = testing::serve(|request| {
        let mut reply = testing::reply(StatusCode::FOUND, "");
        let target = format!("http://{}/elsewhere", request.headers()["host"].to_str().unwrap());
        reply.headers_mut().insert("location", target.parse().unwrap());
        reply
    })
    .await;
    let prober = prober(ProbeSettings::default());
    let check = check("[expect]\nstatus = [302]\nheaders = { Location = 'elsewhere$' }");
    let result = prober.check(&base(address), &check).await;
    assert_eq!(result.failure, None);
}

#[tokio::test]
async fn a_body_without_end_is_read_to_its_limit() {
    let address = testing::serve(|_| testing::reply(StatusCode::OK, &"x".repeat(3 * BODY_LIMIT))).await;
    let prober = prober(ProbeSettings::default());
    let result = prober.check(&base(address), &check("[expect]\nbody = '^x+$'")).await;
    assert_eq!(result.failure, None);
    let result = prober.check(&base(address), &check("[expect.json]\n'/a' = 1")).await;
    assert_eq!(
        result.failure.unwrap(),
        "the body is longer than 1 MiB, so its JSON was not read"
    );
}

#[tokio::test]
async fn what_cannot_be_asked_is_told_without_secrets() {
    let prober = prober(ProbeSettings::default());
    let ask = async |base: &str, toml: &str| {
        let result = prober.check(&at(base), &check(toml)).await;
        assert_eq!(result.status, None);
        result.failure.unwrap()
    };
    let text = ask("http://127.0.0.1:1/", "headers = { 'X-Token' = \"secret\\u0000\" }").await;
    assert!(text.contains("X-Token") && !text.contains("secret"), "{text}");
    let text = ask("http://user:secret@127.0.0.1:1/", "").await;
    assert_eq!(text, "no connection to 127.0.0.1:1: connection refused");
    let text = ask("ftp://127.0.0.1/", "").await;
    assert_eq!(text, "ftp:// addresses cannot be checked; use http:// or https://");
    let text = ask("http://127.0.0.1:1/", "method = 'G E T'").await;
    assert_eq!(text, "\"G E T\" is not an HTTP method");
}

#[tokio::test]
async fn a_path_cannot_lead_to_another_host() {
    let address = testing::serve(echo).await;
    let prober = prober(ProbeSettings::default());
    let toml = format!("path = '//127.0.0.77/x'\n[expect.json]\n'/host' = '{address}'");
    let result = prober.check(&base(address), &check(&toml)).await;
    assert_eq!(result.failure, None);
}

#[tokio::test]
async fn plain_http_where_tls_is_expected_is_no_connection() {
    let address = testing::serve(echo).await;
    let prober = prober(ProbeSettings::default());
    let base = at(&format!("https://{address}/"));
    let failure = prober.check(&base, &Check::default()).await.failure.unwrap();
    assert!(
        failure.starts_with(&format!("no connection to {address}: ")),
        "{failure}"
    );
}

/// A server that speaks TLS with a certificate of its own for `shop.example.com`, and that certificate. It says what it was called.
async fn serve_tls() -> (SocketAddr, rustls::pki_types::CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["shop.example.com".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let settings = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(settings));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut head = [0; 1024];
            let read = stream.read(&mut head).await.unwrap_or_default();
            let head = String::from_utf8_lossy(&head[..read]).to_lowercase();
            let asked: Vec<&str> = head.lines().filter(|line| line.starts_with("host: ")).collect();
            let body = format!("ok {}", asked.join(" and "));
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    (address, certificate)
}

/// Makes a prober trust this certificate and no other.
fn trust(prober: &mut HttpProber, certificate: rustls::pki_types::CertificateDer<'static>) {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    prober.tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
}

#[tokio::test]
async fn https_is_verified_against_the_trusted_roots_and_the_name() {
    let (address, certificate) = serve_tls().await;
    let names = NameServer::start().await;
    names.set("shop.example.com", &["127.0.0.1"], 60);
    names.set("other.example.com", &["127.0.0.1"], 60);
    let mut prober = prober(ProbeSettings {
        dns_server: Some(names.address()),
        // Meant for http:// only.
        port: Some(1),
    });
    let base = at(&format!("https://shop.example.com:{}/", address.port()));
    let check = check("[expect]\nbody = '^ok '");

    // The machine's roots do not know the certificate.
    let failure = prober.check(&base, &check).await.failure.unwrap();
    assert!(
        failure.starts_with(&format!("no connection to {address}: ")) && failure.contains("certificate"),
        "{failure}"
    );

    trust(&mut prober, certificate);
    let result = prober.check(&base, &check).await;
    assert_eq!(result.failure, None);
    assert_eq!(result.address, Some(address));

    let other = at(&format!("https://other.example.com:{}/", address.port()));
    let failure = prober.check(&other, &check).await.failure.unwrap();
    assert!(failure.contains("not valid for name"), "{failure}");
}

#[tokio::test]
async fn an_environment_that_leads_to_https_is_asked_so_itself_with_the_public_name_of_its_certificate() {
    let (secure, certificate) = serve_tls().await;
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let led = testing::serve(move |request| {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let host = request.headers()["host"].to_str().unwrap();
        let host = host.split(':').next().unwrap();
        let path = request.uri().path().trim_start_matches("/elsewhere");
        let mut reply = testing::reply(StatusCode::MOVED_PERMANENTLY, "");
        let location = format!("https://{host}:{}{path}", secure.port());
        reply.headers_mut().insert("location", location.parse().unwrap());
        reply
    })
    .await;
    // No name server: the public name must not be looked up, as it leads to blue.
    let mut prober = prober(ProbeSettings {
        dns_server: Some("127.0.0.1:1".parse().unwrap()),
        port: None,
    });
    trust(&mut prober, certificate);
    let environment = |public_url: &str| Target::environment(&led.to_string(), Some(public_url)).unwrap();
    let ask = async |public_url: &str, toml: &str| prober.check(&environment(public_url), &check(toml)).await;

    let result = ask("https://shop.example.com", "[expect]\nbody = '^ok host: 127.0.0.1$'").await;
    assert_eq!(result.failure, None);
    assert_eq!((result.status, result.address), (Some(200), Some(secure)));
    // Who has been led there asks there at once: each request is counted where it arrives.
    let again = ask("https://shop.example.com", "[expect]\nbody = '^ok '").await;
    assert_eq!((again.failure, again.address), (None, Some(secure)));
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 1);
    let called = "host = 'www.example.com'\n[expect]\nbody = '^ok host: www.example.com$'";
    assert_eq!(ask("https://shop.example.com", called).await.failure, None);

    // What the check expects is no reason to go anywhere.
    let result = ask("https://shop.example.com", "[expect]\nstatus = [301]").await;
    assert_eq!((result.failure, result.status), (None, Some(301)));

    for (public_url, toml) in [
        ("http://shop.example.com", ""),
        ("https://shop.example.com", "path = '/elsewhere/health'"),
    ] {
        let result = ask(public_url, toml).await;
        let failure = result.failure.unwrap();
        assert!(
            failure.starts_with("expected status 200-299, got 301, which leads to https"),
            "{failure}"
        );
        assert_eq!(result.status, Some(301));
    }
    let failure = ask("https://other.example.com", "").await.failure.unwrap();
    assert!(
        failure.starts_with("by https, where http leads: no connection to "),
        "{failure}"
    );
    assert!(failure.contains("not valid for name"), "{failure}");
}
