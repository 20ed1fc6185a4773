//! The local cloud's second door: AWS clients that call it in this process, without a socket.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};

use crate::aws::InProcess;
use crate::local::door::{Body, BoxError, Door};

/// Leads the AWS clients to a local cloud's door.
pub struct InProcessCloud(Arc<Door>);

impl InProcessCloud {
    /// To this door.
    #[must_use]
    pub fn new(door: Arc<Door>) -> Self {
        Self(door)
    }
}

#[async_trait::async_trait]
impl InProcess for InProcessCloud {
    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let request = request.map(|body| Body::new(Full::new(body).map_err(|never| -> BoxError { match never {} })));
        let (head, body) = self.0.handle(request).await.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}
