//! The way to AWS: through the proxy that the environment names, or straight.

use std::net::IpAddr;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use url::{Host, Url};

/// A client that goes by `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, as every other tool for AWS does; but to this
/// machine, and to the addresses where machines and containers of AWS ask for their credentials, it goes straight, whatever they
/// say: no proxy can reach those.
pub(super) fn over_the_network() -> SharedHttpClient {
    let client = |proxy: fn() -> ProxyConfig| {
        Builder::new().build_with_connector_fn(move |settings, components| {
            let mut connector = ConnectorBuilder::default()
                .tls_provider(Provider::Rustls(CryptoMode::Ring))
                .proxy_config(proxy());
            connector.set_connector_settings(settings.cloned());
            if let Some(components) = components {
                connector.set_sleep_impl(components.sleep_impl());
            }
            connector.build()
        })
    };
    SharedHttpClient::new(Ways {
        straight: client(ProxyConfig::disabled),
        by_proxy: client(ProxyConfig::from_env),
    })
}

#[derive(Clone, Debug)]
struct Ways<T> {
    straight: T,
    by_proxy: T,
}

impl HttpClient for Ways<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Ways {
            straight: self.straight.http_connector(settings, components),
            by_proxy: self.by_proxy.http_connector(settings, components),
        })
    }
}

impl HttpConnector for Ways<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if is_near(request.uri()) {
            self.straight.call(request)
        } else {
            self.by_proxy.call(request)
        }
    }
}

/// Whether an address is this machine, or one that is there for this machine alone.
fn is_near(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let is_near = |address: IpAddr| match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_link_local(),
        // Instance metadata by IPv6 (source: "Access instance metadata for an EC2 instance" of the EC2 User Guide), and that of
        // pods (EKS Pod Identity).
        IpAddr::V6(address) => address.is_loopback() || address.segments()[..2] == [0xfd00, 0xec2],
    };
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => is_near(address.into()),
        Some(Host::Ipv6(address)) => is_near(address.into()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_never_asked_by_a_proxy() {
        for near in [
            "http://127.0.0.1:4566/",
            "http://localhost:4566/?x=1",
            "http://bucket.localhost/",
            "http://[::1]:80/",
            "http://169.254.169.254/latest/api/token",
            "http://169.254.170.2/v2/credentials/x",
            "http://[fd00:ec2::254]/latest",
        ] {
            assert!(is_near(near), "{near}");
        }
        for far in [
            "https://sts.eu-central-1.amazonaws.com/",
            "https://10.0.0.7/",
            "http://localhost.example/",
            "https://[fd00:ec3::1]/",
        ] {
            assert!(!is_near(far), "{far}");
        }
    }
}
