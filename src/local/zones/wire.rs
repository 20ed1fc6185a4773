//! Requests and answers as they cross the wire: REST with XML.

use serde::Deserialize;

use super::error::Refusal;
use super::name::DomainName;
use super::record::{Content, Policy, RecordSet, Routing, TYPES};
use super::zone::Action;
use crate::local::xml::Xml;

/// Namespace of all documents.
const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

/// The longest comment (source: shape `ResourceDescription`).
const LONGEST_COMMENT: usize = 256;

/// A request.
#[derive(Clone, Debug)]
pub struct RestRequest {
    /// `GET`, `POST`, `DELETE`.
    pub method: String,
    /// The path, from its slash on.
    pub path: String,
    /// What follows the question mark, decoded.
    pub query: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl RestRequest {
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

/// An answer, errors included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestAnswer {
    /// HTTP status.
    pub status: u16,
    /// The XML document.
    pub body: String,
    /// Where the thing that was made is to be found, for the header `Location`.
    pub location: Option<String>,
}

impl RestAnswer {
    pub(super) fn of(status: u16, name: &str, content: impl FnOnce(&mut Xml)) -> Self {
        let mut xml = Xml::default();
        content(&mut xml);
        Self {
            status,
            body: format!("{HEAD}<{name} xmlns=\"{NAMESPACE}\">{}</{name}>", xml.as_str()),
            location: None,
        }
    }

    pub(super) fn refusal(refusal: &Refusal, request_id: &str) -> Self {
        Self::of(refusal.status, "ErrorResponse", |xml| {
            xml.element("Error", |xml| {
                xml.text("Type", if refusal.status < 500 { "Sender" } else { "Receiver" });
                xml.text("Code", refusal.code);
                xml.text("Message", &refusal.message);
            });
            xml.text("RequestId", request_id);
        })
    }
}

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Body of `CreateHostedZone`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NewZone {
    pub(super) name: String,
    pub(super) caller_reference: String,
    pub(super) hosted_zone_config: Option<ZoneConfig>,
    #[serde(rename = "VPC")]
    pub(super) vpc: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ZoneConfig {
    pub(super) comment: Option<String>,
    pub(super) private_zone: Option<bool>,
}

/// Body of `ChangeResourceRecordSets`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeRequest {
    change_batch: ChangeBatch,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeBatch {
    comment: Option<String>,
    changes: Changes,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Changes {
    #[serde(default)]
    change: Vec<Change>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    action: String,
    resource_record_set: WireRecord,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireRecord {
    name: String,
    #[serde(rename = "Type")]
    kind: String,
    set_identifier: Option<String>,
    weight: Option<i64>,
    region: Option<String>,
    geo_location: Option<Geo>,
    failover: Option<String>,
    multi_value_answer: Option<bool>,
    #[serde(rename = "TTL")]
    ttl: Option<i64>,
    resource_records: Option<WireValues>,
    alias_target: Option<WireAlias>,
    health_check_id: Option<String>,
    traffic_policy_instance_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Geo {
    continent_code: Option<String>,
    country_code: Option<String>,
    subdivision_code: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireValues {
    #[serde(default)]
    resource_record: Vec<WireValue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireValue {
    value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireAlias {
    hosted_zone_id: String,
    #[serde(rename = "DNSName")]
    dns_name: String,
    evaluate_target_health: bool,
}

/// How many things an answer may hold: as many as were asked for, within bounds.
pub(super) fn page(request: &RestRequest, most: usize) -> usize {
    let asked = request.parameter("maxitems").and_then(|text| text.parse().ok());
    asked.unwrap_or(most).clamp(1, most)
}

/// Reads a body.
pub(super) fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Refusal> {
    let text =
        std::str::from_utf8(body).map_err(|error| Refusal::input(format!("Unable to parse request ({error})")))?;
    quick_xml::de::from_str(text).map_err(|error| Refusal::input(format!("Unable to parse request ({error})")))
}

/// Reads a batch of changes.
pub(super) fn changes(body: &[u8]) -> Result<Vec<(Action, RecordSet)>, Refusal> {
    let batch = read::<ChangeRequest>(body)?.change_batch;
    if batch
        .comment
        .is_some_and(|comment| comment.chars().count() > LONGEST_COMMENT)
    {
        return Err(Refusal::input(format!(
            "1 validation error detected: Value at 'changeBatch.comment' failed to satisfy constraint: Member must have length \
             less than or equal to {LONGEST_COMMENT}"
        )));
    }
    let changes = batch.changes.change;
    if changes.is_empty() {
        return Err(Refusal::input(
            "1 validation error detected: Value '[]' at 'changeBatch.changes' failed to satisfy constraint: Member must have \
             length greater than or equal to 1",
        ));
    }
    changes
        .into_iter()
        .enumerate()
        .map(|(index, change)| record(index + 1, change))
        .collect()
}

/// What a batch is about to change, for those who judge whether it may: action, name and type of each change. `None` if it cannot
/// be read.
pub(in crate::local) fn changed(body: &[u8]) -> Option<Vec<(String, DomainName, String)>> {
    let changes = read::<ChangeRequest>(body).ok()?.change_batch.changes.change;
    let each = changes.into_iter().map(|change| {
        let record = change.resource_record_set;
        Some((change.action, DomainName::parse(&record.name).ok()?, record.kind))
    });
    each.collect()
}

/// A change of the batch, by its place in it.
fn record(place: usize, change: Change) -> Result<(Action, RecordSet), Refusal> {
    let Change {
        action,
        resource_record_set: wire,
    } = change;
    let constraint = |field: &str, value: &dyn std::fmt::Display, constraint: &str| {
        Refusal::input(format!(
            "1 validation error detected: Value '{value}' at 'changeBatch.changes.{place}.member.{field}' failed to satisfy \
             constraint: Member must {constraint}"
        ))
    };
    let known = Action::from_wire(&action)
        .ok_or_else(|| constraint("action", &action, "satisfy enum value set: [CREATE, DELETE, UPSERT]"))?;
    let kind = TYPES.into_iter().find(|kind| *kind == wire.kind).ok_or_else(|| {
        let all = TYPES.join(", ");
        constraint(
            "resourceRecordSet.type",
            &wire.kind,
            &format!("satisfy enum value set: [{all}]"),
        )
    })?;
    let name = DomainName::parse(&wire.name).map_err(|error| Refusal::batch(&[error.to_string()]))?;
    let place_of = || {
        let id = wire.set_identifier.as_deref().unwrap_or("null");
        format!("in Change with [Action={action}, Name={name}, Type={kind}, SetIdentifier={id}]")
    };
    if let Some(id) = &wire.set_identifier
        && !(1..=128).contains(&id.chars().count())
    {
        return Err(constraint(
            "resourceRecordSet.setIdentifier",
            id,
            "have length between 1 and 128",
        ));
    }
    let routing = routing(&wire, place_of, constraint)?;
    let content = content(&wire, place_of, constraint)?;
    let record = RecordSet {
        name,
        kind,
        routing,
        content,
        health_check: wire.health_check_id,
    };
    Ok((known, record))
}

fn routing(
    wire: &WireRecord,
    place: impl Fn() -> String,
    constraint: impl Fn(&str, &dyn std::fmt::Display, &str) -> Refusal,
) -> Result<Routing, Refusal> {
    let weight = match wire.weight {
        Some(weight) => Some(u8::try_from(weight).map_err(|_| {
            let bound = if weight < 0 {
                "have value greater than or equal to 0"
            } else {
                "have value less than or equal to 255"
            };
            constraint("resourceRecordSet.weight", &weight, bound)
        })?),
        None => None,
    };
    let policies = [
        wire.failover.clone().map(Policy::Failover),
        wire.region.clone().map(Policy::Latency),
        wire.geo_location.as_ref().map(|geo| {
            Policy::Geolocation(
                geo.continent_code.clone(),
                geo.country_code.clone(),
                geo.subdivision_code.clone(),
            )
        }),
        wire.multi_value_answer
            .and_then(|yes| yes.then_some(Policy::MultiValue)),
    ];
    let mut policies = policies.into_iter().flatten();
    let (policy, more) = (policies.next(), policies.next().is_some());
    let expected = "Expected exactly one of [Weight, Region, Failover, GeoLocation, MultiValueAnswer]";
    match (weight, policy) {
        _ if more => Err(Refusal::input(format!(
            "Invalid request: {expected}, but found more than one {}",
            place()
        ))),
        (Some(_), Some(_)) => Err(Refusal::input(format!(
            "Invalid request: {expected}, but found more than one {}",
            place()
        ))),
        (None, None) if wire.set_identifier.is_none() => Ok(Routing::Simple),
        (None, None) => Err(Refusal::input(format!(
            "Invalid request: {expected}, but found none {}",
            place()
        ))),
        (weight, policy) => {
            let missing = || Refusal::input(format!("Invalid request: Missing field 'SetIdentifier' {}", place()));
            let id = wire.set_identifier.clone().ok_or_else(missing)?;
            Ok(match (weight, policy) {
                (Some(weight), _) => Routing::Weighted { id, weight },
                (None, Some(policy)) => Routing::Other { id, policy },
                (None, None) => Routing::Simple,
            })
        }
    }
}

fn content(
    wire: &WireRecord,
    place: impl Fn() -> String,
    constraint: impl Fn(&str, &dyn std::fmt::Display, &str) -> Refusal,
) -> Result<Content, Refusal> {
    let expected =
        "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]";
    let found = |how: &str| Refusal::input(format!("Invalid request: {expected}, but found {how} {}", place()));
    if wire.traffic_policy_instance_id.is_some() {
        return Err(Refusal::input(
            "Invalid request: The local cloud has no traffic policies; leave TrafficPolicyInstanceId out",
        ));
    }
    let values = wire.resource_records.as_ref().map(|all| &all.resource_record);
    match (&wire.alias_target, wire.ttl, values) {
        (Some(alias), None, None) => {
            let target = DomainName::parse(&alias.dns_name).map_err(|error| Refusal::batch(&[error.to_string()]))?;
            Ok(Content::Alias {
                zone: alias.hosted_zone_id.clone(),
                target,
                evaluate: alias.evaluate_target_health,
            })
        }
        (Some(_), ..) => Err(found("more than one")),
        (None, Some(ttl), Some(values)) if !values.is_empty() => {
            // The service's own bound is that of a signed number of 32 bits.
            let ttl = u32::try_from(ttl)
                .ok()
                .filter(|ttl| i32::try_from(*ttl).is_ok())
                .ok_or_else(|| constraint("resourceRecordSet.TTL", &ttl, "have value between 0 and 2147483647"))?;
            let values = values.iter().map(|value| value.value.clone()).collect();
            Ok(Content::Values { ttl, values })
        }
        _ => Err(found("none")),
    }
}

/// Writes a record set, as lists have it.
pub(super) fn write(xml: &mut Xml, record: &RecordSet) {
    xml.element("ResourceRecordSet", |xml| {
        xml.text("Name", &record.name);
        xml.text("Type", record.kind);
        xml.optional("SetIdentifier", record.routing.id());
        match &record.routing {
            Routing::Simple => {}
            Routing::Weighted { weight, .. } => xml.text("Weight", weight),
            Routing::Other { policy, .. } => write_policy(xml, policy),
        }
        match &record.content {
            Content::Values { ttl, values } => {
                xml.text("TTL", ttl);
                xml.element("ResourceRecords", |xml| {
                    for value in values {
                        xml.element("ResourceRecord", |xml| xml.text("Value", value));
                    }
                });
            }
            Content::Alias { zone, target, evaluate } => xml.element("AliasTarget", |xml| {
                xml.text("HostedZoneId", zone);
                xml.text("DNSName", target);
                xml.text("EvaluateTargetHealth", evaluate);
            }),
        }
        xml.optional("HealthCheckId", record.health_check.as_deref());
    });
}

fn write_policy(xml: &mut Xml, policy: &Policy) {
    match policy {
        Policy::Failover(place) => xml.text("Failover", place),
        Policy::Latency(region) => xml.text("Region", region),
        Policy::Geolocation(continent, country, subdivision) => xml.element("GeoLocation", |xml| {
            xml.optional("ContinentCode", continent.as_deref());
            xml.optional("CountryCode", country.as_deref());
            xml.optional("SubdivisionCode", subdivision.as_deref());
        }),
        Policy::MultiValue => xml.text("MultiValueAnswer", true),
    }
}
