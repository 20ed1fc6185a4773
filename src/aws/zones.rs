//! Route 53, by what a release asks of it. The whole account may send it five requests a second, so little is asked.

use aws_sdk_route53::types::{
    AliasTarget, Change as WireChange, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecord, ResourceRecordSet,
    RrType,
};
use aws_smithy_types::error::operation::BuildError;

use super::error::read;
use super::{Aws, CallError, InTime};
use crate::traffic::{Change, Content, Hosts, Record, Routing};

/// Pages of 300 records: more than a zone may have without asking for more (10,000), and as many calls as the account may make in
/// eight seconds (source: Route 53 quotas, five calls a second).
const PAGES: usize = 40;

/// The records of a zone that lead to an environment.
#[derive(Clone, Debug, Default)]
pub struct Leading {
    /// Those that were found.
    pub records: Vec<Record>,
    /// Whether all of the zone was read; it may be larger than that.
    pub all: bool,
}

impl Aws {
    /// The id of the public hosted zone that a name lies in: the one with the longest name. `None` if there is none. Reads, one
    /// for each label of the name until it is found.
    ///
    /// # Errors
    ///
    /// When that cannot be said, or two zones have the same name: then nobody can tell which of them answers.
    pub async fn hosted_zone(&self, name: &str) -> Result<Option<String>, CallError> {
        const OPERATION: &str = "ListHostedZonesByName";
        let mut rest = Some(name);
        while let Some(domain) = rest.filter(|domain| !domain.is_empty() && *domain != ".") {
            let answer = self
                .route53
                .list_hosted_zones_by_name()
                .dns_name(domain)
                .send()
                .await
                .map_err(|error| read(OPERATION, error))?;
            let public = |zone: &&aws_sdk_route53::types::HostedZone| {
                zone.config().is_none_or(|config| !config.private_zone())
                    && zone.name().trim_end_matches('.') == domain.trim_end_matches('.')
            };
            let found: Vec<&str> = answer
                .hosted_zones()
                .iter()
                .filter(public)
                .map(|zone| zone.id())
                .collect();
            match found.as_slice() {
                [] => {}
                [one] => return Ok(Some(bare(one).to_owned())),
                several => {
                    let ids: Vec<&str> = several.iter().map(|id| bare(id)).collect();
                    return Err(CallError::refused(
                        OPERATION,
                        format!(
                            "several hosted zones are called {domain}: {}; say which with --zone, or in `weighted_dns.zone`",
                            ids.join(", ")
                        ),
                    ));
                }
            }
            rest = domain.split_once('.').map(|(_, rest)| rest);
        }
        Ok(None)
    }

    /// Makes a public hosted zone and gives its id. A release never does this; rehearsals do.
    ///
    /// # Errors
    ///
    /// When the service refuses, or nobody knows.
    pub async fn create_hosted_zone(&self, name: &str) -> Result<String, CallError> {
        let answer = self
            .route53_once
            .create_hosted_zone()
            .name(name)
            .caller_reference(name)
            .send()
            .await
            .map_err(|error| read("CreateHostedZone", error))?;
        Ok(answer
            .hosted_zone()
            .map_or_else(String::new, |zone| bare(zone.id()).to_owned()))
    }

    /// The records of a zone that lead to an environment, whatever their names are; of a very large zone those among its first
    /// [`PAGES`] pages. A read.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn records_to(&self, zone: &str, hosts: &Hosts) -> Result<Leading, CallError> {
        const OPERATION: &str = "ListResourceRecordSets";
        let mut found = Leading::default();
        let mut next = (None, None, None);
        for _ in 0..PAGES {
            let answer = self
                .route53
                .list_resource_record_sets()
                .hosted_zone_id(zone)
                .set_start_record_name(next.0)
                .set_start_record_type(next.1)
                .set_start_record_identifier(next.2)
                .send()
                .await
                .map_err(|error| read(OPERATION, error))?;
            let records = answer.resource_record_sets().iter().map(seen);
            found.records.extend(records.filter(|record| hosts.are_met_by(record)));
            if !answer.is_truncated() {
                found.all = true;
                break;
            }
            next = (
                answer.next_record_name,
                answer.next_record_type,
                answer.next_record_identifier,
            );
        }
        Ok(found)
    }

    /// All records of a name, with a dot at its end. A read; more than one where there are hundreds.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn records(&self, zone: &str, name: &str) -> Result<Vec<Record>, CallError> {
        const OPERATION: &str = "ListResourceRecordSets";
        let mut found = Vec::new();
        let mut next = (name.to_owned(), None::<RrType>, None::<String>);
        loop {
            let (from, kind, id) = next;
            let answer = self
                .route53
                .list_resource_record_sets()
                .hosted_zone_id(zone)
                .start_record_name(from)
                .set_start_record_type(kind)
                .set_start_record_identifier(id)
                .send()
                .await
                .map_err(|error| read(OPERATION, error))?;
            for wire in answer.resource_record_sets() {
                // The list goes on with other names.
                if wire.name() != name {
                    return Ok(found);
                }
                found.push(seen(wire));
            }
            match (answer.is_truncated(), answer.next_record_name) {
                (true, Some(from)) if from == name => {
                    next = (from, answer.next_record_type, answer.next_record_identifier);
                }
                _ => return Ok(found),
            }
        }
    }

    /// Carries out changes, all or none. Compare and swap: sent once, and what is deleted must be exactly so. Gives the id by
    /// which [`Aws::is_in_sync`] tells when all servers have heard of it.
    ///
    /// # Errors
    ///
    /// When it was refused (code `InvalidChangeBatch`: somebody else has changed a record), or nobody knows.
    pub async fn change_records(&self, zone: &str, changes: &[Change], comment: &str) -> Result<String, CallError> {
        let whenever = InTime::whenever();
        self.change_records_in_time(zone, changes, comment, &whenever).await
    }

    /// The same, unless it would go out too late.
    ///
    /// # Errors
    ///
    /// As [`Aws::change_records`]; and when it was too late.
    pub async fn change_records_in_time(
        &self,
        zone: &str,
        changes: &[Change],
        comment: &str,
        in_time: &InTime,
    ) -> Result<String, CallError> {
        const OPERATION: &str = "ChangeResourceRecordSets";
        let unwritable = |error: BuildError| CallError::refused(OPERATION, error.to_string());
        let mut batch = ChangeBatch::builder().comment(comment);
        for change in changes {
            let action = match change {
                Change::Create(_) => ChangeAction::Create,
                Change::Delete(_) => ChangeAction::Delete,
            };
            let record = wire(change.record()).map_err(unwritable)?;
            let change = WireChange::builder().action(action).resource_record_set(record).build();
            batch = batch.changes(change.map_err(unwritable)?);
        }
        let answer = self
            .route53_once
            .change_resource_record_sets()
            .hosted_zone_id(zone)
            .change_batch(batch.build().map_err(unwritable)?)
            .customize()
            .interceptor(in_time.clone())
            .send()
            .await
            .map_err(|error| read(OPERATION, error))?;
        Ok(answer
            .change_info()
            .map_or_else(String::new, |info| bare(info.id()).to_owned()))
    }

    /// Whether all servers of Route 53 have heard of a change. A read. What resolvers keep is not known by it.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn is_in_sync(&self, change: &str) -> Result<bool, CallError> {
        let answer = self.route53.get_change().id(change).send().await;
        let answer = answer.map_err(|error| read("GetChange", error))?;
        Ok(answer
            .change_info()
            .is_some_and(|info| *info.status() == ChangeStatus::Insync))
    }
}

/// An id without what the service puts in front of it.
fn bare(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn seen(wire: &ResourceRecordSet) -> Record {
    let id = || wire.set_identifier().unwrap_or_default().to_owned();
    let other = |policy| Routing::Other { id: id(), policy };
    let routing = match wire.weight() {
        // Beyond what a weight can be is not a weight that could be written again.
        Some(weight) => {
            u8::try_from(weight).map_or_else(|_| other("weighted"), |weight| Routing::Weighted { id: id(), weight })
        }
        None if wire.failover().is_some() => other("failover"),
        None if wire.region().is_some() => other("latency"),
        None if wire.geo_location().is_some() => other("geolocation"),
        None if wire.geo_proximity_location().is_some() => other("geoproximity"),
        None if wire.multi_value_answer() == Some(true) => other("multivalue answer"),
        None if wire.cidr_routing_config().is_some() => other("IP-based"),
        None if wire.traffic_policy_instance_id().is_some() => other("traffic policy"),
        None => Routing::Simple,
    };
    let content = match wire.alias_target() {
        Some(alias) => Content::Alias {
            zone: alias.hosted_zone_id().to_owned(),
            target: alias.dns_name().to_owned(),
            evaluate_health: alias.evaluate_target_health(),
        },
        None => Content::Values {
            ttl: wire.ttl().and_then(|ttl| u32::try_from(ttl).ok()).unwrap_or_default(),
            values: wire
                .resource_records()
                .iter()
                .map(|record| record.value().to_owned())
                .collect(),
        },
    };
    Record {
        name: wire.name().to_owned(),
        kind: wire.r#type().as_str().to_owned(),
        routing,
        content,
        health_check: wire.health_check_id().map(str::to_owned),
    }
}

fn wire(record: &Record) -> Result<ResourceRecordSet, BuildError> {
    let mut wire = ResourceRecordSet::builder()
        .name(&record.name)
        .r#type(RrType::from(record.kind.as_str()))
        .set_health_check_id(record.health_check.clone());
    match &record.routing {
        Routing::Simple => {}
        Routing::Weighted { id, weight } => wire = wire.set_identifier(id).weight(i64::from(*weight)),
        Routing::Other { policy, .. } => {
            return Err(BuildError::other(format!(
                "{record} has a policy that is not written: {policy}"
            )));
        }
    }
    match &record.content {
        Content::Values { ttl, values } => {
            wire = wire.ttl(i64::from(*ttl));
            for value in values {
                wire = wire.resource_records(ResourceRecord::builder().value(value).build()?);
            }
        }
        Content::Alias {
            zone,
            target,
            evaluate_health,
        } => {
            let alias = AliasTarget::builder().hosted_zone_id(zone).dns_name(target);
            wire = wire.alias_target(alias.evaluate_target_health(*evaluate_health).build()?);
        }
    }
    wire.build()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use bytes::Bytes;

    use super::*;
    use crate::aws::{AwsSettings, InProcess};

    /// A zone of so many pages, each of which holds one record that leads to blue.
    struct Zone(usize);

    #[async_trait]
    impl InProcess for Zone {
        async fn answer(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, String> {
            let asked = request.uri().query().unwrap_or_default();
            let name = asked.split('&').find_map(|pair| pair.strip_prefix("name=page-"));
            let page: usize = name.map_or(1, |page| page.parse().unwrap());
            let record = format!(
                "<ResourceRecordSet><Name>page-{page}</Name><Type>CNAME</Type><TTL>60</TTL><ResourceRecords><ResourceRecord>\
                 <Value>blue.example.com</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>"
            );
            let next = match page < self.0 {
                true => format!(
                    "<IsTruncated>true</IsTruncated><NextRecordName>page-{}</NextRecordName>",
                    page + 1
                ),
                false => "<IsTruncated>false</IsTruncated>".to_owned(),
            };
            let text = format!(
                "<ListResourceRecordSetsResponse><ResourceRecordSets>{record}</ResourceRecordSets>{next}<MaxItems>300</MaxItems>\
                 </ListResourceRecordSetsResponse>"
            );
            Ok(http::Response::new(Bytes::from(text)))
        }
    }

    #[tokio::test]
    async fn a_zone_that_is_too_large_is_not_taken_for_read() {
        for (pages, records, all) in [(1, 1, true), (PAGES, PAGES, true), (PAGES + 1, PAGES, false)] {
            let aws = Aws::connect(&AwsSettings {
                region: Some("eu-west-1".to_owned()),
                in_process: Some(Arc::new(Zone(pages))),
                endpoint: Some("http://cloud".to_owned()),
                keys: Some(("key".to_owned(), "secret".to_owned())),
            })
            .await;
            let blue = Hosts {
                environment: "e-blue".into(),
                cname: Some("blue.example.com".to_owned()),
                endpoint: None,
                group: None,
            };
            let leading = aws.records_to("Z1", &blue).await.unwrap();
            assert_eq!((leading.records.len(), leading.all), (records, all), "{pages} pages");
        }
    }
}
