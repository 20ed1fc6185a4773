//! TLS for probes: the machine's own root certificates and the ring provider.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use super::ProbeError;

/// The TLS settings of probes, and why there are no root certificates if there are none.
///
/// A machine without root certificates (a bare container) can still probe `http://`; there every `https://` check fails with
/// that reason, as nothing can be verified.
pub(super) fn settings() -> Result<(ClientConfig, Option<String>), ProbeError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = || {
        ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| ProbeError::Tls(error.to_string()))
    };
    match builder()?.with_platform_verifier() {
        Ok(builder) => Ok((builder.with_no_client_auth(), None)),
        Err(error) => {
            let nobody_trusted = builder()?
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth();
            Ok((nobody_trusted, Some(error.to_string())))
        }
    }
}
