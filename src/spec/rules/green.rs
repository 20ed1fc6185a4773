//! Rules for what green gets beside a copy of blue: option settings, properties, tags.

use std::collections::BTreeSet;

use super::Findings;
use crate::model::text::is_of_tags;
use crate::spec::GreenSpec;
use crate::spec::document::Place;

/// The service takes 50 tags, three of them its own; cutover needs some of the rest.
const MOST_TAGS: usize = 40;

/// All properties with their names and `=`, in bytes, as the service counts them.
const PROPERTIES_BYTES: usize = 4096;

/// The namespace of the numbers of instances (source: "General options for all environments" of the Developer Guide).
const CAPACITY: &str = "aws:autoscaling:asg";

/// Where to put a secret instead.
const SECRET_STORE: &str = "keep it in AWS Secrets Manager or the Parameter Store, and give its ARN as an option setting in \
                            namespace `aws:elasticbeanstalk:application:environmentsecrets`";

pub(super) fn check(green: &GreenSpec, findings: &mut Findings<'_>) {
    let place = Place::of(&["green"]);
    settings(green, &place, findings);
    properties(green, &place.key("properties"), findings);
    tags(green, &place.key("tags"), findings);
}

fn settings(green: &GreenSpec, green_place: &Place, findings: &mut Findings<'_>) {
    let mut seen = BTreeSet::new();
    for (index, setting) in green.settings.iter().enumerate() {
        let place = green_place.key("settings").index(index);
        if !setting.namespace.starts_with("aws:") {
            findings.add(
                &place.key("namespace"),
                format!("`{}` must start with `aws:`", place.key("namespace")),
                "a namespace looks like `aws:autoscaling:launchconfiguration`",
            );
        }
        if setting.name.trim().is_empty() {
            findings.add(
                &place.key("name"),
                format!("`{}` is empty", place.key("name")),
                "a name looks like `InstanceType`",
            );
        }
        let own_key = match (setting.namespace.as_str(), setting.name.as_str()) {
            (CAPACITY, "MinSize") => Some("green.min_instances"),
            (CAPACITY, "MaxSize") => Some("green.max_instances"),
            _ => None,
        };
        if let Some(own_key) = own_key {
            // A release sets it: green is as large as blue at first, and gets its own limits in the end.
            findings.add(
                &place.key("name"),
                format!("`{}` in `{CAPACITY}` is not set among the settings", setting.name),
                format!("use the key `{own_key}`"),
            );
        }
        if let Some(kind) = secret_kind(&setting.value) {
            findings.add_at_key(
                &place.key("value"),
                format!("`{}` looks like {kind}", place.key("value")),
                SECRET_STORE,
            );
        }
        if !seen.insert((&setting.namespace, &setting.name)) {
            findings.add(
                &place.key("name"),
                format!("`{}` in `{}` is set twice", setting.name, setting.namespace),
                "keep one of the two",
            );
        }
    }
    let (least, most) = (green_place.key("min_instances"), green_place.key("max_instances"));
    if green.min_instances == Some(0) {
        findings.add(
            &least,
            "`green.min_instances` must be 1 or more",
            "leave it out to start as many as blue runs",
        );
    }
    if let Some(max) = green.max_instances {
        let min = green.min_instances.unwrap_or(1);
        if max == 0 {
            findings.add(
                &most,
                "`green.max_instances` must be 1 or more",
                "leave it out to let green run as many as blue may",
            );
        } else if max < min && findings.intact(&[&least, &most]) {
            findings.add(
                &most,
                format!("`green.max_instances` ({max}) is less than `green.min_instances` ({min})"),
                "write how many instances green may run when it has much to do",
            );
        }
    }
}

fn properties(green: &GreenSpec, properties: &Place, findings: &mut Findings<'_>) {
    // Source: "Environment properties and other software settings" of the Elastic Beanstalk Developer Guide.
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.:/+\\-@".contains(c);
    for (name, value) in &green.properties {
        let place = properties.key(name);
        if name.is_empty() || !name.chars().all(allowed) {
            findings.add_at_key(
                &place,
                format!("`{name}` is not the name of a property"),
                "letters, digits and `_ . : / + \\ - @` may stand in it",
            );
        }
        if let Some(kind) = secret_kind(value) {
            findings.add_at_key(&place, format!("the value of `{name}` looks like {kind}"), SECRET_STORE);
        }
    }
    let bytes: usize = green
        .properties
        .iter()
        .map(|(name, value)| name.len() + value.len() + 1)
        .sum();
    if bytes > PROPERTIES_BYTES {
        findings.add(
            properties,
            format!("`green.properties` has {bytes} bytes"),
            format!("Elastic Beanstalk takes {PROPERTIES_BYTES} in all, those copied from blue included"),
        );
    }
}

fn tags(green: &GreenSpec, tags: &Place, findings: &mut Findings<'_>) {
    for (key, value) in &green.tags {
        let place = tags.key(key);
        let reserved = ["aws:", "cutover:", "elasticbeanstalk:"];
        let lower = key.to_ascii_lowercase();
        if let Some(prefix) = reserved.iter().find(|prefix| lower.starts_with(**prefix)) {
            findings.add_at_key(
                &place,
                format!("tag `{key}` must not start with `{prefix}`"),
                "AWS and cutover set such tags themselves",
            );
        }
        if !(1..=128).contains(&key.chars().count()) {
            findings.add_at_key(
                &place,
                "a tag's key must have 1 to 128 characters",
                "choose a shorter one",
            );
        }
        if !key.chars().chain(value.chars()).all(is_of_tags) {
            findings.add_at_key(
                &place,
                format!("tag `{key}` holds characters that tags must not have"),
                "letters, digits, spaces and `_ . : / = + - @` may stand in keys and values",
            );
        }
        if value.chars().count() > 256 {
            findings.add(
                &place,
                format!("the value of tag `{key}` has more than 256 characters"),
                "choose a shorter one",
            );
        }
    }
    if green.tags.len() > MOST_TAGS {
        findings.add(
            tags,
            format!("`green.tags` holds {} tags", green.tags.len()),
            format!("an environment has room for {MOST_TAGS} beside those of AWS and of cutover"),
        );
    }
}

/// What kind of secret a value looks like. Only shapes that are nothing else: a false alarm would stop a release.
fn secret_kind(value: &str) -> Option<&'static str> {
    let starts = |heads: &[&str]| {
        let words = value.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'));
        // The length keeps out words that only begin like a token.
        words
            .into_iter()
            .any(|word| word.len() >= 20 && heads.iter().any(|head| word.starts_with(head)))
    };
    let access_key = |word: &str| {
        word.len() == 20
            && (word.starts_with("AKIA") || word.starts_with("ASIA"))
            && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    };
    if value.split(|c: char| !c.is_ascii_alphanumeric()).any(access_key) {
        Some("an AWS access key")
    } else if value.contains("-----BEGIN") && !value.contains("-----BEGIN CERTIFICATE") && !value.contains("PUBLIC KEY")
    {
        Some("a private key")
    } else if starts(&["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"]) {
        Some("a GitHub token")
    } else if starts(&["glpat-"]) {
        Some("a GitLab token")
    } else if starts(&["xoxb-", "xoxp-", "xapp-"]) {
        Some("a Slack token")
    } else if starts(&["sk_live_", "rk_live_"]) {
        Some("a Stripe key")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::secret_kind;

    #[test]
    fn secrets_are_told_from_words_that_look_alike() {
        let github = format!("ghp_{}", "a1".repeat(18));
        for (value, kind) in [
            ("AKIAIOSFODNN7EXAMPLE", Some("an AWS access key")),
            ("key=ASIAIOSFODNN7EXAMPLE;", Some("an AWS access key")),
            ("-----BEGIN RSA PRIVATE KEY-----", Some("a private key")),
            ("-----BEGIN CERTIFICATE-----", None),
            ("-----BEGIN PUBLIC KEY-----", None),
            (github.as_str(), Some("a GitHub token")),
            ("ghp_short", None),
            ("AKIA", None),
            ("postgres://db.example.com/shop", None),
            ("", None),
        ] {
            assert_eq!(secret_kind(value), kind, "{value}");
        }
    }
}
