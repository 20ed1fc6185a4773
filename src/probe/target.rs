//! Where checks are sent.

use url::Url;

/// Where a round of checks goes: to the public address, or to one environment itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    url: Url,
    /// The name in the certificate of an environment that users reach by https.
    certificate: Option<String>,
}

impl Target {
    /// An address that is asked as it stands. `None` when it is not a URL.
    pub fn public(url: &str) -> Option<Self> {
        Some(Self {
            url: Url::parse(url).ok()?,
            certificate: None,
        })
    }

    /// An environment's own balancer or instance, asked by http, which all of them answer.
    ///
    /// Where users come by https (`public_url`) it may answer nothing but where https is, as a listener of a balancer or an
    /// application does that forces it. Then the same address is asked by https, and its certificate must be for the public name:
    /// no certificate authority gives one for an address of AWS. Without `public_url` it is asked by http alone.
    pub fn environment(endpoint: &str, public_url: Option<&str>) -> Option<Self> {
        let users = public_url.and_then(|url| Url::parse(url).ok());
        let users = users.filter(|url| url.scheme() == "https");
        Some(Self {
            url: Url::parse(&format!("http://{endpoint}/")).ok()?,
            certificate: users.and_then(|url| url.domain().map(str::to_owned)),
        })
    }

    /// Its address: only scheme, host and port count.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// The URL by which to ask `asked` again by https, when the answer led to `location`: to the same host and page, no other one.
    ///
    /// `host` is what the request called it. A way to another host would leave the environment: the public name may lead to blue.
    pub(super) fn secured(&self, asked: &Url, host: &str, location: &Url) -> Option<Url> {
        let certificate = self.certificate.as_ref()?;
        let named = Url::parse(&format!("http://{host}/")).ok()?;
        let query = |url: &Url| url.query().unwrap_or_default().to_owned();
        let same_page = location.path() == asked.path() && query(location) == query(asked);
        if location.scheme() != "https" || location.host() != named.host() || !same_page {
            return None;
        }
        let mut secured = location.clone();
        secured.set_host(Some(certificate)).ok()?;
        Some(secured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn led(public_url: &str, host: &str, location: &str) -> Option<String> {
        let target = Target::environment("green.elb.example.com", Some(public_url)).unwrap();
        let asked = Url::parse("http://green.elb.example.com/health?deep=1").unwrap();
        let location = Url::parse(location).unwrap();
        Some(target.secured(&asked, host, &location)?.to_string())
    }

    #[test]
    fn https_of_the_same_host_and_page_is_asked_with_the_public_name_of_its_certificate() {
        let public = "https://www.example.com";
        let itself = "green.elb.example.com";
        let to = |location: &str| led(public, itself, location);
        assert_eq!(
            to("https://green.elb.example.com:443/health?deep=1").unwrap(),
            "https://www.example.com/health?deep=1"
        );
        assert_eq!(
            led(public, "www.example.com", "https://www.example.com:8443/health?deep=1").unwrap(),
            "https://www.example.com:8443/health?deep=1"
        );
        for elsewhere in [
            // The public name may lead to blue.
            "https://www.example.com/health?deep=1",
            // Another page is an answer of its own, such as a login.
            "https://green.elb.example.com/login",
            "https://green.elb.example.com/health",
            "http://green.elb.example.com/health?deep=1",
        ] {
            assert_eq!(to(elsewhere), None, "{elsewhere}");
        }
        let alone = Target::environment(itself, None).unwrap();
        let location = Url::parse("https://green.elb.example.com/").unwrap();
        assert_eq!(alone.secured(alone.url(), itself, &location), None);
        // Where users come by http, nothing tells whose the certificate is.
        assert_eq!(
            led(
                "http://www.example.com",
                itself,
                "https://green.elb.example.com/health?deep=1"
            ),
            None
        );
        assert_eq!(
            led(
                "https://192.0.2.1",
                itself,
                "https://green.elb.example.com/health?deep=1"
            ),
            None
        );
    }

    #[test]
    fn an_empty_query_is_none() {
        let target = Target::environment("192.0.2.7", Some("https://www.example.com")).unwrap();
        let location = Url::parse("https://192.0.2.7:443/?").unwrap();
        let secured = target.secured(target.url(), "192.0.2.7", &location).unwrap();
        assert_eq!(secured.as_str(), "https://www.example.com/?");
    }

    #[test]
    fn an_address_is_asked_as_it_stands() {
        let target = Target::public("https://www.example.com:8443/").unwrap();
        assert_eq!(target.url().as_str(), "https://www.example.com:8443/");
        let location = Url::parse("https://www.example.com/").unwrap();
        assert_eq!(target.secured(target.url(), "www.example.com", &location), None);
        assert_eq!(Target::public("not a URL"), None);
    }
}
