//! Route 53 as a whole: requests in, answers and DNS out.

mod answers;
mod changes;
mod lists;

use std::time::Duration;

use super::{RestAnswer, RestRequest, ZoneAnswer, Zones, ZonesSettings};
use crate::local::memory::Notes;
use crate::model::Timestamp;

/// A Route 53 with the zone `example.com`.
struct World {
    zones: Zones,
    zone: String,
    now: Timestamp,
}

/// So long a change takes.
const PROPAGATION: Duration = Duration::from_secs(30);

impl World {
    fn new() -> Self {
        let zones = Zones::new(ZonesSettings {
            propagation: PROPAGATION,
            // Nothing is throttled but where that is the point.
            a_second: 1000,
            pace: 1.0,
            seed: 1,
        });
        let mut world = Self {
            zones,
            zone: String::new(),
            now: Timestamp::from_millis(1_795_305_600_000),
        };
        let made = world.make_zone("example.com");
        world.zone = inside(&made.body, "Id").unwrap().replace("/hostedzone/", "");
        world.wait(60);
        world
    }

    fn make_zone(&mut self, name: &str) -> RestAnswer {
        let body = format!(
            "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>{name}</Name>\
             <CallerReference>{name}</CallerReference></CreateHostedZoneRequest>"
        );
        self.call("POST", "hostedzone", &body)
    }

    fn call(&mut self, method: &str, path: &str, body: &str) -> RestAnswer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let request = RestRequest {
            method: method.to_owned(),
            path: format!("/2013-04-01/{path}"),
            query,
            body: body.as_bytes().to_vec(),
        };
        let before = self.zones.changes();
        let answer = self.zones.handle(&request, "request-1", self.now);
        assert_eq!(method == "GET", before == self.zones.changes());
        // Whatever a test is about: were the cloud to end now, nothing would be lost.
        let _same = self.again();
        answer
    }

    /// Route 53 as it goes on after an end of the cloud.
    fn again(&self) -> Zones {
        let kept = |zones: &Zones| {
            let mut notes = Notes::default();
            zones.remember(&mut notes);
            notes
        };
        let mut again = Zones::new(self.zones.settings.clone());
        again.recall(&kept(&self.zones).kept()).unwrap();
        // The counter of ids leaps.
        assert_eq!(kept(&again).but(&["zones"]), kept(&self.zones).but(&["zones"]));
        again
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    /// Makes changes, each an action and the XML of a record set.
    fn change(&mut self, changes: &[(&str, String)]) -> RestAnswer {
        use std::fmt::Write;

        let mut body = String::new();
        for (action, record) in changes {
            write!(
                body,
                "<Change><Action>{action}</Action><ResourceRecordSet>{record}</ResourceRecordSet></Change>"
            )
            .unwrap();
        }
        let body = format!(
            "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch>\
             <Changes>{body}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
        );
        let path = format!("hostedzone/{}/rrset/", self.zone);
        self.call("POST", &path, &body)
    }

    fn ok(&mut self, changes: &[(&str, String)]) -> String {
        let answer = self.change(changes);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    /// The message with which a batch is refused.
    fn refused(&mut self, changes: &[(&str, String)]) -> String {
        let answer = self.change(changes);
        assert_eq!(answer.status, 400, "{}", answer.body);
        inside(&answer.body, "Message").unwrap().to_owned()
    }

    fn list(&mut self, query: &str) -> String {
        let path = format!("hostedzone/{}/rrset{query}", self.zone);
        let answer = self.call("GET", &path, "");
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    fn ask(&mut self, name: &str, kind: &str) -> ZoneAnswer {
        self.zones.answer(name, kind, self.now, &|_| true).unwrap()
    }

    /// How often each value comes in so many answers.
    fn shares(&mut self, name: &str, times: usize, healthy: &dyn Fn(&str) -> bool) -> Vec<(String, usize)> {
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..times {
            let value = match self.zones.answer(name, "A", self.now, healthy) {
                Some(ZoneAnswer::Values { values, .. }) => values.join(","),
                Some(ZoneAnswer::Alias(target)) => target,
                other => format!("{other:?}"),
            };
            *counts.entry(value).or_default() += 1;
        }
        counts.into_iter().collect()
    }
}

/// The text of the first element of that name.
fn inside<'a>(body: &'a str, element: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{element}>"))?;
    rest.split_once(&format!("</{element}>")).map(|(text, _)| text)
}

/// A record set of one value.
fn simple(name: &str, kind: &str, value: &str) -> String {
    let ttl = 60;
    format!(
        "<Name>{name}</Name><Type>{kind}</Type><TTL>{ttl}</TTL><ResourceRecords><ResourceRecord><Value>{value}</Value>\
         </ResourceRecord></ResourceRecords>"
    )
}

/// A weighted member.
fn member(name: &str, id: &str, weight: u32, ttl: u32, value: &str) -> String {
    format!(
        "<Name>{name}</Name><Type>A</Type><SetIdentifier>{id}</SetIdentifier><Weight>{weight}</Weight><TTL>{ttl}</TTL>\
         <ResourceRecords><ResourceRecord><Value>{value}</Value></ResourceRecord></ResourceRecords>"
    )
}

/// A weighted alias to a name of Elastic Beanstalk.
fn alias(name: &str, id: &str, weight: u32, target: &str) -> String {
    format!(
        "<Name>{name}</Name><Type>A</Type><SetIdentifier>{id}</SetIdentifier><Weight>{weight}</Weight><AliasTarget>\
         <HostedZoneId>Z1FRNW7UH4DEZJ</HostedZoneId><DNSName>{target}</DNSName>\
         <EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget>"
    )
}
