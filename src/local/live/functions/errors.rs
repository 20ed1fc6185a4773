//! The documents by which failures of functions are told. Their words are those of AWS.

use std::time::Duration;

use serde_json::json;

use crate::local::automation::RunEnd;

fn failed(kind: &str, message: &str) -> RunEnd {
    let document = json!({ "errorType": kind, "errorMessage": message });
    RunEnd::Failed(document.to_string().into_bytes())
}

/// The time limit has passed.
pub(super) fn timed_out(request_id: &str, limit: Duration) -> RunEnd {
    let message = format!(
        "RequestId: {request_id} Error: Task timed out after {:.2} seconds",
        limit.as_secs_f64()
    );
    failed("Sandbox.Timedout", &message)
}

/// The process ended before it answered. `how` is what its keeper told.
pub(super) fn exited(request_id: &str, how: &str) -> RunEnd {
    let reason = match how.strip_prefix("it ended with exit status ") {
        Some("0") => "Runtime exited without providing a reason".to_owned(),
        Some(status) => format!("Runtime exited with error: exit status {status}"),
        None => match how.strip_prefix("it was ended by signal ") {
            Some(number) => format!("Runtime exited with error: signal: {}", signal(number)),
            None => format!("Runtime exited with error: {how}"),
        },
    };
    failed("Runtime.ExitError", &format!("RequestId: {request_id} Error: {reason}"))
}

fn signal(number: &str) -> &str {
    match number {
        "6" => "aborted",
        "9" => "killed",
        "11" => "segmentation fault",
        "15" => "terminated",
        other => other,
    }
}

/// There is nothing that could be started.
pub(super) fn no_entry_point(request_id: &str, why: &str) -> RunEnd {
    failed(
        "Runtime.InvalidEntrypoint",
        &format!("RequestId: {request_id} Error: {why}"),
    )
}

/// The answer is longer than answers may be.
pub(super) fn too_large(length: usize, most: usize) -> RunEnd {
    let message =
        format!("Response payload size ({length} bytes) exceeded maximum allowed payload size ({most} bytes).");
    failed("Function.ResponseSizeTooLarge", &message)
}

/// It was dropped before anybody told how it has ended.
pub(super) fn abandoned(request_id: &str) -> RunEnd {
    failed(
        "Sandbox.Failure",
        &format!("RequestId: {request_id} Error: The local cloud gave the invocation up."),
    )
}

/// The cloud is ending.
pub(super) fn closed() -> RunEnd {
    failed("Sandbox.Closed", "The local cloud is ending.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(end: &RunEnd) -> String {
        match end {
            RunEnd::Failed(document) => String::from_utf8(document.clone()).unwrap(),
            RunEnd::Answered(_) => panic!("it failed"),
        }
    }

    #[test]
    fn the_end_of_a_process_is_told_as_aws_does() {
        for (how, expected) in [
            (
                "it ended with exit status 1",
                "Runtime exited with error: exit status 1",
            ),
            (
                "it ended with exit status 0",
                "Runtime exited without providing a reason",
            ),
            ("it was ended by signal 9", "Runtime exited with error: signal: killed"),
            (
                "its keeper was killed",
                "Runtime exited with error: its keeper was killed",
            ),
        ] {
            let told = text(&exited("id-1", how));
            assert!(told.contains(&format!("RequestId: id-1 Error: {expected}\"")), "{told}");
        }
        let told = text(&timed_out("id-1", Duration::from_secs(3)));
        assert!(told.contains("Task timed out after 3.00 seconds"), "{told}");
    }
}
