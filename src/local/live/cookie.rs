//! Target group stickiness: the cookie by which a client stays with the group it was given.

use std::time::Duration;

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue, SET_COOKIE};
use sha2::{Digest as _, Sha256};

use crate::local::balancers::TargetGroupArn;
use crate::local::balancers::routing::Forward;

const NAME: &str = "AWSALBTG";
/// The same for requests across origins.
const NAME_CORS: &str = "AWSALBTGCORS";

/// What the cookie says: which group, without telling its name.
fn value_of(group: &TargetGroupArn) -> String {
    let digest = Sha256::digest(group.as_str());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The group that a client was given, if it is still in the action, whatever its weight.
pub(super) fn group_of<'a>(headers: &HeaderMap, forward: &'a Forward) -> Option<&'a TargetGroupArn> {
    let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = texts.flat_map(|text| text.split(';'));
    let mut held = pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| matches!(*name, NAME | NAME_CORS))
        .map(|(_, value)| value);
    held.find_map(|value| {
        let mut groups = forward.groups.iter().map(|group| &group.arn);
        groups.find(|group| value_of(group) == value)
    })
}

/// Tells the client to stay with the group, for so long from now on.
pub(super) fn set(headers: &mut HeaderMap, group: &TargetGroupArn, length: Duration) {
    let value = value_of(group);
    let seconds = length.as_millis().div_ceil(1000).max(1);
    for text in [
        format!("{NAME}={value}; Max-Age={seconds}; Path=/"),
        format!("{NAME_CORS}={value}; Max-Age={seconds}; Path=/; SameSite=None"),
    ] {
        if let Ok(text) = HeaderValue::try_from(text) {
            headers.append(SET_COOKIE, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::balancers::routing::{Stickiness, WeightedGroup};

    #[test]
    fn a_cookie_counts_while_its_group_is_in_the_action() {
        let (blue, green) = (TargetGroupArn::new("blue"), TargetGroupArn::new("green"));
        let forward = |groups: &[(&TargetGroupArn, u16)]| Forward {
            groups: groups
                .iter()
                .map(|(arn, weight)| WeightedGroup {
                    arn: (*arn).clone(),
                    weight: *weight,
                })
                .collect(),
            stickiness: Stickiness::default(),
        };
        let mut answer = HeaderMap::new();
        set(&mut answer, &blue, Duration::from_millis(1500));
        let set: Vec<_> = answer.get_all(SET_COOKIE).iter().map(|v| v.to_str().unwrap()).collect();
        assert!(
            set[0].starts_with("AWSALBTG=") && set[0].contains("Max-Age=2"),
            "{set:?}"
        );
        assert!(set[1].starts_with("AWSALBTGCORS="), "{set:?}");
        for text in set {
            let pair = text.split(';').next().unwrap();
            let mut headers = HeaderMap::new();
            headers.append(COOKIE, HeaderValue::from_static("a=b"));
            headers.append(COOKIE, HeaderValue::try_from(format!("session=x; {pair}")).unwrap());
            assert_eq!(group_of(&headers, &forward(&[(&green, 1), (&blue, 0)])), Some(&blue));
            assert_eq!(group_of(&headers, &forward(&[(&green, 1)])), None);
        }
        assert_eq!(group_of(&HeaderMap::new(), &forward(&[(&blue, 1)])), None);
    }
}
