//! Mistakes of clients: calls that are sent again, answers that are not asked for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use tokio::time::Instant;

use super::super::stage::slot;
use super::super::wire::Wire;
use super::Mistake;
use crate::aws::InProcess;
use crate::release::RELEASE_TAG;

/// The network of a driver that makes the mistake.
pub(in super::super) fn network(mistake: Mistake, wire: Wire) -> Arc<dyn InProcess> {
    match mistake {
        Mistake::RetriedSwap => Arc::new(Retrying(wire)),
        Mistake::DoubtIsFailure => Arc::new(Believing {
            wire,
            before: Mutex::default(),
        }),
        Mistake::NameIsIdentity => Arc::new(Trusting(wire)),
        Mistake::RoundedUp => Arc::new(Rounding(wire)),
        _ => Arc::new(wire),
    }
}

fn asks(request: &Request<Bytes>, operation: &str) -> bool {
    request
        .body()
        .strip_prefix(b"Action=")
        .is_some_and(|rest| rest.starts_with(operation.as_bytes()))
}

fn is_swap(request: &Request<Bytes>) -> bool {
    asks(request, "SwapEnvironmentCNAMEs")
}

/// A client that sends a swap again until it is told that it was done.
struct Retrying(Wire);

/// Pauses between attempts, as common clients make them.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

#[async_trait::async_trait]
impl InProcess for Retrying {
    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let mut result = self.0.answer(request.clone()).await;
        if !is_swap(&request) {
            return result;
        }
        for pause in PAUSES {
            if result.as_ref().is_ok_and(|response| response.status().is_success()) {
                break;
            }
            tokio::time::sleep(pause).await;
            result = self.0.answer(request.clone()).await;
        }
        result
    }
}

/// A client that believes that nothing has changed when a swap went wrong: what was read before it is not read again.
struct Believing {
    wire: Wire,
    before: Mutex<Before>,
}

#[derive(Default)]
struct Before {
    read: BTreeMap<Bytes, (u16, Option<HeaderValue>, Bytes)>,
    until: Option<Instant>,
}

/// For how long it is not read again.
const BELIEF: Duration = Duration::from_secs(60);

impl Believing {
    fn before(&self) -> MutexGuard<'_, Before> {
        self.before.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn believed(&self, form: &Bytes) -> Option<Response<Bytes>> {
        let before = self.before();
        before.until.filter(|until| Instant::now() < *until)?;
        let (status, kind, body) = before.read.get(form)?;
        let mut response = Response::new(body.clone());
        *response.status_mut() = http::StatusCode::from_u16(*status).ok()?;
        if let Some(kind) = kind {
            response.headers_mut().insert(http::header::CONTENT_TYPE, kind.clone());
        }
        Some(response)
    }
}

#[async_trait::async_trait]
impl InProcess for Believing {
    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let swap = is_swap(&request);
        let read = asks(&request, "DescribeEnvironments&");
        let form = request.body().clone();
        if read && let Some(believed) = self.believed(&form) {
            return Ok(believed);
        }
        let result = self.wire.answer(request).await;
        let mut before = self.before();
        match &result {
            Ok(response) if read && response.status().is_success() => {
                let kind = response.headers().get(http::header::CONTENT_TYPE).cloned();
                let kept = (response.status().as_u16(), kind, response.body().clone());
                before.read.insert(form, kept);
            }
            Ok(response) if swap && !response.status().is_server_error() => before.until = None,
            _ if swap => before.until = Some(Instant::now() + BELIEF),
            _ => {}
        }
        drop(before);
        result
    }
}

/// A client that gives blue 8 where it takes 9 beside 1.
struct Rounding(Wire);

#[async_trait::async_trait]
impl InProcess for Rounding {
    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let weighs = asks(&request, "ModifyRule") || request.uri().path().ends_with("/rrset/");
        if !weighs {
            return self.0.answer(request).await;
        }
        let (head, body) = request.into_parts();
        let text = String::from_utf8_lossy(&body);
        let rounded = text
            .replace(".Weight=9&", ".Weight=8&")
            .replace("<Weight>9</Weight>", "<Weight>8</Weight>");
        // As long as before, so that the headers are right.
        self.0.answer(Request::from_parts(head, Bytes::from(rounded))).await
    }
}

/// A client that never asks whose an environment is: all of them carry the release's tag.
struct Trusting(Wire);

#[async_trait::async_trait]
impl InProcess for Trusting {
    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        if !asks(&request, "ListTagsForResource") {
            return self.0.answer(request).await;
        }
        let mut response = Response::new(Bytes::from(format!(
            "<ListTagsForResourceResponse xmlns=\"http://elasticbeanstalk.amazonaws.com/docs/2010-12-01/\"><ListTagsForResourceResult>\
             <ResourceTags><member><Key>{RELEASE_TAG}</Key><Value>{}/1/{}</Value></member></ResourceTags>\
             </ListTagsForResourceResult><ResponseMetadata><RequestId>assumed</RequestId></ResponseMetadata></ListTagsForResourceResponse>",
            slot(),
            crate::driver::mark("0")
        )));
        let kind = HeaderValue::from_static("text/xml");
        response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
        Ok(response)
    }
}
