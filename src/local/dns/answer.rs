//! What is answered to a question, without any network.

use std::borrow::Cow;

use hickory_server::proto::ProtoError;
use hickory_server::proto::op::ResponseCode;
use hickory_server::proto::rr::rdata::{A, CNAME, SOA, TXT};
use hickory_server::proto::rr::{Name, RData, Record, RecordType};

use super::{NameAnswer, Names};

/// Names below these exist only if [`Names`] knows them.
const ZONES: [&str; 2] = ["elasticbeanstalk.com", "elb.amazonaws.com"];
/// How long resolvers may remember that there is no such name. As short as DNS can say, or a name asked for too early would
/// stay hidden once it is there.
const ABSENCE_SECONDS: u32 = 1;

/// An answer to one question.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) code: ResponseCode,
    pub(super) records: Vec<Record>,
    /// Says of an answer without records how long it holds.
    pub(super) authority: Option<Record>,
}

impl Answer {
    fn refused() -> Self {
        Self {
            code: ResponseCode::Refused,
            records: Vec::new(),
            authority: None,
        }
    }

    fn empty(code: ResponseCode, zone: &str) -> Result<Self, ProtoError> {
        Ok(Self {
            code,
            records: Vec::new(),
            authority: Some(authority(zone)?),
        })
    }
}

/// Answers a question for a name in small letters, without a dot at the end.
pub(super) fn answer(names: &dyn Names, name: &str, kind: RecordType) -> Result<Answer, ProtoError> {
    let zone = match ZONES.into_iter().find(|zone| below(name, zone)) {
        Some(zone) => Some(Cow::Borrowed(zone)),
        None => names.zone(name).map(Cow::Owned),
    };
    let zone = zone.as_deref();
    if kind == RecordType::TXT
        && let (Some(zone), Some((values, ttl))) = (zone, names.texts(name))
    {
        return texts(name, &values, ttl, zone);
    }
    if let Some(zone) = zone.filter(|zone| *zone == name && kind == RecordType::SOA) {
        return Ok(Answer {
            code: ResponseCode::NoError,
            records: vec![authority(zone)?],
            authority: None,
        });
    }
    match (names.resolve(name), zone) {
        (Some(known), zone) => known_name(name, &known, kind, zone.unwrap_or(name)),
        (None, None) => Ok(Answer::refused()),
        // These have names below them, so they exist; a resolver that heard otherwise would not ask for those (RFC 8020).
        (None, Some(zone)) if name == zone || is_region(name, zone) => Answer::empty(ResponseCode::NoError, zone),
        (None, Some(zone)) => Answer::empty(ResponseCode::NXDomain, zone),
    }
}

fn known_name(name: &str, known: &NameAnswer, kind: RecordType, zone: &str) -> Result<Answer, ProtoError> {
    let ttl = known.ttl_seconds.max(1);
    let mut records = Vec::new();
    let mut last = name;
    for (owner, target) in &known.chain {
        let data = RData::CNAME(CNAME(absolute(target)?));
        records.push(Record::from_rdata(absolute(owner)?, ttl, data));
        last = target;
        // Who asks for the alias itself does not want to know where it leads.
        if kind == RecordType::CNAME {
            break;
        }
    }
    if matches!(kind, RecordType::A | RecordType::ANY) {
        for address in &known.addresses {
            records.push(Record::from_rdata(absolute(last)?, ttl, RData::A(A(*address))));
        }
    }
    let complete = match kind {
        RecordType::A => !known.addresses.is_empty(),
        RecordType::CNAME | RecordType::ANY => !records.is_empty(),
        _ => false,
    };
    Ok(Answer {
        code: ResponseCode::NoError,
        authority: if complete { None } else { Some(authority(zone)?) },
        records,
    })
}

fn texts(name: &str, values: &[String], ttl: u32, zone: &str) -> Result<Answer, ProtoError> {
    let records: Vec<Record> = values
        .iter()
        .map(|value| {
            Ok(Record::from_rdata(
                absolute(name)?,
                ttl.max(1),
                RData::TXT(TXT::new(strings(value))),
            ))
        })
        .collect::<Result<_, ProtoError>>()?;
    Ok(Answer {
        code: ResponseCode::NoError,
        authority: if records.is_empty() {
            Some(authority(zone)?)
        } else {
            None
        },
        records,
    })
}

/// The strings of a value in the form of a zone file: each in quotation marks, within which a backslash hides the next
/// character.
fn strings(value: &str) -> Vec<String> {
    let mut strings = Vec::new();
    let mut open: Option<String> = None;
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match (&mut open, character) {
            (None, '"') => open = Some(String::new()),
            (None, _) => {}
            (Some(_), '"') => strings.extend(open.take()),
            (Some(text), '\\') => text.extend(characters.next()),
            (Some(text), other) => text.push(other),
        }
    }
    strings
}

fn below(name: &str, zone: &str) -> bool {
    name.strip_suffix(zone)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether a name is a zone with the name of a region in front, such as `eu-central-1.elasticbeanstalk.com`.
fn is_region(name: &str, zone: &str) -> bool {
    let Some(label) = name.strip_suffix(zone).and_then(|rest| rest.strip_suffix('.')) else {
        return false;
    };
    let parts: Vec<&str> = label.split('-').collect();
    parts.len() >= 3
        && parts.first().is_some_and(|area| area.len() == 2)
        && parts.last().is_some_and(|number| number.parse::<u8>().is_ok())
}

fn absolute(name: &str) -> Result<Name, ProtoError> {
    let mut name = Name::from_ascii(name)?;
    name.set_fqdn(true);
    Ok(name)
}

fn authority(zone: &str) -> Result<Record, ProtoError> {
    let zone = absolute(zone)?;
    let server = absolute("ns.localhost")?;
    let person = absolute("hostmaster.localhost")?;
    let data = SOA::new(server, person, 1, 3600, 600, 86_400, ABSENCE_SECONDS);
    Ok(Record::from_rdata(zone, ABSENCE_SECONDS, RData::SOA(data)))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    struct One;

    const NAME: &str = "shop.eu-central-1.elasticbeanstalk.com";
    const BALANCER: &str = "awseb-1.eu-central-1.elb.amazonaws.com";

    impl Names for One {
        fn resolve(&self, name: &str) -> Option<NameAnswer> {
            let chain = match name {
                NAME => vec![(NAME.to_owned(), BALANCER.to_owned())],
                BALANCER => Vec::new(),
                "shop.example.com" => vec![
                    (name.to_owned(), NAME.to_owned()),
                    (NAME.to_owned(), BALANCER.to_owned()),
                ],
                "dangling.eu-central-1.elasticbeanstalk.com" => {
                    return Some(NameAnswer {
                        ttl_seconds: 60,
                        ..NameAnswer::default()
                    });
                }
                _ => return None,
            };
            Some(NameAnswer {
                chain,
                addresses: vec![Ipv4Addr::new(127, 0, 0, 9)],
                ttl_seconds: 0,
            })
        }
    }

    /// Records as `name type value`.
    fn ask(name: &str, kind: RecordType) -> (ResponseCode, Vec<String>, bool) {
        let answer = answer(&One, name, kind).unwrap();
        let records = answer
            .records
            .iter()
            .map(|record| {
                assert_eq!(record.ttl, 1);
                format!("{} {} {}", record.name, record.record_type(), record.data)
            })
            .collect();
        (answer.code, records, answer.authority.is_some())
    }

    #[test]
    fn aliases_are_followed_to_the_address() {
        let alias = format!("{NAME}. CNAME {BALANCER}.");
        let address = format!("{BALANCER}. A 127.0.0.9");
        let first = format!("shop.example.com. CNAME {NAME}.");
        for kind in [RecordType::A, RecordType::ANY] {
            let expected = vec![first.clone(), alias.clone(), address.clone()];
            assert_eq!(ask("shop.example.com", kind), (ResponseCode::NoError, expected, false));
        }
        assert_eq!(
            ask(BALANCER, RecordType::A),
            (ResponseCode::NoError, vec![address], false)
        );
        assert_eq!(
            ask("shop.example.com", RecordType::CNAME),
            (ResponseCode::NoError, vec![first], false)
        );
        assert_eq!(ask(NAME, RecordType::AAAA), (ResponseCode::NoError, vec![alias], true));
        assert_eq!(ask(BALANCER, RecordType::AAAA), (ResponseCode::NoError, vec![], true));
    }

    #[test]
    fn what_is_not_there_is_told_apart_from_what_is_not_ours() {
        for (name, code, authority) in [
            ("other.eu-central-1.elasticbeanstalk.com", ResponseCode::NXDomain, true),
            ("other.eu-central-1.elb.amazonaws.com", ResponseCode::NXDomain, true),
            (
                "dangling.eu-central-1.elasticbeanstalk.com",
                ResponseCode::NoError,
                true,
            ),
            ("eu-central-1.elasticbeanstalk.com", ResponseCode::NoError, true),
            ("elasticbeanstalk.com", ResponseCode::NoError, true),
            ("notelasticbeanstalk.com", ResponseCode::Refused, false),
            ("example.com", ResponseCode::Refused, false),
        ] {
            assert_eq!(ask(name, RecordType::A), (code, vec![], authority), "{name}");
        }
    }

    #[test]
    fn absence_is_soon_forgotten() {
        let answer = answer(&One, "other.elasticbeanstalk.com", RecordType::A).unwrap();
        let authority = answer.authority.unwrap();
        let RData::SOA(data) = &authority.data else {
            panic!("{authority}")
        };
        assert_eq!((authority.ttl, data.minimum), (1, 1));
    }
}
