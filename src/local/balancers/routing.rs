//! What a listener does with a request: conditions, actions, and the choice among weighted target groups.
//!
//! Both data planes go by this, so that they cannot disagree.

use serde::{Deserialize, Serialize};

use super::arn::TargetGroupArn;
use super::pattern::{fits, fits_in_any_case};

/// A rule of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// All must be met. The default rule has none.
    pub conditions: Vec<Condition>,
    /// What is then done.
    pub action: Action,
}

/// A condition. It is met when one of its values fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// Patterns for the name in the `Host` header, in any letters.
    HostHeader(Vec<String>),
    /// Patterns for the path without the query.
    PathPattern(Vec<String>),
    /// Patterns for the values of a header, in any letters.
    HttpHeader {
        /// Its name.
        name: String,
        /// The patterns.
        values: Vec<String>,
    },
    /// Patterns for keys and values of the query, in any letters; without a key, any will do.
    QueryString(Vec<(Option<String>, String)>),
    /// Methods.
    HttpRequestMethod(Vec<String>),
}

/// What is done with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// It goes to one of some target groups.
    Forward(Forward),
    /// The load balancer answers it.
    FixedResponse(FixedResponse),
    /// The client is sent elsewhere.
    Redirect(Redirect),
}

/// Target groups with weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// The groups, five at most.
    pub groups: Vec<WeightedGroup>,
    /// Whether clients stay with the group they were given first.
    pub stickiness: Stickiness,
}

/// A target group in a forward action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightedGroup {
    /// The group.
    pub arn: TargetGroupArn,
    /// 0 to 999; its share is this divided by the sum of all.
    pub weight: u16,
}

/// Target group stickiness of a forward action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stickiness {
    /// Whether there is any.
    pub enabled: bool,
    /// For so many seconds of AWS's, 1 to 604800.
    pub duration_seconds: Option<u32>,
}

/// An answer of the load balancer's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedResponse {
    /// The status: 2xx, 4xx or 5xx.
    pub status: u16,
    /// Its content type.
    pub content_type: Option<String>,
    /// Its body.
    pub body: Option<String>,
}

/// Where a client is sent. Each text may hold `#{protocol}`, `#{host}`, `#{port}`, `#{path}` and `#{query}` of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// `HTTP`, `HTTPS` or `#{protocol}`.
    pub protocol: String,
    /// The host.
    pub host: String,
    /// The port.
    pub port: String,
    /// The path, which begins with a slash.
    pub path: String,
    /// The query without its question mark.
    pub query: String,
    /// 301 or 302.
    pub status: u16,
}

/// What conditions look at.
pub struct Asked<'a> {
    /// The name in the `Host` header, without the port.
    pub host: &'a str,
    /// The path.
    pub path: &'a str,
    /// The query, as it was sent.
    pub query: &'a str,
    /// The method.
    pub method: &'a str,
    /// All values of a header.
    pub header: &'a dyn Fn(&str) -> Vec<&'a str>,
}

impl<'a> Asked<'a> {
    /// A request of which nothing but host and path matters.
    #[must_use]
    pub fn plainly(host: &'a str, path: &'a str) -> Self {
        Self {
            host,
            path,
            query: "",
            method: "GET",
            header: &|_| Vec::new(),
        }
    }
}

impl Condition {
    /// Whether a request meets it.
    #[must_use]
    pub fn is_met(&self, asked: &Asked<'_>) -> bool {
        match self {
            Self::HostHeader(patterns) => patterns.iter().any(|pattern| fits_in_any_case(pattern, asked.host)),
            Self::PathPattern(patterns) => patterns.iter().any(|pattern| fits(pattern, asked.path)),
            Self::HttpHeader { name, values } => (asked.header)(name)
                .into_iter()
                .any(|sent| values.iter().any(|pattern| fits_in_any_case(pattern, sent))),
            Self::QueryString(pairs) => {
                let sent = || {
                    asked.query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
                        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                        (key, value)
                    })
                };
                pairs.iter().any(|(wanted, pattern)| {
                    sent().any(|(key, value)| {
                        wanted.as_ref().is_none_or(|wanted| fits_in_any_case(wanted, key))
                            && fits_in_any_case(pattern, value)
                    })
                })
            }
            Self::HttpRequestMethod(methods) => methods.iter().any(|method| method == asked.method),
        }
    }
}

/// The action of the first rule whose conditions are all met. Rules come in the order of their priority, the default last.
#[must_use]
pub fn route<'a>(rules: &'a [Rule], asked: &Asked<'_>) -> Option<&'a Action> {
    rules
        .iter()
        .find(|rule| rule.conditions.iter().all(|condition| condition.is_met(asked)))
        .map(|rule| &rule.action)
}

impl Forward {
    /// The sum of all weights.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.groups.iter().map(|group| u32::from(group.weight)).sum()
    }

    /// The group of a client that has none yet, by a number that is drawn; `None` where all weights are zero. Health has no
    /// say in it: what goes to a group without a healthy target is lost.
    #[must_use]
    pub fn choose(&self, drawn: u64) -> Option<&TargetGroupArn> {
        let total = u64::from(self.total());
        let mut left = drawn.checked_rem(total)?;
        for group in &self.groups {
            let weight = u64::from(group.weight);
            if left < weight {
                return Some(&group.arn);
            }
            left -= weight;
        }
        None
    }

    /// Whether a group is one of them, whatever its weight.
    #[must_use]
    pub fn has(&self, arn: &TargetGroupArn) -> bool {
        self.groups.iter().any(|group| group.arn == *arn)
    }
}

impl Redirect {
    /// The address for the header `Location`. `port` is the one that the request came to.
    #[must_use]
    pub fn location(&self, asked: &Asked<'_>, port: u16) -> String {
        let path = asked.path.strip_prefix('/').unwrap_or(asked.path);
        let fill = |text: &str| {
            text.replace("#{protocol}", "http")
                .replace("#{host}", asked.host)
                .replace("#{port}", &port.to_string())
                .replace("#{path}", path)
                .replace("#{query}", asked.query)
        };
        let protocol = fill(&self.protocol).to_ascii_lowercase();
        let query = fill(&self.query);
        let mark = if query.is_empty() { "" } else { "?" };
        format!(
            "{protocol}://{}:{}{}{mark}{query}",
            fill(&self.host),
            fill(&self.port),
            fill(&self.path)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forward(weights: &[u16]) -> Forward {
        let groups = weights.iter().enumerate().map(|(number, weight)| WeightedGroup {
            arn: TargetGroupArn::new(number.to_string()),
            weight: *weight,
        });
        Forward {
            groups: groups.collect(),
            stickiness: Stickiness::default(),
        }
    }

    #[test]
    fn each_group_is_chosen_as_often_as_its_weight_says() {
        let forward = forward(&[1, 0, 3]);
        let mut counts = [0; 3];
        for drawn in 0..400 {
            let chosen: usize = forward.choose(drawn).unwrap().as_str().parse().unwrap();
            counts[chosen] += 1;
        }
        assert_eq!(counts, [100, 0, 300]);
        assert_eq!(super::tests::forward(&[0, 0]).choose(7), None);
        assert!(forward.has(&TargetGroupArn::new("1")));
    }

    #[test]
    fn the_first_rule_whose_conditions_are_all_met_counts() {
        let fixed = |status| {
            Action::FixedResponse(FixedResponse {
                status,
                content_type: None,
                body: None,
            })
        };
        let rule = |conditions: Vec<Condition>, status| Rule {
            conditions,
            action: fixed(status),
        };
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let rules = [
            rule(
                vec![
                    Condition::HostHeader(texts(&["*.example.com"])),
                    Condition::PathPattern(texts(&["/api/*", "/rpc"])),
                ],
                201,
            ),
            rule(
                vec![Condition::HttpHeader {
                    name: "x-test".to_owned(),
                    values: texts(&["GREEN*"]),
                }],
                202,
            ),
            rule(
                vec![Condition::QueryString(vec![
                    (Some("Version".to_owned()), "v?".to_owned()),
                    (None, "any".to_owned()),
                ])],
                203,
            ),
            rule(vec![Condition::HttpRequestMethod(texts(&["PURGE"]))], 204),
            rule(Vec::new(), 200),
        ];
        let status = |asked: &Asked<'_>| match route(&rules, asked) {
            Some(Action::FixedResponse(fixed)) => fixed.status,
            other => panic!("{other:?}"),
        };
        assert_eq!(status(&Asked::plainly("WWW.example.com", "/api/1")), 201);
        assert_eq!(status(&Asked::plainly("www.example.com", "/API/1")), 200);
        assert_eq!(status(&Asked::plainly("example.com", "/rpc")), 200);
        let green = |name: &str| if name == "x-test" { vec!["green-1"] } else { Vec::new() };
        let headed = Asked {
            header: &green,
            ..Asked::plainly("a", "/")
        };
        assert_eq!(status(&headed), 202);
        for (query, wanted) in [("version=V2", 203), ("version=v10", 200), ("x=y&z=any", 203)] {
            let asked = Asked {
                query,
                ..Asked::plainly("a", "/")
            };
            assert_eq!(status(&asked), wanted, "{query}");
        }
        let purge = Asked {
            method: "PURGE",
            ..Asked::plainly("a", "/")
        };
        assert_eq!(status(&purge), 204);
    }

    #[test]
    fn a_redirect_keeps_what_it_does_not_name() {
        let redirect = Redirect {
            protocol: "HTTPS".to_owned(),
            host: "#{host}".to_owned(),
            port: "443".to_owned(),
            path: "/#{path}".to_owned(),
            query: "#{query}".to_owned(),
            status: 301,
        };
        let asked = Asked {
            query: "a=b",
            ..Asked::plainly("shop.example", "/x/y")
        };
        assert_eq!(redirect.location(&asked, 80), "https://shop.example:443/x/y?a=b");
    }
}
