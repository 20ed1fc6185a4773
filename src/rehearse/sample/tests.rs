use std::io::Read;
use std::net::SocketAddr;

use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use zip::ZipArchive;

use super::*;

const LEAK: TurnsBad = TurnsBad {
    after_requests: 400,
    error_share: 0.3,
    grows_over_requests: 2000,
};

fn leaks(turns_bad: TurnsBad) -> Faults {
    Faults {
        turns_bad: Some(turns_bad),
        ..Faults::default()
    }
}

/// Unpacks a bundle as a platform does and reads the application in it.
fn unpacked(version: &str, faults: Faults) -> Application {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = ZipArchive::new(Cursor::new(bundle(version, faults))).unwrap();
    let mut procfile = String::new();
    archive
        .by_name("Procfile")
        .unwrap()
        .read_to_string(&mut procfile)
        .unwrap();
    assert_eq!(procfile, "web: \"$CUTOVER_BIN\" sample-app\n");
    archive.extract(folder.path()).unwrap();
    Application::read(folder.path(), |_| ()).unwrap()
}

#[test]
fn a_bundle_holds_the_same_bytes_every_time() {
    assert_eq!(bundle("2", leaks(LEAK)), bundle("2", leaks(LEAK)));
    assert_ne!(bundle("2", leaks(LEAK)), bundle("2", Faults::default()));
    assert_ne!(bundle("2", Faults::default()), bundle("3", Faults::default()));
}

#[test]
fn settings_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Application::read(folder.path(), |_| ()).err().unwrap().to_string();
    assert!(missing.contains("app.json"), "{missing}");
    std::fs::write(folder.path().join("app.json"), "{\"version\": 2}").unwrap();
    let wrong = Application::read(folder.path(), |_| ()).err().unwrap().to_string();
    assert!(
        wrong.contains("app.json") && wrong.contains("expected a string"),
        "{wrong}"
    );
    let written = r#"{ "version": "2", "faults": { "turns_bad": { "after_requests": 400, "error_share": 0.3, "grows_over_requests": 2000 } } }"#;
    std::fs::write(folder.path().join("app.json"), written).unwrap();
    let read = Application::read(folder.path(), |_| ()).unwrap();
    assert_eq!(read.settings.faults, leaks(LEAK));
}

#[test]
fn a_leak_shows_late_grows_and_then_stays() {
    let failed = |range: std::ops::RangeInclusive<u64>| range.filter(|number| LEAK.fails(*number)).count();
    assert_eq!(failed(1..=400), 0);
    let early = failed(401..=1000);
    let late = failed(1801..=2400);
    assert!(early > 0 && early * 3 < late, "{early} then {late}");
    // Half the share on the way, all of it after.
    assert_eq!(failed(401..=2400), 300);
    assert_eq!(failed(2401..=3400), 300);
    let at_once = TurnsBad {
        after_requests: 1,
        error_share: 1.0,
        grows_over_requests: 0,
    };
    assert!(!at_once.fails(1) && at_once.fails(2) && at_once.fails(3));
}

#[tokio::test]
async fn the_health_check_stays_well_while_pages_fail() {
    let application = unpacked(
        "2",
        leaks(TurnsBad {
            after_requests: 2,
            error_share: 1.0,
            grows_over_requests: 0,
        }),
    );
    let ask = async |path: &str| {
        let response = application.answer(path).await;
        assert_eq!(response.headers()["x-app-version"], "2");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    for _ in 0..5 {
        assert_eq!(ask("/health").await, (200, "ok\n".to_owned()));
    }
    assert_eq!(ask("/").await, (200, "The cutover sample shop, version 2\n".to_owned()));
    let (status, orders) = ask("/api/orders").await;
    assert_eq!(status, 200);
    let orders: serde_json::Value = serde_json::from_str(&orders).unwrap();
    assert_eq!(orders.pointer("/version"), Some(&"2".into()));
    assert_eq!(orders["orders"].as_array().unwrap().len(), 3);
    let (status, error) = ask("/api/orders").await;
    assert_eq!((status, error.contains("connection pool exhausted")), (500, true));
    assert_eq!(ask("/").await.0, 500);
    assert_eq!(ask("/health").await.0, 200);
}

#[tokio::test]
async fn what_both_versions_depend_on_fails_for_both() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("down");
    let faults = Faults {
        database_down: Some(mark.clone()),
        ..Faults::default()
    };
    let application = unpacked("2", faults);
    let failed = async || {
        let mut failed = 0;
        for _ in 0..10 {
            failed += usize::from(application.answer("/").await.status() == StatusCode::INTERNAL_SERVER_ERROR);
        }
        failed
    };
    assert_eq!(failed().await, 0);
    std::fs::write(&mark, "").unwrap();
    assert_eq!(failed().await, 4);
    std::fs::remove_file(&mark).unwrap();
    assert_eq!(failed().await, 0);
}

/// Runs the application in a runtime that ends when it does, as its process would, so that nothing outlives it.
fn up() -> (
    SocketAddr,
    Arc<Application>,
    oneshot::Sender<()>,
    std::thread::JoinHandle<()>,
) {
    let (stop, stopping) = oneshot::channel();
    let (tell, told) = std::sync::mpsc::channel();
    let running = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let application = Arc::new(unpacked("1", Faults::default()));
            let address = listener.local_addr().unwrap();
            tell.send((address, Arc::clone(&application))).unwrap();
            serve_on(listener, application, async {
                let _ = stopping.await;
            })
            .await;
        });
    });
    let (address, application) = told.recv().unwrap();
    (address, application, stop, running)
}

#[tokio::test]
async fn connections_are_kept_alive_and_a_request_in_flight_is_finished() {
    let (address, application, stop, running) = up();
    let mut idle = TcpStream::connect(address).await.unwrap();
    let mut busy = TcpStream::connect(address).await.unwrap();
    let mut buffer = vec![0; 4096];
    for _ in 0..2 {
        idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let read = idle.read(&mut buffer).await.unwrap();
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200 OK"));
    }
    busy.write_all(b"GET /api/orders HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    while application.requests.load(Ordering::Relaxed) < 3 {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    stop.send(()).unwrap();
    let mut answer = String::new();
    busy.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.contains("orders"),
        "{answer}"
    );
    assert_eq!(
        idle.read(&mut buffer).await.unwrap(),
        0,
        "the idle connection is closed"
    );
    running.join().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_download_takes_its_time_and_comes_whole() {
    let began = tokio::time::Instant::now();
    let application = unpacked("2", Faults::default());
    let response = application.answer(EXPORT).await;
    assert_eq!(response.headers()["x-app-version"], "2");
    let content = response.into_body().collect().await.unwrap().to_bytes();
    let lines = String::from_utf8(content.to_vec()).unwrap();
    assert_eq!(lines.lines().count(), 50);
    assert_eq!(lines.lines().last(), Some("order 49; paid"));
    assert!(began.elapsed() >= EXPORT_TAKES);
}
