//! Requests and answers as they cross the wire: REST with XML.

use serde::Deserialize;

use super::error::Refusal;
use super::name::DomainName;
use super::record::{Content, Policy, RecordSet, Routing, TYPES};
use super::zone::Action;
use crate::local::xml::Xml;

/// Namespace of all documents.
const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

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
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ZoneConfig {
    pub(super) comment: Option<String>,
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
    weight: Option<u8>,
    region: Option<String>,
    geo_location: Option<Geo>,
    failover: Option<String>,
    multi_value_answer: Option<bool>,
    #[serde(rename = "TTL")]
    ttl: Option<u32>,
    resource_records: Option<WireValues>,
    alias_target: Option<WireAlias>,
    health_check_id: Option<String>,
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
pub(super) fn page(request: &RestRequest, most: usize) -> Result<usize, Refusal> {
    let Some(text) = request.parameter("maxitems") else {
        return Ok(most);
    };
    match text.parse::<u32>() {
        Ok(asked) if asked > 0 => Ok(usize::try_from(asked).unwrap_or(most).min(most)),
        _ => Err(Refusal::input(format!(
            "Invalid value for maxitems: '{text}' is no positive number"
        ))),
    }
}

/// Reads a body.
pub(super) fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Refusal> {
    let text =
        std::str::from_utf8(body).map_err(|error| Refusal::input(format!("Unable to parse request ({error})")))?;
    quick_xml::de::from_str(text).map_err(|error| Refusal::input(format!("Unable to parse request ({error})")))
}

/// Changes that are carried out together.
pub(super) type Batch = Vec<(Action, RecordSet)>;

/// Reads a batch of changes, and what is said of it.
pub(super) fn changes(body: &[u8]) -> Result<(Batch, Option<String>), Refusal> {
    let batch = read::<ChangeRequest>(body)?.change_batch;
    let changes = batch.changes.change.into_iter().map(record).collect::<Result<_, _>>()?;
    Ok((changes, batch.comment))
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

/// A change of the batch. What the model asks of it holds.
fn record(change: Change) -> Result<(Action, RecordSet), Refusal> {
    let Change {
        action,
        resource_record_set: wire,
    } = change;
    let unknown = |what: &str| Refusal::input(format!("Unable to parse request (there is no {what})"));
    let known = Action::from_wire(&action).ok_or_else(|| unknown(&action))?;
    let kind = TYPES.into_iter().find(|kind| *kind == wire.kind);
    let kind = kind.ok_or_else(|| unknown(&wire.kind))?;
    let name = DomainName::parse(&wire.name).map_err(|error| Refusal::batch(&[error.to_string()]))?;
    let place = || {
        let id = wire.set_identifier.as_deref().unwrap_or("null");
        format!("in Change with [Action={action}, Name={name}, Type={kind}, SetIdentifier={id}]")
    };
    let routing = routing(&wire, place)?;
    let content = content(&wire, place)?;
    let record = RecordSet {
        name,
        kind,
        routing,
        content,
        health_check: wire.health_check_id,
    };
    Ok((known, record))
}

fn routing(wire: &WireRecord, place: impl Fn() -> String) -> Result<Routing, Refusal> {
    let policies = [
        wire.failover.clone().map(Policy::Failover),
        wire.region.clone().map(Policy::Latency),
        wire.geo_location.as_ref().map(|geo| geo.policy(&place)).transpose()?,
        wire.multi_value_answer
            .and_then(|yes| yes.then_some(Policy::MultiValue)),
    ];
    let mut policies = policies.into_iter().flatten();
    let (policy, more) = (policies.next(), policies.next().is_some());
    let expected = "Expected exactly one of [Weight, Region, Failover, GeoLocation, MultiValueAnswer]";
    let found = |how: &str| Refusal::input(format!("Invalid request: {expected}, but found {how} {}", place()));
    let id = || {
        let missing = || Refusal::input(format!("Invalid request: Missing field 'SetIdentifier' {}", place()));
        wire.set_identifier.clone().ok_or_else(missing)
    };
    match (wire.weight, policy) {
        _ if more => Err(found("more than one")),
        (Some(_), Some(_)) => Err(found("more than one")),
        (None, None) if wire.set_identifier.is_none() => Ok(Routing::Simple),
        (None, None) => Err(found("none")),
        (Some(weight), None) => Ok(Routing::Weighted { id: id()?, weight }),
        (None, Some(policy)) => Ok(Routing::Other { id: id()?, policy }),
    }
}

impl Geo {
    /// The policy, for one continent, or one country or a part of it (source: `GeoLocation`).
    fn policy(&self, place: impl Fn() -> String) -> Result<Policy, Refusal> {
        let (continent, country, part) = (&self.continent_code, &self.country_code, &self.subdivision_code);
        if continent.is_some() == country.is_some() || country.is_none() && part.is_some() {
            return Err(Refusal::input(format!(
                "Invalid request: Expected exactly one of [ContinentCode, CountryCode, all of [CountryCode, and SubdivisionCode]] {}",
                place()
            )));
        }
        Ok(Policy::Geolocation(continent.clone(), country.clone(), part.clone()))
    }
}

fn content(wire: &WireRecord, place: impl Fn() -> String) -> Result<Content, Refusal> {
    let expected =
        "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]";
    let found = |how: &str| Refusal::input(format!("Invalid request: {expected}, but found {how} {}", place()));
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
        (None, Some(ttl), Some(values)) => {
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
