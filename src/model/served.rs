//! What an environment or an instance served in one window of time.

use serde::{Deserialize, Serialize};

use super::{Latency, RequestCounts};

/// Requests of one window, as far as they are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Served {
    /// All of them.
    pub requests: u64,
    /// The same by class of their status code; `None` if that is not told, or cannot be true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<RequestCounts>,
    /// How long they took; `None` if that is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
}

impl Served {
    /// So many, all answered with 2xx.
    #[must_use]
    pub fn well(requests: u64) -> Self {
        Self {
            requests,
            classes: Some(RequestCounts {
                status_2xx: requests,
                ..RequestCounts::default()
            }),
            latency: None,
        }
    }

    /// From what Elastic Beanstalk tells of `requests` and their classes.
    ///
    /// Its reference calls the classes percentages, and what it sends are counts (`ApplicationMetrics` and `StatusCodes` of the API,
    /// 2010-12-01; the recorded answers in the AWS CLI's examples). Both are understood: counts add up to the requests, percentages to
    /// a hundred. Anything else says nothing of classes.
    #[must_use]
    pub fn told(requests: u64, classes: RequestCounts, latency: Option<Latency>) -> Self {
        let percent = |share: u64| (requests * share + 50) / 100;
        let classes = match classes.total() {
            total if total == requests => Some(classes),
            // Each is rounded by itself.
            98..=102 => {
                let mut counts = RequestCounts {
                    status_2xx: 0,
                    status_3xx: percent(classes.status_3xx),
                    status_4xx: percent(classes.status_4xx),
                    status_5xx: percent(classes.status_5xx),
                };
                counts.status_2xx = requests.saturating_sub(counts.total());
                (counts.total() == requests).then_some(counts)
            }
            _ => None,
        };
        Self {
            requests,
            classes,
            latency,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(of: [u64; 4]) -> RequestCounts {
        let [status_2xx, status_3xx, status_4xx, status_5xx] = of;
        RequestCounts {
            status_2xx,
            status_3xx,
            status_4xx,
            status_5xx,
        }
    }

    #[test]
    fn counts_and_percentages_are_told_apart() {
        let told = |requests, of| Served::told(requests, classes(of), None).classes;
        assert_eq!(told(48, [47, 0, 1, 0]), Some(classes([47, 0, 1, 0])));
        assert_eq!(told(0, [0; 4]), Some(classes([0; 4])));
        assert_eq!(
            told(100, [90, 0, 0, 10]),
            Some(classes([90, 0, 0, 10])),
            "it is the same"
        );
        assert_eq!(told(5000, [98, 0, 1, 1]), Some(classes([4900, 0, 50, 50])));
        assert_eq!(told(5000, [98, 0, 2, 1]), Some(classes([4850, 0, 100, 50])), "rounded");
        assert_eq!(told(7, [50, 0, 0, 50]), Some(classes([3, 0, 0, 4])));
    }

    #[test]
    fn what_does_not_add_up_says_nothing_of_classes() {
        for (requests, of) in [(48, [40, 0, 1, 0]), (48, [0; 4]), (3, [0, 0, 0, 9])] {
            let served = Served::told(requests, classes(of), None);
            assert_eq!((served.requests, served.classes), (requests, None), "{of:?}");
        }
    }
}
