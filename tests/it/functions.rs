//! Functions of the local cloud as real processes: none outlives the cloud, and none is left behind by an update.

use std::io::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};

use super::support::{Cloud, MOMENT, until};

/// Answers each event with its process id; knows nothing but the Runtime API.
const BOOTSTRAP: &str = r#"#!/usr/bin/env python3
import json, os, signal, subprocess, time, urllib.request
base = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
while True:
    with urllib.request.urlopen(base + "next") as answer:
        event, id = json.load(answer), answer.headers["Lambda-Runtime-Aws-Request-Id"]
    time.sleep(event.get("sleep", 0))
    body = json.dumps({"pid": os.getpid(), "child": child.pid}).encode()
    urllib.request.urlopen(urllib.request.Request(base + id + "/response", body, method="POST")).read()
"#;

fn package() -> String {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().unix_permissions(0o755);
    archive.start_file("bootstrap", options).unwrap();
    archive.write_all(BOOTSTRAP.as_bytes()).unwrap();
    STANDARD.encode(archive.finish().unwrap().into_inner())
}

struct Functions {
    http: reqwest::Client,
    base: String,
}

impl Functions {
    async fn new(cloud: &Cloud) -> Self {
        // The program's own clients choose their TLS provider; here there is none to choose.
        let _chosen = rustls::crypto::ring::default_provider().install_default();
        let functions = Self {
            http: reqwest::Client::new(),
            base: format!("{}/2015-03-31/functions", cloud.local.endpoint()),
        };
        let creation = json!({
            "FunctionName": "sleeper",
            "Runtime": "provided.al2023",
            "Handler": "bootstrap",
            "Role": "arn:aws:iam::123456789012:role/function",
            "Timeout": 30,
            "Code": { "ZipFile": package() },
        });
        let made = functions
            .http
            .post(&functions.base)
            .body(creation.to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(made.status(), 201, "{}", made.text().await.unwrap());
        functions.settled().await;
        functions
    }

    async fn settled(&self) {
        let address = format!("{}/sleeper/configuration", self.base);
        until("the function to be active", MOMENT, || async {
            let shown = self.http.get(&address).send().await.unwrap().text().await.unwrap();
            let shown: Value = serde_json::from_str(&shown).unwrap();
            (shown["State"] == "Active" && shown["LastUpdateStatus"] == "Successful").then_some(())
        })
        .await;
    }

    async fn invoke(&self, event: Value) -> Value {
        let address = format!("{}/sleeper/invocations", self.base);
        let answer = self.http.post(address).body(event.to_string()).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }
}

fn pid(answer: &Value, name: &str) -> Pid {
    let number = answer[name].as_i64().unwrap_or_else(|| panic!("no {name} in {answer}"));
    Pid::from_raw(i32::try_from(number).unwrap()).unwrap()
}

async fn gone(pid: Pid) {
    until("a process to be gone", MOMENT, || async {
        test_kill_process(pid).is_err().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_end_with_their_code_and_with_the_cloud() {
    let cloud = Cloud::start().await;
    let functions = Functions::new(&cloud).await;
    let old = functions.invoke(json!({})).await;
    assert_eq!(
        functions.invoke(json!({})).await["pid"],
        old["pid"],
        "a warm process is used again"
    );
    let address = format!("{}/sleeper/configuration", functions.base);
    functions
        .http
        .put(address)
        .body(r#"{"Timeout": 20}"#)
        .send()
        .await
        .unwrap();
    functions.settled().await;
    for name in ["pid", "child"] {
        gone(pid(&old, name)).await;
    }
    let new = functions.invoke(json!({})).await;
    assert_ne!(new["pid"], old["pid"]);
    // Two at once are two processes: the one that is known works, and another one is started. Which of the two gets which
    // event nobody knows; they are at once for as long as the second needs to start.
    let two = || async {
        let long = json!({ "sleep": 3 });
        let (one, two) = tokio::join!(functions.invoke(long.clone()), functions.invoke(long.clone()));
        (one["pid"] != two["pid"]).then(|| if one["pid"] == new["pid"] { two } else { one })
    };
    let other = until("a second process", MOMENT, two).await;
    // The cloud ends while one of them works.
    let busy = functions.invoke(json!({ "sleep": 15 }));
    tokio::select! {
        answer = busy => panic!("it works for longer: {answer}"),
        () = tokio::time::sleep(Duration::from_millis(500)) => {}
    }
    for name in ["pid", "child"] {
        for answer in [&new, &other] {
            assert!(
                test_kill_process(pid(answer, name)).is_ok(),
                "{name} is at work until the cloud ends"
            );
        }
    }
    cloud.end().await;
    for answer in [&new, &other] {
        for name in ["pid", "child"] {
            assert!(
                test_kill_process(pid(answer, name)).is_err(),
                "{name} outlived the cloud"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_is_told_and_replaced() {
    let cloud = Cloud::start().await;
    let functions = Functions::new(&cloud).await;
    let first = functions.invoke(json!({})).await;
    let kill = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        kill_process(pid(&first, "pid"), Signal::KILL).unwrap();
    };
    let (died, ()) = tokio::join!(functions.invoke(json!({ "sleep": 20 })), kill);
    assert_eq!(died["errorType"], "Runtime.ExitError");
    assert!(
        died["errorMessage"].as_str().unwrap().ends_with("signal: killed"),
        "{died}"
    );
    gone(pid(&first, "child")).await;
    // Killed while it waits, it is replaced without anybody noticing.
    let second = functions.invoke(json!({})).await;
    kill_process(pid(&second, "pid"), Signal::KILL).unwrap();
    gone(pid(&second, "child")).await;
    let third = functions.invoke(json!({})).await;
    assert!(third["pid"].is_i64() && third["pid"] != second["pid"], "{third}");
    cloud.end().await;
}
