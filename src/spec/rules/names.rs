//! Rules for names: application, slot, CNAME, addresses, artifact.

use std::net::Ipv4Addr;

use url::Url;

use super::Findings;
use crate::model::region::{domain, without_domain};
use crate::model::text::is_region;
use crate::spec::Spec;
use crate::spec::derived::LONGEST_PREFIX;
use crate::spec::document::Place;

pub(super) fn check(spec: &Spec, findings: &mut Findings<'_>) {
    application(spec, findings);
    slot_and_prefix(spec, findings);
    cname(spec, findings);
    public_url(spec, findings);
    region(spec, findings);
    version_label(spec, findings);
    bucket(spec, findings);
}

/// Why a text is not made of letters, digits and inner hyphens; `None` if it is.
fn label_fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("is empty")
    } else if !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        Some("may hold only letters, digits and hyphens")
    } else if text.starts_with('-') || text.ends_with('-') {
        Some("must not begin or end with a hyphen")
    } else {
        None
    }
}

fn application(spec: &Spec, findings: &mut Findings<'_>) {
    let name = spec.application.as_str();
    let place = Place::of(&["application"]);
    let help = "write the application's name as the Elastic Beanstalk console shows it";
    if !(1..=100).contains(&name.chars().count()) {
        findings.add(&place, "`application` must have 1 to 100 characters", help);
    } else if name.contains('/') || name.chars().any(char::is_control) || name == "." || name == ".." {
        findings.add(
            &place,
            "`application` is not a name that Elastic Beanstalk allows",
            help,
        );
    }
}

fn slot_and_prefix(spec: &Spec, findings: &mut Findings<'_>) {
    let slot = spec.slot.as_str();
    let place = Place::of(&["slot"]);
    if let Some(fault) = label_fault(slot) {
        findings.add(
            &place,
            format!("`slot` {fault}"),
            "a name such as \"production\" will do",
        );
    } else if slot.len() > 63 {
        findings.add(&place, "`slot` has more than 63 characters", "choose a shorter name");
    }
    let Some(prefix) = &spec.green.name_prefix else { return };
    let place = Place::of(&["green", "name_prefix"]);
    if let Some(fault) = label_fault(prefix) {
        findings.add(
            &place,
            format!("`green.name_prefix` {fault}"),
            "environments are called `<prefix>-r<release number>`",
        );
    } else if prefix.len() > LONGEST_PREFIX {
        findings.add(
            &place,
            format!("`green.name_prefix` has more than {LONGEST_PREFIX} characters"),
            "`<prefix>-r99999` must fit into the 40 characters of an environment's name",
        );
    }
}

fn cname(spec: &Spec, findings: &mut Findings<'_>) {
    let place = Place::of(&["cname"]);
    if spec.cname.is_empty() && findings.document.get(&place).is_none() {
        if !spec.lever.is_gradual() && findings.intact(&[&place, &Place::of(&["lever"])]) {
            findings.add(
                &place,
                "`cname` is missing",
                "The CNAME that the live environment holds: its prefix (`shop`) or the whole name \
                 (`shop.eu-west-1.elasticbeanstalk.com`). The live environment is found by it, never by its name.",
            );
        }
        return;
    }
    let name = spec.cname.to_ascii_lowercase();
    let region = spec.region.as_deref().unwrap_or_default();
    let Some(head) = without_domain(&name) else {
        if name.contains('.') {
            findings.add(
                &place,
                format!("`cname` is a whole name that does not end with `{}`", domain(region)),
                "write the live environment's CNAME or its prefix; the name your users know belongs to `public_url`",
            );
        } else {
            cname_prefix(&name, &place, findings);
        }
        return;
    };
    // `<prefix>`, `<prefix>.<region>`, or `<name>.eba-<random>.<region>` when the service chose it.
    let labels: Vec<&str> = head.split('.').collect();
    let [first, rest @ ..] = labels.as_slice() else { return };
    if rest.len() > 2 || rest.iter().any(|label| label_fault(label).is_some()) {
        findings.add(
            &place,
            "`cname` is not a CNAME of an environment",
            "it looks like `shop.eu-west-1.elasticbeanstalk.com`",
        );
        return;
    }
    cname_prefix(first, &place, findings);
    if let (Some(region), Some(own)) = (&spec.region, rest.last())
        && region.to_ascii_lowercase() != **own
    {
        findings.add(
            &place,
            format!("`cname` belongs to region `{own}`, but `region` is `{region}`"),
            "a swap works within one region: correct one of the two",
        );
    }
}

fn cname_prefix(prefix: &str, place: &Place, findings: &mut Findings<'_>) {
    let help = "it is what stands before the region in `shop.eu-west-1.elasticbeanstalk.com`";
    if let Some(fault) = label_fault(prefix) {
        findings.add(place, format!("the prefix of `cname` {fault}"), help);
    } else if !(4..=63).contains(&prefix.len()) {
        findings.add(place, "the prefix of `cname` must have 4 to 63 characters", help);
    }
}

fn public_url(spec: &Spec, findings: &mut Findings<'_>) {
    let Some(text) = &spec.public_url else { return };
    let place = Place::of(&["public_url"]);
    let help = "write scheme and name only, such as \"https://www.example.com\"";
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            return findings.add(&place, "`public_url` must begin with `http://` or `https://`", help);
        }
        Err(error) => return findings.add(&place, format!("`public_url` is not a URL: {error}"), help),
    };
    if !matches!(url.scheme(), "http" | "https") {
        findings.add(&place, "`public_url` must begin with `http://` or `https://`", help);
    } else if !url.username().is_empty() || url.password().is_some() {
        findings.add(
            &place,
            "`public_url` holds a user name or password",
            "take it out; if checks need one, send an `authorization` header",
        );
    } else if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        findings.add(
            &place,
            "`public_url` has a path, a query or a fragment",
            format!("{help}; the path belongs to each check"),
        );
    }
}

fn region(spec: &Spec, findings: &mut Findings<'_>) {
    if let Some(region) = &spec.region
        && !is_region(region)
    {
        findings.add(
            &Place::of(&["region"]),
            "`region` is not the name of a region",
            "write it as in \"eu-west-1\"",
        );
    }
}

fn version_label(spec: &Spec, findings: &mut Findings<'_>) {
    let Some(label) = &spec.artifact.version_label else {
        return;
    };
    if let Some(fault) = version_label_fault(label) {
        findings.add(
            &Place::of(&["artifact", "version_label"]),
            format!("`artifact.version_label` {fault}"),
            "leave it out to have it made from the bundle's content",
        );
    }
}

/// Why a text is not the label of a version; `None` if it is.
#[must_use]
pub fn version_label_fault(label: &str) -> Option<&'static str> {
    if !(1..=100).contains(&label.chars().count()) {
        Some("must have 1 to 100 characters")
    } else if label.starts_with('/') || label.ends_with('/') {
        Some("must not begin or end with `/`")
    } else if label.chars().any(char::is_control) {
        Some("holds a control character")
    } else {
        None
    }
}

fn bucket(spec: &Spec, findings: &mut Findings<'_>) {
    let Some(fault) = spec.artifact.bucket.as_deref().and_then(bucket_fault) else {
        return;
    };
    findings.add(
        &Place::of(&["artifact", "bucket"]),
        format!("`artifact.bucket` {fault}"),
        "write the bucket's name alone, without `s3://`; left out, the region's own Elastic Beanstalk bucket is used",
    );
}

/// Why a text is not the name of a bucket; `None` if it is. Source: "Bucket naming rules" of the Amazon S3 User Guide (general
/// purpose buckets).
pub(in crate::spec) fn bucket_fault(bucket: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-';
    let ends_well = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if !(3..=63).contains(&bucket.len()) {
        Some("must have 3 to 63 characters")
    } else if !bucket.chars().all(allowed) {
        Some("may hold only small letters, digits, dots and hyphens")
    } else if !ends_well(bucket.chars().next()) || !ends_well(bucket.chars().last()) {
        Some("must begin and end with a small letter or a digit")
    } else if bucket.contains("..") {
        Some("must not have two dots in a row")
    } else if bucket.parse::<Ipv4Addr>().is_ok() {
        Some("must not look like an IP address")
    } else if ["xn--", "sthree-", "amzn-s3-demo-"]
        .iter()
        .any(|head| bucket.starts_with(head))
        || ["-s3alias", "--ols-s3", ".mrap", "--x-s3", "--table-s3"]
            .iter()
            .any(|tail| bucket.ends_with(tail))
    {
        Some("has a beginning or an end that S3 keeps for itself")
    } else {
        None
    }
}
