//! Reading actions, conditions and tags.

use super::arn::TargetGroupArn;
use super::errors;
use super::routing::{Action, Condition, FixedResponse, Forward, Redirect, Stickiness, WeightedGroup};
use super::state::Tags;
use crate::local::query::{AwsError, Parameters};

/// Target groups in one action (source: quotas).
const MOST_GROUPS: usize = 5;
/// Values of all conditions of a rule together (source: quotas).
const MOST_VALUES: usize = 5;
/// Tags of a resource (source: quotas).
const MOST_TAGS: usize = 50;
/// The heaviest weight.
const HEAVIEST: u16 = 999;
/// The longest stickiness: seven days.
const LONGEST_STICKINESS: usize = 604_800;

/// The one action in a list; `None` when the list was not given.
pub(super) fn action(parameters: &Parameters, name: &str) -> Result<Option<Action>, AwsError> {
    let actions = parameters.list(name);
    let Some(first) = actions.first() else { return Ok(None) };
    for action in &actions {
        let kind = action.text("Type").unwrap_or_default();
        if matches!(kind, "authenticate-oidc" | "authenticate-cognito" | "jwt-validation") {
            return Err(errors::not_implemented(&format!("actions of the type {kind}")));
        }
    }
    if actions.len() > 1 {
        return Err(AwsError::new(
            "TooManyActions",
            "You can specify only one action of the types forward, fixed-response and redirect in a rule",
        ));
    }
    let action = match first.required("Type")? {
        "forward" => Action::Forward(forward(first)?),
        "fixed-response" => Action::FixedResponse(fixed_response(first)?),
        "redirect" => Action::Redirect(redirect(first)?),
        other => {
            return Err(errors::validation(format!("'{other}' is not a valid action type")));
        }
    };
    Ok(Some(action))
}

fn forward(action: &Parameters) -> Result<Forward, AwsError> {
    let single = action.text("TargetGroupArn");
    let Some(config) = action.structure("ForwardConfig") else {
        let arn = single.ok_or_else(|| errors::validation("A target group ARN must be specified"))?;
        return Ok(Forward {
            groups: vec![WeightedGroup {
                arn: TargetGroupArn::new(arn),
                weight: 1,
            }],
            stickiness: Stickiness::default(),
        });
    };
    let given = config.list("TargetGroups");
    if given.len() > MOST_GROUPS {
        return Err(AwsError::new(
            "TooManyTargetGroups",
            format!("You can specify up to {MOST_GROUPS} target groups in a forward action"),
        ));
    }
    let mut groups: Vec<WeightedGroup> = Vec::new();
    for group in &given {
        let arn = TargetGroupArn::new(group.required("TargetGroupArn")?);
        let weight = match group.text("Weight") {
            Some(weight) => weight.parse().ok().filter(|weight| *weight <= HEAVIEST),
            None if given.len() == 1 => Some(1),
            None => None,
        };
        let weight = weight.ok_or_else(errors::weight)?;
        if groups.iter().any(|other| other.arn == arn) {
            return Err(errors::validation(format!(
                "Target group '{arn}' is specified more than once in a forward action"
            )));
        }
        groups.push(WeightedGroup { arn, weight });
    }
    if groups.is_empty() {
        return Err(errors::validation(
            "A forward action must have at least one target group",
        ));
    }
    if let Some(single) = single
        && (groups.len() > 1 || groups[0].arn.as_str() != single)
    {
        return Err(errors::validation(
            "TargetGroupArn and ForwardConfig must name the same target group",
        ));
    }
    let stickiness = match config.structure("TargetGroupStickinessConfig") {
        Some(config) => stickiness(config)?,
        None => Stickiness::default(),
    };
    Ok(Forward { groups, stickiness })
}

fn stickiness(config: &Parameters) -> Result<Stickiness, AwsError> {
    let enabled = config.boolean("Enabled")?.unwrap_or(false);
    let wrong = |_| errors::stickiness_duration();
    let duration = config
        .number("DurationSeconds", 1..=LONGEST_STICKINESS)
        .map_err(wrong)?;
    if enabled && duration.is_none() {
        return Err(errors::stickiness_duration());
    }
    Ok(Stickiness {
        enabled,
        duration_seconds: duration.and_then(|seconds| u32::try_from(seconds).ok()),
    })
}

fn fixed_response(action: &Parameters) -> Result<FixedResponse, AwsError> {
    let missing = || errors::validation("A fixed-response action must have a FixedResponseConfig");
    let config = action.structure("FixedResponseConfig").ok_or_else(missing)?;
    let code = config.required("StatusCode")?;
    let status = code.parse().ok().filter(|status| {
        let class: u16 = *status;
        matches!(class / 100, 2 | 4 | 5)
    });
    let status = status.ok_or_else(|| {
        errors::validation(format!(
            "The fixed response code '{code}' must match the pattern ^(2|4|5)\\d\\d$"
        ))
    })?;
    let content_type = config.text("ContentType").map(str::to_owned);
    const TYPES: [&str; 5] = [
        "text/plain",
        "text/css",
        "text/html",
        "application/javascript",
        "application/json",
    ];
    if let Some(kind) = content_type.as_ref().filter(|kind| !TYPES.contains(&kind.as_str())) {
        return Err(errors::validation(format!("'{kind}' is not a valid content type")));
    }
    Ok(FixedResponse {
        status,
        content_type,
        body: config.limited("MessageBody", 0..=1024)?.map(str::to_owned),
    })
}

fn redirect(action: &Parameters) -> Result<Redirect, AwsError> {
    let missing = || errors::validation("A redirect action must have a RedirectConfig");
    let config = action.structure("RedirectConfig").ok_or_else(missing)?;
    let part = |name, default: &str| config.text(name).unwrap_or(default).to_owned();
    let redirect = Redirect {
        protocol: part("Protocol", "#{protocol}"),
        host: part("Host", "#{host}"),
        port: part("Port", "#{port}"),
        path: part("Path", "/#{path}"),
        // An empty query is one that was given.
        query: config.raw("Query").unwrap_or("#{query}").to_owned(),
        status: match config.required("StatusCode")? {
            "HTTP_301" => 301,
            "HTTP_302" => 302,
            other => {
                return Err(errors::validation(format!(
                    "'{other}' is not a valid redirect status code"
                )));
            }
        },
    };
    if !redirect.path.starts_with('/') {
        return Err(errors::validation("The path of a redirect must begin with '/'"));
    }
    let keeps = [
        (&redirect.protocol, "#{protocol}"),
        (&redirect.host, "#{host}"),
        (&redirect.port, "#{port}"),
        (&redirect.path, "/#{path}"),
    ];
    if keeps.iter().all(|(part, same)| part == same) {
        return Err(AwsError::new(
            "InvalidLoadBalancerAction",
            "The redirect configuration is not valid because it creates a loop",
        ));
    }
    Ok(redirect)
}

/// Conditions of a rule; `None` when the list was not given.
pub(super) fn conditions(parameters: &Parameters) -> Result<Option<Vec<Condition>>, AwsError> {
    let given = parameters.list("Conditions");
    if given.is_empty() {
        return Ok(None);
    }
    let conditions = given.into_iter().map(condition).collect::<Result<Vec<_>, _>>()?;
    for (number, one) in conditions.iter().enumerate() {
        if let Some(field) = comes_once(one)
            && conditions[..number]
                .iter()
                .any(|other| comes_once(other) == Some(field))
        {
            return Err(errors::validation(format!(
                "Rules can have at most '1' condition of the field '{field}'"
            )));
        }
    }
    let values: usize = conditions.iter().map(amount).sum();
    if values > MOST_VALUES {
        return Err(errors::validation(format!(
            "Rules can have at most '{MOST_VALUES}' condition values"
        )));
    }
    Ok(Some(conditions))
}

/// The field of a condition that a rule can have once; those on headers and query strings may come again.
fn comes_once(condition: &Condition) -> Option<&'static str> {
    match condition {
        Condition::HostHeader(_) => Some("host-header"),
        Condition::PathPattern(_) => Some("path-pattern"),
        Condition::HttpRequestMethod(_) => Some("http-request-method"),
        Condition::HttpHeader { .. } | Condition::QueryString(_) => None,
    }
}

fn amount(condition: &Condition) -> usize {
    match condition {
        Condition::HostHeader(values) | Condition::PathPattern(values) | Condition::HttpRequestMethod(values) => {
            values.len()
        }
        Condition::HttpHeader { values, .. } => values.len(),
        Condition::QueryString(pairs) => pairs.len(),
    }
}

fn condition(given: &Parameters) -> Result<Condition, AwsError> {
    let field = given.required("Field")?;
    let values = |config: &str| {
        let within = given.structure(config);
        let regular = within.into_iter().chain([given]);
        if regular.flat_map(|place| place.list("RegexValues")).next().is_some() {
            return Err(errors::not_implemented("regular expressions in conditions"));
        }
        let inside = within.map(|config| config.texts("Values")).unwrap_or_default();
        let all: Vec<String> = inside
            .into_iter()
            .chain(given.texts("Values"))
            .map(str::to_owned)
            .collect();
        if all.is_empty() {
            return Err(errors::validation(format!(
                "A condition value must be specified for the condition field '{field}'"
            )));
        }
        match all.iter().find(|value| value.chars().count() > 128) {
            Some(_) => Err(errors::validation("A condition value can have 128 characters at most")),
            None => Ok(all),
        }
    };
    Ok(match field {
        "host-header" => Condition::HostHeader(values("HostHeaderConfig")?),
        "path-pattern" => Condition::PathPattern(values("PathPatternConfig")?),
        "http-request-method" => Condition::HttpRequestMethod(values("HttpRequestMethodConfig")?),
        "http-header" => {
            let name = given
                .structure("HttpHeaderConfig")
                .and_then(|config| config.text("HttpHeaderName"));
            let name = name.ok_or_else(|| errors::validation("A condition on a header must name the header"))?;
            if name.eq_ignore_ascii_case("host") {
                return Err(errors::validation(
                    "Use the condition field 'host-header' for the Host header",
                ));
            }
            Condition::HttpHeader {
                name: name.to_owned(),
                values: values("HttpHeaderConfig")?,
            }
        }
        "query-string" => {
            let config = given.structure("QueryStringConfig");
            let pairs: Vec<_> = config
                .map(|config| config.list("Values"))
                .unwrap_or_default()
                .into_iter()
                .map(|pair| {
                    let value = pair.required("Value")?.to_owned();
                    Ok((pair.text("Key").map(str::to_owned), value))
                })
                .collect::<Result<_, AwsError>>()?;
            if pairs.is_empty() {
                return Err(errors::validation(
                    "A condition value must be specified for the condition field 'query-string'",
                ));
            }
            Condition::QueryString(pairs)
        }
        "source-ip" => return Err(errors::not_implemented("conditions of the field source-ip")),
        other => {
            return Err(errors::validation(format!(
                "Condition field '{other}' must be one of '[path-pattern, host-header, http-header, http-request-method, query-string, source-ip]'"
            )));
        }
    })
}

/// The tags of a new resource.
pub(super) fn tags(parameters: &Parameters) -> Result<Tags, AwsError> {
    let mut tags = Tags::new();
    for tag in parameters.list("Tags") {
        let key = tag.required_limited("Key", 1..=128)?;
        let value = tag.limited("Value", 0..=256)?.unwrap_or_default();
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(errors::validation("Tag keys must not begin with 'aws:'"));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(AwsError::new(
                "DuplicateTagKeys",
                format!("The tag key '{key}' was specified more than once"),
            ));
        }
    }
    check_amount(&tags)?;
    Ok(tags)
}

/// A resource has so many tags and no more.
pub(super) fn check_amount(tags: &Tags) -> Result<(), AwsError> {
    if tags.len() > MOST_TAGS {
        return Err(errors::quota("TooManyTags", "tags per resource", MOST_TAGS));
    }
    Ok(())
}
