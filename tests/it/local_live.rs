//! The live data plane with real processes: small Python applications in bundles, run by the real keeper.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cutover::local::live::{LivePlane, LiveSettings};
use cutover::local::plane::{
    BalancerSettings, DataPlane as _, Deployment, DesiredEnvironment, EnvironmentSample, InstanceState, Runtime,
};
use cutover::model::{EnvironmentId, RequestCounts, Timestamp};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(20);

/// The account's clock, which stands still here.
fn now() -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000)
}

/// Answers with its version; `/slow` takes its time, `/die` ends the process, `/pid` and `/environment` tell of it, `/sick` makes it
/// fail its next eight health checks.
const APPLICATION: &str = r#"
import http.server, json, os, socketserver, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    sick = 0
    def do_GET(self):
        if self.path == "/sick":
            Handler.sick = 8
        if self.path == "/slow":
            time.sleep(0.15)
        if self.path == "/die":
            os._exit(3)
        text = {"/pid": str(os.getpid()), "/environment": json.dumps(dict(os.environ))}.get(self.path, "VERSION")
        sick = self.path == "/health" and Handler.sick > 0
        if sick:
            Handler.sick -= 1
        self.send_response(500 if sick else 200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
    def log_message(self, *arguments):
        pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128
print("listening", flush=True)
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

fn bundle(folder: &Path, name: &str, files: &[(&str, &str)]) -> PathBuf {
    let path = folder.join(format!("{name}.zip"));
    let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
    for (file, text) in files {
        zip.start_file(*file, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    path
}

fn application(folder: &Path, version: &str) -> PathBuf {
    let text = APPLICATION.replace("VERSION", version);
    bundle(
        folder,
        version,
        &[("Procfile", "web: exec python3 server.py\n"), ("server.py", &text)],
    )
}

fn keeper() -> Vec<OsString> {
    vec![env!("CARGO_BIN_EXE_cutover").into(), "keep".into()]
}

fn plane(folder: &Path) -> LivePlane {
    LivePlane::start(LiveSettings {
        data: folder.join("data"),
        keeper: keeper(),
        port: 0,
        stop_grace: Duration::from_secs(2),
    })
    .unwrap()
}

fn environment(bundle: Option<PathBuf>, instances: u32) -> DesiredEnvironment {
    DesiredEnvironment {
        id: "e-abcdefghij".into(),
        name: "shop-blue".into(),
        instances,
        dismissed: BTreeSet::new(),
        deployment: Deployment {
            id: 1,
            version_label: "v1".into(),
            bundle,
        },
        launched: None,
        runtime: Runtime::Other,
        properties: BTreeMap::from([("COLOR".to_owned(), "blue".to_owned())]),
        target_group: None,
        balancer: BalancerSettings {
            health_check_path: "/health".into(),
            matcher: "200".into(),
            health_check_interval: Duration::from_millis(200),
            health_check_timeout: Duration::from_secs(2),
            healthy_threshold: 2,
            unhealthy_threshold: 3,
            deregistration_delay: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(20),
        },
    }
}

fn in_service(sample: &EnvironmentSample) -> usize {
    let instances = sample.instances.iter();
    instances.filter(|i| i.state == InstanceState::InService).count()
}

/// Takes samples until one is as wanted.
async fn until(
    plane: &LivePlane,
    id: &EnvironmentId,
    wanted: impl Fn(&EnvironmentSample) -> bool,
) -> EnvironmentSample {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let sample = plane.sample(id, now());
        match sample {
            Some(sample) if wanted(&sample) => return sample,
            last => assert!(
                Instant::now() < deadline,
                "not reached; last: {last:?}, logs: {:?}",
                plane.logs(id)
            ),
        }
        sleep(Duration::from_millis(20)).await;
    }
}

async fn until_gone(plane: &LivePlane, id: &EnvironmentId) {
    let gone = async {
        while plane.sample(id, now()).is_some() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, gone).await.unwrap();
}

struct Client(hyper::client::conn::http1::SendRequest<Empty<Bytes>>);

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    /// The status, the body, and whether the connection may be used again.
    async fn get(&mut self, path: &str) -> (u16, String, bool) {
        let request = http::Request::builder()
            .uri(path)
            .header("host", "shop.example")
            .body(Empty::new())
            .unwrap();
        self.0.ready().await.unwrap();
        let answer = self.0.send_request(request).await.unwrap();
        let (status, again) = (answer.status().as_u16(), !answer.headers().contains_key("connection"));
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned(), again)
    }
}

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let (status, body, _) = Client::connect(address).await.get(path).await;
    (status, body)
}

fn runs(pid: i32) -> bool {
    test_kill_process(Pid::from_raw(pid).unwrap()).is_ok()
}

fn parent_of(pid: i32) -> i32 {
    let output = Command::new("ps")
        .args(["-o", "ppid=", "-p", &pid.to_string()])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

async fn until_dead(pids: &[i32]) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while pids.iter().any(|pid| runs(*pid)) {
        assert!(Instant::now() < deadline, "some of {pids:?} still run");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_environment_runs_its_version_and_is_replaced_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let plane = plane(folder.path());
    let mut desired = environment(Some(application(folder.path(), "one")), 2);
    let id = desired.id.clone();
    plane.apply(std::slice::from_ref(&desired), now());
    let sample = until(&plane, &id, |sample| in_service(sample) == 2).await;
    let ids: Vec<_> = sample.instances.iter().map(|i| i.id.clone()).collect();
    let address = plane.address(&id).unwrap();
    for _ in 0..10 {
        assert_eq!(get(address, "/").await, (200, "one".to_owned()));
    }
    let sample = plane.sample(&id, now()).unwrap();
    let counts: Vec<_> = sample.instances.iter().map(|i| i.requests.status_2xx).collect();
    assert_eq!(counts, [5, 5], "health checks are not counted, requests are, in turn");
    assert!(sample.latency.is_some());

    let told: BTreeMap<String, String> = serde_json::from_str(&get(address, "/environment").await.1).unwrap();
    let mut names: Vec<_> = told.keys().map(String::as_str).collect();
    // Set by the shell and the interpreter themselves.
    names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"].contains(name) && !name.contains("PYENV"));
    assert_eq!(names, ["COLOR", "HOME", "LANG", "PATH", "PORT", "TMPDIR"]);
    assert!(plane.logs(&id).iter().all(|(_, logs)| logs[0].1.contains("listening")));

    let later = now() + Duration::from_secs(5);
    desired.deployment = Deployment {
        id: 2,
        version_label: "v2".into(),
        bundle: Some(application(folder.path(), "two")),
    };
    plane.apply(std::slice::from_ref(&desired), later);
    let sample = until(&plane, &id, |sample| {
        in_service(sample) == 2 && sample.instances.iter().all(|i| i.deployment_id == 2)
    })
    .await;
    assert_eq!(sample.instances.iter().map(|i| i.id.clone()).collect::<Vec<_>>(), ids);
    assert!(
        sample
            .instances
            .iter()
            .all(|i| i.launched_at == now() && i.deployed_at == later)
    );
    assert_eq!(get(address, "/").await, (200, "two".to_owned()));

    let pid: i32 = get(address, "/pid").await.1.parse().unwrap();
    assert!(runs(pid));
    timeout(PATIENCE, plane.shutdown()).await.unwrap();
    assert!(!runs(pid));
    assert!(plane.sample(&id, now()).is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_when_instances_or_the_environment_leave() {
    let folder = tempfile::tempdir().unwrap();
    let plane = Arc::new(plane(folder.path()));
    let mut desired = environment(Some(application(folder.path(), "one")), 3);
    let id = desired.id.clone();
    plane.apply(std::slice::from_ref(&desired), now());
    until(&plane, &id, |sample| in_service(sample) == 3).await;
    let address = plane.address(&id).unwrap();

    let (sent, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..12)
        .map(|number| {
            let (sent, stop) = (Arc::clone(&sent), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut client = Client::connect(address).await;
                while !stop.load(Ordering::Relaxed) {
                    let path = if number % 3 == 0 { "/slow" } else { "/" };
                    let (status, body, again) = client.get(path).await;
                    assert_eq!((status, body.as_str()), (200, "one"));
                    sent.fetch_add(1, Ordering::Relaxed);
                    if !again {
                        // Told to go elsewhere: an environment that is being removed.
                        return;
                    }
                }
            })
        })
        .collect();
    let mut counted = RequestCounts::default();
    let mut count = |sample: &EnvironmentSample| {
        sample.instances.iter().for_each(|i| counted.add(&i.requests));
        counted.add(&sample.balancer_errors);
    };
    let step = |instances: u32, desired: &mut DesiredEnvironment| {
        desired.instances = instances;
        plane.apply(std::slice::from_ref(desired), now());
    };
    for instances in [1, 3, 2] {
        step(instances, &mut desired);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let sample = plane.sample(&id, now()).unwrap();
            count(&sample);
            if sample.instances.len() == instances as usize && in_service(&sample) == instances as usize {
                break;
            }
            assert!(Instant::now() < deadline, "{sample:?}");
            sleep(Duration::from_millis(50)).await;
        }
    }
    plane.apply(&[], now());
    while let Some(sample) = plane.sample(&id, now()) {
        count(&sample);
        sleep(Duration::from_millis(20)).await;
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    let sent = sent.load(Ordering::Relaxed);
    assert!(sent > 100, "only {sent} requests were sent");
    assert_eq!((counted.status_2xx, counted.total()), (sent, sent));
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let plane = plane(folder.path());
    let desired = environment(Some(application(folder.path(), "one")), 1);
    plane.apply(std::slice::from_ref(&desired), now());
    until(&plane, &desired.id, |sample| in_service(sample) == 1).await;
    let address = plane.address(&desired.id).unwrap();
    let before = get(address, "/pid").await.1;
    assert_eq!(get(address, "/die").await.0, 502);
    let sample = until(&plane, &desired.id, |sample| in_service(sample) == 0).await;
    let InstanceState::Unhealthy(why) = &sample.instances[0].state else {
        panic!("{sample:?}")
    };
    assert!(why.text.contains("exit status 3"), "{why:?}");
    until(&plane, &desired.id, |sample| in_service(sample) == 1).await;
    let after = get(address, "/pid").await.1;
    assert_ne!(before, after);
    // A keeper that is killed takes its process with it, and both come again.
    let application: i32 = after.parse().unwrap();
    kill_process(Pid::from_raw(parent_of(application)).unwrap(), Signal::KILL).unwrap();
    until(&plane, &desired.id, |sample| in_service(sample) == 0).await;
    until_dead(&[application]).await;
    until(&plane, &desired.id, |sample| in_service(sample) == 1).await;
    plane.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_fails_its_health_checks_gets_no_traffic_until_it_is_well() {
    let folder = tempfile::tempdir().unwrap();
    let plane = plane(folder.path());
    let desired = environment(Some(application(folder.path(), "one")), 1);
    plane.apply(std::slice::from_ref(&desired), now());
    until(&plane, &desired.id, |sample| in_service(sample) == 1).await;
    let address = plane.address(&desired.id).unwrap();
    let pid = get(address, "/pid").await;
    get(address, "/sick").await;
    until(&plane, &desired.id, |sample| {
        matches!(&sample.instances[0].state, InstanceState::Unhealthy(why) if why.text.contains("answered with 500, not with 200"))
    })
    .await;
    plane.sample(&desired.id, now());
    assert_eq!(get(address, "/").await.0, 503);
    let sample = plane.sample(&desired.id, now()).unwrap();
    assert_eq!(
        (sample.balancer_errors.status_5xx, sample.instances[0].requests.total()),
        (1, 0)
    );
    until(&plane, &desired.id, |sample| in_service(sample) == 1).await;
    assert_eq!(get(address, "/pid").await, pid, "a sick process is not started again");
    plane.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_does_not_work_fails_and_a_better_one_repairs_it() {
    let folder = tempfile::tempdir().unwrap();
    let plane = plane(folder.path());
    let broken = bundle(
        folder.path(),
        "broken",
        &[("Procfile", "web: echo no database >&2; exit 7")],
    );
    let mut desired = environment(None, 1);
    for (number, (bundle, told)) in [
        (None, "no bundle"),
        (Some(folder.path().join("missing.zip")), "missing.zip"),
        (
            Some(self::bundle(folder.path(), "empty", &[("readme", "")])),
            "no Procfile",
        ),
        (Some(broken), "exit status 7; its last line was: no database"),
    ]
    .into_iter()
    .enumerate()
    {
        desired.deployment.id = number as u64 + 1;
        desired.deployment.bundle = bundle;
        plane.apply(std::slice::from_ref(&desired), now());
        until(&plane, &desired.id, |sample| {
            matches!(&sample.instances[..], [instance] if matches!(&instance.state, InstanceState::Failed(why) if why.contains(told)))
        })
        .await;
    }
    let logs = plane.logs(&desired.id);
    let engine = logs[0].1.iter().find(|(path, _)| path.ends_with("eb-engine.log"));
    let (_, engine) = engine.expect("the log of deployments");
    for told in ["no bundle", "missing.zip", "no Procfile"] {
        let line = |line: &str| line.starts_with("[ERROR] ") && line.contains(told);
        assert!(engine.lines().any(line), "{told} is not in:\n{engine}");
    }
    assert_eq!(get(plane.address(&desired.id).unwrap(), "/").await.0, 503);
    desired.deployment.id = 9;
    desired.deployment.bundle = Some(application(folder.path(), "one"));
    plane.apply(std::slice::from_ref(&desired), now());
    until(&plane, &desired.id, |sample| in_service(sample) == 1).await;
    plane.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_run_beside_the_web_process_and_get_their_own_port() {
    let folder = tempfile::tempdir().unwrap();
    let plane = plane(folder.path());
    let text = APPLICATION.replace("VERSION", "one");
    let files = [
        (
            "Procfile",
            "worker: echo worker at $PORT; exec sleep 1000\nweb: exec python3 server.py\n",
        ),
        ("server.py", &text),
    ];
    let desired = environment(Some(bundle(folder.path(), "both", &files)), 1);
    plane.apply(std::slice::from_ref(&desired), now());
    until(&plane, &desired.id, |sample| in_service(sample) == 1).await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let logs = plane.logs(&desired.id);
        let [(_, log)] = &logs[..] else { panic!("{logs:?}") };
        let has = |file: &str, text: &str| log.iter().any(|(name, tail)| name == file && tail.contains(text));
        if has("/var/log/web.stdout.log", "listening\n") && has("/var/log/worker.stdout.log", "worker at ") {
            break;
        }
        assert!(Instant::now() < deadline, "{log:?}");
        sleep(Duration::from_millis(20)).await;
    }
    plane.apply(&[], now());
    until_gone(&plane, &desired.id).await;
    let left = std::fs::read_dir(folder.path().join("data/live")).unwrap().count();
    assert_eq!(left, 0, "the environment's folder was left behind");
}

/// The cloud, as far as the keeper can see: holds its standard input, and is killed without a chance to say anything.
#[tokio::test]
async fn no_process_outlives_a_cloud_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    // Ignores polite requests, and has a child that has left its group and session and a grandchild without parent.
    let application = r#"
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pids = [os.getpid()]
pids.append(subprocess.Popen(["sleep", "1000"], start_new_session=True).pid)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open("daemon", "w").write(str(os.getpid()))
        time.sleep(1000)
    os._exit(0)
os.wait()
while not os.path.exists("daemon") or not open("daemon").read():
    time.sleep(0.01)
pids.append(int(open("daemon").read()))
open("pids.new", "w").write(" ".join(map(str, pids)))
os.rename("pids.new", "pids")
time.sleep(1000)
"#;
    std::fs::write(folder.path().join("application.py"), application).unwrap();
    let parent = r#"
import subprocess, sys, time
keeper = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
print(keeper.pid, flush=True)
time.sleep(1000)
"#;
    let mut cloud = Command::new("python3")
        .args(["-c", parent, env!("CARGO_BIN_EXE_cutover"), "keep", "--log", "log"])
        .args(["--grace-ms", "300", "--", "/bin/sh", "-c", "python3 application.py"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(cloud.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let keeper: i32 = line.trim().parse().unwrap();
    let deadline = Instant::now() + PATIENCE;
    let text = loop {
        if let Ok(text) = std::fs::read_to_string(folder.path().join("pids")) {
            break text;
        }
        let log = std::fs::read_to_string(folder.path().join("log"));
        assert!(Instant::now() < deadline, "the application did not start: {log:?}");
        sleep(Duration::from_millis(20)).await;
    };
    let mut pids: Vec<i32> = text.split(' ').map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(pids.len(), 3);
    pids.push(keeper);
    assert!(pids.iter().all(|pid| runs(*pid)));
    cloud.kill().unwrap();
    cloud.wait().unwrap();
    until_dead(&pids).await;
}

#[test]
fn a_keeper_tells_what_it_cannot_start() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_cutover"))
            .arg("keep")
            .args(words)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let told = run(&["--log", "log", "--grace-ms", "1", "--", "./nothing-here"]);
    assert!(
        told.starts_with(r#"{"event":"failed""#) && told.contains("cannot start ./nothing-here"),
        "{told}"
    );
    let told = run(&["--log", "no/such/folder/log", "--grace-ms", "1", "--", "true"]);
    assert!(told.contains("cannot write the log"), "{told}");
}
