//! Finds the bucket in a host name (virtual-hosted-style requests).

use s3s::S3Result;
use s3s::host::{S3Host, VirtualHost};

/// Ends of the names under which S3 is reached: on this machine, and in AWS when a client is led here in process.
const DOMAINS: [&str; 3] = ["localhost", "amazonaws.com", "amazonaws.com.cn"];

/// Knows `bucket.localhost`, `bucket.s3.localhost`, `bucket.s3.region.localhost` and the same below `amazonaws.com`.
#[derive(Debug)]
pub(super) struct Hosts;

impl S3Host for Hosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let (bucket, region) = split(host);
        let mut found = VirtualHost::new(host);
        if let Some(bucket) = bucket {
            // Host names do not tell capitals from small letters, and names of buckets have none.
            found = found.with_bucket(bucket.to_ascii_lowercase());
        }
        if let Some(region) = region {
            found = found.with_region(region);
        }
        Ok(found)
    }
}

/// The bucket that a host name says.
pub(super) fn bucket_in_host(host: &str) -> Option<String> {
    Some(split(host).0?.to_ascii_lowercase())
}

/// The bucket and the region that a host name says.
fn split(host: &str) -> (Option<&str>, Option<&str>) {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = name.strip_suffix('.').unwrap_or(name);
    let Some((domain, rest)) = DOMAINS.iter().find_map(|domain| {
        let rest = name.strip_suffix(domain)?;
        Some((domain, rest.strip_suffix('.')?))
    }) else {
        return (None, None);
    };
    // `s3` stands last or before the region; further left it is part of a bucket's name.
    let labels: Vec<&str> = rest.split('.').collect();
    let service = (0..labels.len())
        .rev()
        .take(2)
        .find(|index| labels.get(*index).is_some_and(|label| *label == "s3"));
    match service {
        Some(index) => {
            let length = labels.iter().take(index).map(|label| label.len() + 1).sum::<usize>();
            let bucket = rest.get(..length.saturating_sub(1)).filter(|bucket| !bucket.is_empty());
            (bucket, labels.get(index + 1).copied())
        }
        None if *domain == "localhost" => (Some(rest), None),
        None => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_and_regions_are_found_in_host_names() {
        for (host, bucket, region) in [
            ("localhost:4566", None, None),
            ("s3.localhost:4566", None, None),
            ("s3.eu-central-1.localhost", None, Some("eu-central-1")),
            ("shop.localhost:4566", Some("shop"), None),
            ("my.shop.localhost", Some("my.shop"), None),
            ("shop.s3.localhost", Some("shop"), None),
            (
                "s3.shop.s3.eu-central-1.localhost:1",
                Some("s3.shop"),
                Some("eu-central-1"),
            ),
            ("shop.s3.eu-central-1.amazonaws.com", Some("shop"), Some("eu-central-1")),
            ("s3.amazonaws.com", None, None),
            ("shop.s3.amazonaws.com.", Some("shop"), None),
            ("shop.s3.cn-north-1.amazonaws.com.cn", Some("shop"), Some("cn-north-1")),
            ("example.com", None, None),
        ] {
            assert_eq!(split(host), (bucket, region), "{host}");
        }
    }
}
