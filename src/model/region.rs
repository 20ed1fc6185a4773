//! What depends on the region: partitions, and the names of environments.

/// What the names of environments end with outside of China.
const DOMAIN: &str = ".elasticbeanstalk.com";

/// The same in the regions of China (source: "Elastic Beanstalk" of "Getting Started with Amazon Web Services in China").
const DOMAIN_IN_CHINA: &str = ".eb.amazonaws.com.cn";

/// The partition that a region belongs to.
#[must_use]
pub fn partition(region: &str) -> &'static str {
    if is_in_china(region) {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

/// What the names of environments end with in a region, without it, with a dot before it.
#[must_use]
pub fn domain(region: &str) -> &'static str {
    if is_in_china(region) { DOMAIN_IN_CHINA } else { DOMAIN }
}

fn is_in_china(region: &str) -> bool {
    region.starts_with("cn-")
}

/// What stands before that in the name of an environment, in lower case: `shop.eu-west-1`. `None` if it is not the name of one.
#[must_use]
pub fn without_domain(name: &str) -> Option<&str> {
    [DOMAIN, DOMAIN_IN_CHINA]
        .iter()
        .find_map(|domain| name.strip_suffix(domain))
}

/// The region in an environment's name; old names have none.
#[must_use]
pub fn of_name(cname: &str) -> Option<&str> {
    let (_, region) = without_domain(cname)?.rsplit_once('.')?;
    Some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_tell_their_partition() {
        for (region, wanted) in [
            ("", "aws"),
            ("eu-central-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
        ] {
            assert_eq!(partition(region), wanted);
        }
    }

    #[test]
    fn a_name_tells_its_region() {
        assert_eq!(of_name("shop.eu-west-1.elasticbeanstalk.com"), Some("eu-west-1"));
        assert_eq!(
            of_name("shop-r1.eba-abc.eu-west-1.elasticbeanstalk.com"),
            Some("eu-west-1")
        );
        assert_eq!(of_name("shop.cn-north-1.eb.amazonaws.com.cn"), Some("cn-north-1"));
        assert_eq!(of_name("shop.elasticbeanstalk.com"), None);
        assert_eq!(of_name("www.example.com"), None);
        assert_eq!(domain("eu-west-1"), DOMAIN);
        assert_eq!(domain("cn-northwest-1"), DOMAIN_IN_CHINA);
    }
}
