//! Batches of changes: all or nothing, and the exact words of what is refused.

use super::{World, alias, inside, member, simple};

#[test]
fn a_batch_is_carried_out_whole_or_not_at_all() {
    let mut world = World::new();
    let good = ("UPSERT", simple("a.example.com", "A", "127.0.0.1"));
    let bad = ("CREATE", simple("a.example.org", "A", "127.0.0.1"));
    let message = world.refused(&[good.clone(), bad]);
    assert_eq!(
        message,
        "[RRSet with DNS name a.example.org. is not permitted in zone example.com.]"
    );
    assert!(!world.list("").contains("a.example.com."));
    world.ok(&[good]);
    assert!(world.list("").contains("a.example.com."));
}

#[test]
fn deleting_the_old_and_creating_the_new_is_a_compare_and_swap() {
    let mut world = World::new();
    let of = |weight| member("www.example.com", "blue", weight, 60, "127.0.0.1");
    world.ok(&[("CREATE", of(100))]);
    world.ok(&[("DELETE", of(100)), ("CREATE", of(0))]);
    let named = "[name='www.example.com.', type='A', set-identifier='blue']";
    // Somebody who has not heard of that.
    let message = world.refused(&[("DELETE", of(100)), ("CREATE", of(50))]);
    let mismatch =
        format!("Tried to delete resource record set {named} but the values provided do not match the current values");
    assert!(message.contains(&mismatch), "{message}");
    assert!(world.list("").contains("<Weight>0</Weight>"));
    let again = world.refused(&[("CREATE", of(0))]);
    assert_eq!(
        again,
        format!("[Tried to create resource record set {named} but it already exists]")
    );
    let missing = world.refused(&[("DELETE", member("www.example.com", "green", 1, 60, "127.0.0.2"))]);
    assert_eq!(
        missing,
        "[Tried to delete resource record set [name='www.example.com.', type='A', set-identifier='green'] but it was not found]"
    );
}

#[test]
fn the_order_of_values_is_of_no_importance_when_deleting() {
    let mut world = World::new();
    let two = |first: &str, second: &str| {
        simple("a.example.com", "A", first).replace(
            "</ResourceRecords>",
            &format!("<ResourceRecord><Value>{second}</Value></ResourceRecord></ResourceRecords>"),
        )
    };
    world.ok(&[("CREATE", two("127.0.0.1", "127.0.0.2"))]);
    world.ok(&[("DELETE", two("127.0.0.2", "127.0.0.1"))]);
}

#[test]
fn members_share_policy_and_time_to_live() {
    let mut world = World::new();
    let www = "www.example.com";
    world.ok(&[
        ("CREATE", member(www, "blue", 255, 60, "127.0.0.1")),
        ("CREATE", member(www, "green", 0, 60, "127.0.0.2")),
        ("CREATE", simple("plain.example.com", "A", "127.0.0.1")),
    ]);
    for (record, message) in [
        (
            member(www, "red", 1, 30, "127.0.0.3"),
            "RRSet with DNS name www.example.com., type A, SetIdentifier red cannot be created as weighted sets must contain the \
             same TTL.",
        ),
        (
            simple(www, "A", "127.0.0.3"),
            "RRSet with DNS name www.example.com., type A cannot be created as other RRSets exist with the same name and type.",
        ),
        (
            member("plain.example.com", "y", 1, 60, "127.0.0.3"),
            "RRSet with DNS name plain.example.com., type A, SetIdentifier y cannot be created as a non-weighted set exists with \
             the same name and type.",
        ),
        (
            simple(www, "CNAME", "a.example.org"),
            "RRSet of type CNAME with DNS name www.example.com. is not permitted because a conflicting RRSet of type  A with the \
             same DNS name already exists in zone example.com.",
        ),
        (
            simple("example.com", "CNAME", "a.example.org"),
            "RRSet of type CNAME with DNS name example.com. is not permitted at apex in zone example.com.",
        ),
        (
            simple("b.example.com", "A", "notip"),
            "Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered \
             with 'notip''",
        ),
        (
            simple("b.example.com", "TXT", "bare"),
            "Invalid Resource Record: 'FATAL problem: InvalidCharacterString (Value should be enclosed in quotation marks) \
             encountered with 'bare''",
        ),
    ] {
        assert_eq!(world.refused(&[("CREATE", record)]), format!("[{message}]"));
    }
    // Both members at once get another one.
    world.ok(&[
        ("DELETE", member(www, "blue", 255, 60, "127.0.0.1")),
        ("DELETE", member(www, "green", 0, 60, "127.0.0.2")),
        ("CREATE", member(www, "blue", 255, 30, "127.0.0.1")),
        ("CREATE", member(www, "green", 0, 30, "127.0.0.2")),
    ]);
}

#[test]
fn a_request_that_is_not_well_formed_says_where() {
    let mut world = World::new();
    let www = "www.example.com";
    let without = |record: String, element: &str| {
        let text = inside(&record, element).unwrap().to_owned();
        record.replace(&format!("<{element}>{text}</{element}>"), "")
    };
    let place = "in Change with [Action=CREATE, Name=www.example.com., Type=A, SetIdentifier";
    for (record, message) in [
        (
            without(simple(www, "A", "127.0.0.1"), "TTL"),
            format!(
                "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or \
                 TrafficPolicyInstanceId], but found none {place}=null]"
            ),
        ),
        (
            format!("{}<TTL>60</TTL>", alias(www, "blue", 1, "shop.eu-central-1.elasticbeanstalk.com")),
            format!(
                "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or \
                 TrafficPolicyInstanceId], but found more than one {place}=blue]"
            ),
        ),
        (
            without(member(www, "blue", 1, 60, "127.0.0.1"), "SetIdentifier"),
            format!("Invalid request: Missing field 'SetIdentifier' {place}=null]"),
        ),
        (
            without(member(www, "blue", 1, 60, "127.0.0.1"), "Weight"),
            format!(
                "Invalid request: Expected exactly one of [Weight, Region, Failover, GeoLocation, MultiValueAnswer], but found \
                 none {place}=blue]"
            ),
        ),
        (
            member(www, "blue", 256, 60, "127.0.0.1"),
            "1 validation error detected: Value '256' at 'changeBatch.changes.1.member.resourceRecordSet.weight' failed to \
             satisfy constraint: Member must have value less than or equal to 255"
                .to_owned(),
        ),
    ] {
        let answer = world.change(&[("CREATE", record)]);
        assert_eq!(inside(&answer.body, "Code"), Some("InvalidInput"), "{}", answer.body);
        assert_eq!(inside(&answer.body, "Message"), Some(message.as_str()));
    }
    let answer = world.change(&[("REPLACE", simple(www, "A", "127.0.0.1"))]);
    assert!(
        answer.body.contains("satisfy enum value set: [CREATE, DELETE, UPSERT]"),
        "{}",
        answer.body
    );
    assert_eq!(world.change(&[]).status, 400);
    let path = format!("hostedzone/{}/rrset/", world.zone);
    for (body, code) in [
        ("", "InvalidInput"),
        ("not xml", "InvalidInput"),
        ("<ChangeResourceRecordSetsRequest/>", "InvalidInput"),
        ("<a>", "MalformedInput"),
    ] {
        let answer = world.call("POST", &path, body);
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(inside(&answer.body, "Code"), Some(code), "{body}");
    }
}

#[test]
fn what_the_cloud_does_not_have_is_not_lost_without_a_word() {
    let mut world = World::new();
    let record = member("www.example.com", "blue", 1, 60, "127.0.0.1");
    for more in [
        "<CidrRoutingConfig><CollectionId>aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa</CollectionId><LocationName>y</LocationName>\
         </CidrRoutingConfig>",
        "<GeoProximityLocation><AWSRegion>eu-central-1</AWSRegion></GeoProximityLocation>",
        "<TrafficPolicyInstanceId>a</TrafficPolicyInstanceId>",
    ] {
        let answer = world.change(&[("CREATE", format!("{record}{more}"))]);
        assert_eq!(answer.status, 501, "{more}: {}", answer.body);
    }
    let mut zone = |more: &str| {
        let body = format!(
            "<CreateHostedZoneRequest><Name>example.net</Name><CallerReference>{}</CallerReference>{more}</CreateHostedZoneRequest>",
            more.len()
        );
        world.call("POST", "hostedzone", &body).status
    };
    for (more, status) in [
        ("<DelegationSetId>N1</DelegationSetId>", 501),
        ("<VPC><VPCId>vpc-1</VPCId></VPC>", 501),
        (
            "<HostedZoneConfig><PrivateZone>true</PrivateZone></HostedZoneConfig>",
            501,
        ),
        (
            "<HostedZoneConfig><PrivateZone>false</PrivateZone></HostedZoneConfig>",
            201,
        ),
        ("<Colour>blue</Colour>", 400),
    ] {
        assert_eq!(zone(more), status, "{more}");
    }
}

#[test]
fn a_record_set_has_a_form_that_goes_with_its_type_and_policy() {
    let mut world = World::new();
    let zone = world.zone.clone();
    let www = "www.example.com";
    let many: String = (0..101)
        .map(|number| format!("<ResourceRecord><Value>127.0.0.{number}</Value></ResourceRecord>"))
        .collect();
    let policy = |what: &str| simple(www, "CNAME", "example.org") + "<SetIdentifier>s</SetIdentifier>" + what;
    let own = |kind: &str| {
        format!(
            "<Name>{www}</Name><Type>{kind}</Type><AliasTarget><HostedZoneId>{zone}</HostedZoneId><DNSName>example.com</DNSName>\
             <EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget>"
        )
    };
    for (record, told) in [
        (
            simple(www, "A", "0").replace("<ResourceRecord><Value>0</Value></ResourceRecord>", &many),
            "[Cannot have more than 100 records in a RRSet.]",
        ),
        (
            simple(www, "MX", "mail.example.com"),
            "[Invalid Resource Record: 'FATAL problem: MXRRDATAInvalid (Value is not a valid MX record) encountered with \
             'mail.example.com'']",
        ),
        (
            own("NS"),
            "[RRSet with DNS name www.example.com., type NS cannot be an alias.]",
        ),
        (
            own("SOA"),
            "[RRSet with DNS name www.example.com., type SOA cannot be an alias.]",
        ),
        (
            policy("<MultiValueAnswer>true</MultiValueAnswer>"),
            "[RRSet with DNS name www.example.com., type CNAME cannot be created as a multivalue answer set.]",
        ),
        (
            policy("<GeoLocation/>"),
            "Invalid request: Expected exactly one of [ContinentCode, CountryCode, all of [CountryCode, and SubdivisionCode]] in \
             Change with [Action=CREATE, Name=www.example.com., Type=CNAME, SetIdentifier=s]",
        ),
    ] {
        assert_eq!(world.refused(&[("CREATE", record)]), told);
    }
    let same = || simple(www, "A", "127.0.0.1");
    for (first, second) in [("UPSERT", "UPSERT"), ("CREATE", "UPSERT")] {
        assert_eq!(
            world.refused(&[(first, same()), (second, same())]),
            "[The request contains an invalid set of changes for a resource record set 'A www.example.com.']"
        );
    }
    world.ok(&[("UPSERT", same())]);
    world.ok(&[("DELETE", same()), ("CREATE", same())]);
}

#[test]
fn an_alias_leads_to_a_name_of_the_zone_that_is_said_to_be_its_own() {
    let mut world = World::new();
    world.ok(&[(
        "CREATE",
        alias("example.com", "blue", 1, "shop.eu-central-1.elasticbeanstalk.com"),
    )]);
    for target in ["shop.eu-west-1.elasticbeanstalk.com", "www.example.org"] {
        let message = world.refused(&[("CREATE", alias("example.com", "green", 1, target))]);
        assert_eq!(
            message,
            format!(
                "[Tried to create an alias that targets {target}., type A in zone Z1FRNW7UH4DEZJ, but the alias target name does \
                 not lie within the target zone]"
            )
        );
    }
    let within = |target: &str| {
        let zone = world.zone.clone();
        alias("www.example.com", "blue", 1, target).replace("Z1FRNW7UH4DEZJ", &zone)
    };
    let (missing, there) = (within("nothing.example.com"), within("example.com"));
    assert!(
        world
            .refused(&[("CREATE", missing)])
            .contains("but that target was not found")
    );
    world.ok(&[("CREATE", there)]);
}

#[test]
fn a_zone_keeps_the_records_of_its_own() {
    let mut world = World::new();
    let body = world.list("?name=example.com&type=NS&maxitems=1");
    let record = inside(&body, "ResourceRecordSet").unwrap().to_owned();
    let message = world.refused(&[("DELETE", record)]);
    assert_eq!(
        message,
        "[A HostedZone must contain at least one NS record for the zone itself.]"
    );
    world.ok(&[("CREATE", simple("a.example.com", "A", "127.0.0.1"))]);
    let path = format!("hostedzone/{}", world.zone);
    let answer = world.call("DELETE", &path, "");
    assert_eq!(inside(&answer.body, "Code"), Some("HostedZoneNotEmpty"));
    world.ok(&[("DELETE", simple("a.example.com", "A", "127.0.0.1"))]);
    assert_eq!(world.call("DELETE", &path, "").status, 200);
    assert_eq!(world.call("GET", &path, "").status, 404);
}

#[test]
fn what_is_said_of_a_change_is_told_with_it() {
    let mut world = World::new();
    let path = format!("hostedzone/{}/rrset", world.zone);
    let body = format!(
        "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch>\
         <Comment>a &amp; b</Comment><Changes><Change><Action>CREATE</Action><ResourceRecordSet>{}</ResourceRecordSet></Change></Changes></ChangeBatch>\
         </ChangeResourceRecordSetsRequest>",
        simple("a.example.com", "A", "127.0.0.1")
    );
    let answer = world.call("POST", &path, &body);
    let told = "</SubmittedAt><Comment>a &amp; b</Comment></ChangeInfo>";
    assert!(answer.body.contains(told), "{}", answer.body);
    let id = inside(&answer.body, "Id").unwrap();
    let later = world.call("GET", id.trim_start_matches('/'), "");
    assert!(later.body.contains(told), "{}", later.body);
}
