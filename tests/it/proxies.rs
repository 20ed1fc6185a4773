//! Proxies that the environment names: AWS is reached through them, as by every other tool for AWS, and this machine is not.

use crate::support::{Cloud, MOMENT, Project};

const FAILED: i32 = 1;

#[tokio::test(flavor = "multi_thread")]
async fn aws_is_reached_through_a_proxy_and_this_machine_never_is() {
    let cloud = Cloud::start().await;
    let mut project = Project::new(&cloud, "shop").await;
    let identity = ["iam-policy", "--ask", "--duty", "read"];
    // A name that only the proxy can resolve, and that the cloud takes for one of its own.
    let here = project
        .variables
        .insert("AWS_ENDPOINT_URL", "http://nowhere.amazonaws.com:4566".to_owned());
    project.variables.insert("HTTP_PROXY", cloud.local.endpoint());
    let asked = project.start(&identity).end(MOMENT).await.with(0);
    assert!(asked.stdout.contains(":123456789012:"), "{}", asked.stdout);
    // Exempt from it, the name leads nowhere.
    project.variables.insert("NO_PROXY", "nowhere.amazonaws.com".to_owned());
    let lost = project.start(&identity).end(MOMENT).await.with(FAILED);
    lost.saying(&["could not be reached", "NO_PROXY"]);
    // No proxy can reach this machine, and so none is asked to.
    project.variables.remove("NO_PROXY");
    project.variables.insert("HTTP_PROXY", "http://127.0.0.1:1".to_owned());
    project.variables.insert("AWS_ENDPOINT_URL", here.unwrap());
    project.start(&identity).end(MOMENT).await.with(0);
    cloud.end().await;
}
