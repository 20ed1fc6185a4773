//! The operations of Route 53 that the local cloud has.

use std::time::Duration;

use super::absent;
use super::error::Refusal;
use super::name::DomainName;
use super::record::RecordSet;
use super::wire::{self, NewZone, RestAnswer, RestRequest};
use super::zone::{SERVERS, Zone};
use super::{ChangeState, Zones};
use crate::local::ids::UPPER;
use crate::local::shapes::{self, Asked};
use crate::local::xml::Xml;
use crate::model::Timestamp;

/// Most record sets in one answer (source: `ListResourceRecordSets`).
const PAGE: usize = 300;
/// Most hosted zones in one answer.
const ZONES_PAGE: usize = 100;
/// Most values that one batch may hold, and most characters of all of them; an `UPSERT` counts twice (source: quotas).
const MOST_VALUES: usize = 1000;
const MOST_CHARACTERS: usize = 32_000;
/// How long a change that all servers know can be asked for. The service does not say how long it remembers them.
const CHANGES_KEPT: Duration = Duration::from_secs(24 * 3600);

impl Zones {
    pub(super) fn dispatch(&mut self, request: &RestRequest, now: Timestamp) -> Result<RestAnswer, Refusal> {
        let path = request.path.strip_prefix("/2013-04-01/").unwrap_or(&request.path);
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let given = shapes::check_request(Asked {
            method: &request.method,
            path: &parts,
            query: &request.query,
            body: &request.body,
        })
        .map_err(Refusal::not_taken)?;
        absent::refuse(&given)?;
        match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["hostedzone"]) => self.create_zone(request, now),
            ("GET", ["hostedzone"]) => self.list_zones(request),
            ("GET", ["hostedzonesbyname"]) => self.list_zones_by_name(request),
            ("GET", ["hostedzonecount"]) => Ok(RestAnswer::of(200, "GetHostedZoneCountResponse", |xml| {
                xml.text("HostedZoneCount", self.zones.len());
            })),
            ("GET", ["hostedzone", id]) => self.get_zone(id),
            ("DELETE", ["hostedzone", id]) => self.delete_zone(id, now),
            ("POST", ["hostedzone", id, "rrset"]) => self.change_records(id, request, now),
            ("GET", ["hostedzone", id, "rrset"]) => self.list_records(id, request),
            ("POST", ["healthcheck"]) => self.create_check(request, now),
            ("GET", ["healthcheck"]) => self.list_checks(request),
            ("GET", ["healthcheck", id]) => self.get_check(id),
            ("DELETE", ["healthcheck", id]) => self.delete_check(id),
            ("GET", ["healthcheck", id, "status"]) => self.check_status(id, now),
            ("GET", ["change", id]) => self.get_change(id, now),
            _ => Err(Refusal::not_implemented(&request.method, &request.path)),
        }
    }

    fn zone(&self, id: &str) -> Result<&Zone, Refusal> {
        self.zones.get(id).ok_or_else(|| Refusal::no_zone(id))
    }

    fn create_zone(&mut self, request: &RestRequest, now: Timestamp) -> Result<RestAnswer, Refusal> {
        let new: NewZone = wire::read(&request.body)?;
        let name = DomainName::parse(&new.name).map_err(|error| Refusal::not_a_name(&error))?;
        if self
            .zones
            .values()
            .any(|zone| zone.caller_reference == new.caller_reference)
        {
            return Err(Refusal::zone_exists());
        }
        let id = format!("Z{}", self.ids.text("zone", UPPER, 20));
        let comment = new.hosted_zone_config.and_then(|config| config.comment);
        self.zones
            .insert(id.clone(), Zone::new(name, new.caller_reference, comment));
        let change = self.submit(None, now);
        let zone = self.zone(&id)?;
        let mut answer = RestAnswer::of(201, "CreateHostedZoneResponse", |xml| {
            write_zone(xml, &id, zone);
            self.write_change(xml, &change, now);
            write_servers(xml);
        });
        answer.location = Some(format!("https://route53.amazonaws.com/2013-04-01/hostedzone/{id}"));
        Ok(answer)
    }

    fn get_zone(&self, id: &str) -> Result<RestAnswer, Refusal> {
        let zone = self.zone(id)?;
        Ok(RestAnswer::of(200, "GetHostedZoneResponse", |xml| {
            write_zone(xml, id, zone);
            write_servers(xml);
        }))
    }

    fn delete_zone(&mut self, id: &str, now: Timestamp) -> Result<RestAnswer, Refusal> {
        if !self.zone(id)?.is_bare() {
            return Err(Refusal::zone_in_use());
        }
        self.zones.remove(id);
        let change = self.submit(None, now);
        Ok(RestAnswer::of(200, "DeleteHostedZoneResponse", |xml| {
            self.write_change(xml, &change, now);
        }))
    }

    fn list_zones(&self, request: &RestRequest) -> Result<RestAnswer, Refusal> {
        let marker = request.parameter("marker");
        let most = wire::page(request, ZONES_PAGE)?;
        // The one type that can be asked for is that of private zones, of which there are none.
        let wants_private = request.parameter("hostedzonetype").is_some();
        let all = self.zones.iter().filter(|_| !wants_private);
        let mut zones = all.skip_while(|(id, _)| marker.is_some_and(|marker| id.as_str() < marker));
        Ok(RestAnswer::of(200, "ListHostedZonesResponse", |xml| {
            xml.element("HostedZones", |xml| {
                for (id, zone) in zones.by_ref().take(most) {
                    write_zone(xml, id, zone);
                }
            });
            let next = zones.next().map(|(id, _)| id);
            xml.optional("Marker", marker);
            xml.text("IsTruncated", next.is_some());
            xml.optional("NextMarker", next);
            xml.text("MaxItems", most);
        }))
    }

    fn list_zones_by_name(&self, request: &RestRequest) -> Result<RestAnswer, Refusal> {
        let from = match request.parameter("dnsname") {
            Some(name) => Some(DomainName::parse(name).map_err(|error| Refusal::not_a_name(&error))?),
            None => None,
        };
        let from_id = request.parameter("hostedzoneid");
        if from_id.is_some() && from.is_none() {
            return Err(Refusal::input(
                "Invalid request: a hosted zone was given without a DNS name to begin with",
            ));
        }
        let most = wire::page(request, ZONES_PAGE)?;
        let mut sorted: Vec<(&String, &Zone)> = self.zones.iter().collect();
        sorted.sort_by(|(one_id, one), (other_id, other)| (&one.name, one_id).cmp(&(&other.name, other_id)));
        let mut zones = sorted.into_iter().skip_while(|(id, zone)| {
            from.as_ref().is_some_and(|from| {
                zone.name < *from || zone.name == *from && from_id.is_some_and(|from| id.as_str() < from)
            })
        });
        Ok(RestAnswer::of(200, "ListHostedZonesByNameResponse", |xml| {
            xml.element("HostedZones", |xml| {
                for (id, zone) in zones.by_ref().take(most) {
                    write_zone(xml, id, zone);
                }
            });
            xml.optional("DNSName", from.as_ref());
            let next = zones.next();
            xml.text("IsTruncated", next.is_some());
            xml.optional("NextDNSName", next.map(|(_, zone)| &zone.name));
            xml.optional("NextHostedZoneId", next.map(|(id, _)| id));
            xml.text("MaxItems", most);
        }))
    }

    fn change_records(&mut self, id: &str, request: &RestRequest, now: Timestamp) -> Result<RestAnswer, Refusal> {
        self.zone(id)?;
        let (changes, comment) = wire::changes(&request.body)?;
        let size = size(&changes);
        if size.0 > MOST_VALUES {
            return Err(Refusal::batch(&[format!(
                "Number of records limit of {MOST_VALUES} exceeded."
            )]));
        }
        if size.1 > MOST_CHARACTERS {
            return Err(Refusal::batch(&[format!(
                "RDATA character limit of {MOST_CHARACTERS} exceeded."
            )]));
        }
        for (_, record) in &changes {
            if let Some(check) = record
                .health_check
                .as_ref()
                .filter(|check| !self.checks.contains_key(*check))
            {
                return Err(Refusal::no_health_check(check));
            }
        }
        self.check_aliases(&changes)?;
        let change = self.submit(comment, now);
        let heard = self.changes[&change].heard;
        let Some(zone) = self.zones.get_mut(id) else {
            return Err(Refusal::no_zone(id));
        };
        if let Err(wrong) = zone.change(&changes, now, heard) {
            self.changes.remove(&change);
            return Err(Refusal::batch(&wrong));
        }
        Ok(RestAnswer::of(200, "ChangeResourceRecordSetsResponse", |xml| {
            self.write_change(xml, &change, now);
        }))
    }

    fn list_records(&self, id: &str, request: &RestRequest) -> Result<RestAnswer, Refusal> {
        let zone = self.zone(id)?;
        let from = match request.parameter("name") {
            Some(name) => Some(DomainName::parse(name).map_err(|error| Refusal::input(error.to_string()))?),
            None => None,
        };
        let (kind, set) = (request.parameter("type"), request.parameter("identifier"));
        if kind.is_some() && from.is_none() {
            return Err(Refusal::input(
                "Invalid request: a type was given without a name to begin with",
            ));
        }
        if set.is_some() && kind.is_none() {
            return Err(Refusal::input(
                "Invalid request: an identifier was given without a type to begin with",
            ));
        }
        let most = wire::page(request, PAGE)?;
        let before = |record: &&RecordSet| {
            from.as_ref().is_some_and(|from| {
                (&record.name, record.kind, record.routing.id().unwrap_or_default())
                    < (from, kind.unwrap_or_default(), set.unwrap_or_default())
            })
        };
        let mut records = zone.records().iter().skip_while(before);
        Ok(RestAnswer::of(200, "ListResourceRecordSetsResponse", |xml| {
            xml.element("ResourceRecordSets", |xml| {
                for record in records.by_ref().take(most) {
                    wire::write(xml, record);
                }
            });
            let next = records.next();
            xml.text("IsTruncated", next.is_some());
            xml.text("MaxItems", most);
            if let Some(next) = next {
                xml.text("NextRecordName", &next.name);
                xml.text("NextRecordType", next.kind);
                xml.optional("NextRecordIdentifier", next.routing.id());
            }
        }))
    }

    fn get_change(&self, id: &str, now: Timestamp) -> Result<RestAnswer, Refusal> {
        if !self.changes.contains_key(id) {
            return Err(Refusal::no_change(id));
        }
        Ok(RestAnswer::of(200, "GetChangeResponse", |xml| {
            self.write_change(xml, id, now);
        }))
    }

    /// Puts a change on record; it is heard everywhere a while later, and after those before it.
    fn submit(&mut self, comment: Option<String>, now: Timestamp) -> String {
        let id = format!("C{}", self.ids.text("change", UPPER, 20));
        let heard = (now + self.settings.propagation).max(self.last_heard);
        self.last_heard = heard;
        let at = now;
        self.changes.retain(|_, change| now.since(change.heard) < CHANGES_KEPT);
        self.changes.insert(id.clone(), ChangeState { at, heard, comment });
        id
    }

    fn write_change(&self, xml: &mut Xml, id: &str, now: Timestamp) {
        let Some(change) = self.changes.get(id) else { return };
        xml.element("ChangeInfo", |xml| {
            xml.text("Id", format_args!("/change/{id}"));
            xml.text("Status", if change.heard <= now { "INSYNC" } else { "PENDING" });
            xml.text("SubmittedAt", change.at);
            xml.optional("Comment", change.comment.as_deref());
        });
    }
}

/// How many values a batch has, and how many characters they have.
fn size(changes: &[(super::zone::Action, RecordSet)]) -> (usize, usize) {
    let mut size = (0, 0);
    for (action, record) in changes {
        let times = if *action == super::zone::Action::Upsert { 2 } else { 1 };
        if let super::record::Content::Values { values, .. } = &record.content {
            size.0 += values.len() * times;
            size.1 += values.iter().map(|value| value.chars().count()).sum::<usize>() * times;
        }
    }
    size
}

fn write_zone(xml: &mut Xml, id: &str, zone: &Zone) {
    xml.element("HostedZone", |xml| {
        xml.text("Id", format_args!("/hostedzone/{id}"));
        xml.text("Name", &zone.name);
        xml.text("CallerReference", &zone.caller_reference);
        xml.element("Config", |xml| {
            xml.optional("Comment", zone.comment.as_deref());
            xml.text("PrivateZone", false);
        });
        xml.text("ResourceRecordSetCount", zone.records().len());
    });
}

fn write_servers(xml: &mut Xml) {
    xml.element("DelegationSet", |xml| {
        xml.element("NameServers", |xml| {
            for server in SERVERS {
                xml.text("NameServer", server.trim_end_matches('.'));
            }
        });
    });
}
