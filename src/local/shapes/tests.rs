use super::*;

const BEANSTALK: &str = "2010-12-01";
const BALANCING: &str = "2015-12-01";
const IDENTITIES: &str = "2010-05-08";

fn check_call(version: &str, action: &str, parameters: &[(&str, &str)]) -> Result<(), (&'static str, String)> {
    let own = [("Action", action), ("Version", version)];
    let all: Vec<(String, String)> = own
        .iter()
        .chain(parameters)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    check(action, &Parameters::parse(&all)).map_err(|error| (error.code, error.message))
}

#[test]
fn all_tables_are_whole() {
    for service in Service::ALL {
        let table = service.table();
        assert_eq!(table.missing(), Vec::<&str>::new(), "{service:?}");
        let by_query = Service::of_version(table.version());
        assert_eq!(by_query, service.speaks_query().then_some(service));
    }
}

#[test]
fn what_must_be_there_is_told_all_at_once() {
    let told = check_call(BEANSTALK, "CreateApplicationVersion", &[("Description", "x")]).unwrap_err();
    assert_eq!(told.0, "ValidationError");
    assert_eq!(
        told.1,
        "2 validation errors detected: Value null at 'applicationName' failed to satisfy constraint: Member must not be null; \
         Value null at 'versionLabel' failed to satisfy constraint: Member must not be null"
    );
}

#[test]
fn each_service_words_broken_rules_in_its_own_way() {
    let long = "x".repeat(101);
    let told = check_call(BEANSTALK, "CreateApplication", &[("ApplicationName", &long)]).unwrap_err();
    assert_eq!(told.0, "InvalidParameterValue");
    assert!(told.1.ends_with(
        "at 'ApplicationName' failed to satisfy constraint: Member must have length less than or equal to 100"
    ));
    let told = check_call(IDENTITIES, "GetRole", &[("RoleName", "a b")]).unwrap_err();
    assert_eq!(
        told,
        (
            "ValidationError",
            "1 validation error detected: Value 'a b' at 'roleName' failed to satisfy constraint: Member must satisfy regular \
             expression pattern: [\\w+=,.@-]+"
                .to_owned()
        )
    );
}

#[test]
fn types_ranges_and_choices_are_checked() {
    for (action, name, value, code) in [
        ("DescribeEvents", "MaxRecords", "many", "MalformedInput"),
        ("DescribeEvents", "MaxRecords", "1001", "InvalidParameterValue"),
        ("DescribeEvents", "StartTime", "yesterday", "MalformedInput"),
        ("DescribeEvents", "Severity", "LOUD", "InvalidParameterValue"),
        ("DescribeEnvironments", "IncludeDeleted", "maybe", "MalformedInput"),
        ("DescribeEnvironments", "EnvironmentNames", "blue", "MalformedInput"),
        (
            "DescribeEnvironments",
            "EnvironmentNames.member.x",
            "blue",
            "InvalidQueryParameter",
        ),
        (
            "DescribeEnvironments",
            "EnvironmentNames.member.1",
            "b",
            "InvalidParameterValue",
        ),
        ("DescribeEnvironments", "ApplicationName.Inner", "x", "MalformedInput"),
        ("DescribeEnvironments", "Colour", "blue", "InvalidQueryParameter"),
    ] {
        let told = check_call(BEANSTALK, action, &[(name, value)]).map_err(|(code, _)| code);
        assert_eq!(told, Err(code), "{action} {name}={value}");
    }
}

#[test]
fn what_clients_send_passes() {
    let settings = [
        ("ApplicationName", "shop"),
        ("EnvironmentName", "shop-blue"),
        ("OptionSettings.member.1.Namespace", "aws:autoscaling:asg"),
        ("OptionSettings.member.1.OptionName", "MinSize"),
        ("OptionSettings.member.1.Value", "2"),
        ("OptionsToRemove", ""),
        // Known to the eb CLI only.
        ("TemplateSpecification.TemplateSource.EnvironmentName", "shop-green"),
        ("SignatureVersion", "2"),
    ];
    assert_eq!(check_call(BEANSTALK, "CreateEnvironment", &settings), Ok(()));
    let attributes = [
        ("TargetGroupArn", "arn:x"),
        ("Attributes.member.1.Key", "stickiness.enabled"),
        ("Attributes.member.1.Value", ""),
    ];
    assert_eq!(
        check_call(BALANCING, "ModifyTargetGroupAttributes", &attributes),
        Ok(())
    );
    assert_eq!(check_call(BEANSTALK, "MakeCoffee", &[("Sugar", "2")]), Ok(()));
    assert_eq!(check_call("2099-01-01", "CreateEnvironment", &[]), Ok(()));
}

#[test]
fn documents_are_held_to_the_model() {
    use crate::local::metrics::Document;

    let check = |operation: &str, text: &str| {
        let input = Document::from_json(text.as_bytes()).unwrap();
        check_document(operation, &input).map_err(|fault| (fault.code, fault.message))
    };
    for (operation, text) in [
        ("DescribeAlarms", "{}"),
        ("DescribeAlarms", r#"{"AlarmNames": [], "Colour": {"a": 1}}"#),
        (
            "SetAlarmState",
            r#"{"AlarmName": "a", "StateValue": "OK", "StateReason": ""}"#,
        ),
        (
            "GetMetricData",
            r#"{"MetricDataQueries": [], "StartTime": 1.5, "EndTime": "2026-11-26T00:00:00Z"}"#,
        ),
        ("MakeCoffee", r#"{"Sugar": 2}"#),
    ] {
        assert_eq!(check(operation, text), Ok(()), "{operation} {text}");
    }
    let (code, message) = check("SetAlarmState", r#"{"AlarmName": "", "StateReason": "x"}"#).unwrap_err();
    assert_eq!(code, "ValidationError");
    assert_eq!(
        message,
        "2 validation errors detected: Value '' at 'alarmName' failed to satisfy constraint: Member must have length greater than \
         or equal to 1; Value null at 'stateValue' failed to satisfy constraint: Member must not be null"
    );
    for (text, place) in [
        (r#"{"AlarmNames": "a"}"#, "AlarmNames"),
        (r#"{"AlarmNames": [1]}"#, "AlarmNames.member.1"),
        (r#"{"MaxRecords": "5"}"#, "MaxRecords"),
        (r#"{"MaxRecords": 1.5}"#, "MaxRecords"),
    ] {
        let (code, message) = check("DescribeAlarms", text).unwrap_err();
        assert_eq!(code, "SerializationException", "{text}");
        assert!(message.contains(place), "{message}");
    }
    for text in [
        r#"{"StateValue": "FINE"}"#,
        r#"{"MaxRecords": 101}"#,
        r#"{"AlarmNames": [""]}"#,
    ] {
        assert_eq!(
            check("DescribeAlarms", text).unwrap_err().0,
            "ValidationError",
            "{text}"
        );
    }
}

const XMLNS: &str = "xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"";
const RECORD: &str = "<Name>a.example.com</Name><Type>A</Type><TTL>60</TTL><ResourceRecords><ResourceRecord>\
                      <Value>127.0.0.1</Value></ResourceRecord></ResourceRecords>";

/// A batch of one change.
fn batch(record: &str) -> String {
    format!(
        "<ChangeResourceRecordSetsRequest {XMLNS}><ChangeBatch><Changes><Change><Action>CREATE</Action>\
         <ResourceRecordSet>{record}</ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
    )
}

fn check_batch(body: &str) -> Result<(), NotTaken> {
    let asked = Asked {
        method: "POST",
        path: &["hostedzone", "Z1", "rrset"],
        query: &[],
        body: body.as_bytes(),
    };
    check_request(asked).map(drop)
}

#[test]
fn what_clients_write_in_xml_passes() {
    let whole = batch(RECORD);
    for body in [
        whole.clone(),
        format!("\u{feff}<?xml version='1.0' encoding='UTF-8'?>\n<!-- a -->{whole}\n"),
        whole.replace(&format!(" {XMLNS}"), ""),
        whole
            .replace("<", "<n:")
            .replace("<n:/", "</n:")
            .replace("xmlns=", "xmlns:n="),
        whole.replace("><", ">\n  <"),
        whole.replace("127.0.0.1", "<![CDATA[127.0]]>.0.&#49;"),
        whole.replace("<TTL>60<", "<TTL> 60 <"),
        batch(&format!(
            "{RECORD}<MultiValueAnswer>1</MultiValueAnswer><SetIdentifier>&lt;a&gt;</SetIdentifier>"
        )),
    ] {
        assert_eq!(check_batch(&body), Ok(()), "{body}");
    }
    for (method, path) in [("GET", ["hostedzone", "Z1", "rrset"]), ("PATCH", ["a", "b", "c"])] {
        let query = [
            ("type".to_owned(), "AAAA".to_owned()),
            ("maxitems".to_owned(), String::new()),
            ("colour".to_owned(), "blue".to_owned()),
        ];
        let asked = Asked {
            method,
            path: &path,
            query: &query,
            body: b"<junk",
        };
        let given = check_request(asked).unwrap();
        assert_eq!(given.len(), if method == "GET" { 2 } else { 0 });
    }
}

#[test]
fn what_is_no_such_document_is_refused() {
    let whole = batch(RECORD);
    for body in [
        String::new(),
        "hello".to_owned(),
        whole[..whole.len() - 5].to_owned(),
        format!("{whole}x"),
        format!("{whole}{whole}"),
        format!("<!DOCTYPE a [<!ENTITY e 'v'>]>{whole}"),
        whole.replace("127.0.0.1", "&e;"),
        whole.replace("127.0.0.1", "&#1;"),
        whole.replace("127.0.0.1", "a\u{1}"),
        whole.replace("<TTL>", "text<TTL>"),
        whole.replace("<TTL>", "<Colour/><TTL>"),
        whole.replace("<TTL>", "<TTL>1</TTL><TTL>"),
        whole.replace("<Value>127.0.0.1", "<Value><a/>"),
        whole.replace("ResourceRecord>", "member>"),
        whole.replace("<TTL>", "<HostedZoneId>Z1</HostedZoneId><TTL>"),
        whole.replace("<TTL>60<", "<TTL>1.5<"),
        whole.replace("<TTL>", "<TTL xmlns='urn:x'>"),
        format!("{}{}", "<ChangeBatch>".repeat(30_000), whole),
        batch(&"<x>".repeat(60_000)),
    ] {
        let told = check_batch(&body).unwrap_err();
        let shown = body.get(..200).unwrap_or(&body);
        match told {
            NotTaken::Content(why) => assert!(why.starts_with("Invalid XML ; "), "{why}: {shown}"),
            NotTaken::Root(why) => assert_eq!(
                why, "ChangeBatch is not valid, expected ChangeResourceRecordSetsRequest",
                "{shown}"
            ),
        }
    }
    for root in ["<ChangeBatch/>", "<ChangeResourceRecordSetsRequest xmlns='urn:x'/>"] {
        assert!(matches!(check_batch(root), Err(NotTaken::Root(_))), "{root}");
    }
}

#[test]
fn values_in_xml_are_held_to_the_model() {
    for (record, rule) in [
        (
            RECORD.replace(">A<", ">a<"),
            "Value 'a' at 'changeBatch.changes.1.member.resourceRecordSet.type' failed to satisfy constraint: Member must satisfy \
             enum value set: [SOA, A,",
        ),
        (
            RECORD.replace("<Type>A</Type>", ""),
            "Value null at 'changeBatch.changes.1.member.resourceRecordSet.type'",
        ),
        (
            RECORD.replace("127.0.0.1", &"1".repeat(4001)),
            "at 'changeBatch.changes.1.member.resourceRecordSet.resourceRecords.1.member.value' failed to satisfy constraint: \
             Member must have length less than or equal to 4000",
        ),
        (
            RECORD.replace("<ResourceRecord><Value>127.0.0.1</Value></ResourceRecord>", ""),
            "at 'changeBatch.changes.1.member.resourceRecordSet.resourceRecords' failed to satisfy constraint: Member must have \
             length greater than or equal to 1",
        ),
        (
            format!("{RECORD}<Failover></Failover>"),
            "Member must satisfy enum value set: [PRIMARY, SECONDARY]",
        ),
        (
            format!("{RECORD}<AliasTarget/>"),
            "3 validation errors detected: Value null at",
        ),
    ] {
        match check_batch(&batch(&record)).unwrap_err() {
            NotTaken::Content(why) => assert!(why.contains(rule), "{why}"),
            NotTaken::Root(why) => panic!("{why}"),
        }
    }
    let long = "Z".repeat(33);
    let asked = Asked {
        method: "GET",
        path: &["hostedzone", &long],
        query: &[],
        body: b"",
    };
    assert!(check_request(asked).is_err());
}

#[test]
fn requests_in_json_are_held_to_the_model_wherever_their_members_stand() {
    let headers = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    let ask = |service, method, path: &[&str], query: &[(&str, &str)], given: &[(&str, &str)], body: &str| {
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let asked = AskedJson {
            service,
            method,
            path,
            query: &query,
            headers: &headers(given),
            body: body.as_bytes(),
        };
        check_json(asked).map_err(|fault| (fault.code, fault.message))
    };
    let pipeline = |operation: &str, body: &str| {
        let target = format!("CodePipeline_20150709.{operation}");
        ask(Service::Pipelines, "POST", &[], &[], &[("x-amz-target", &target)], body)
    };
    let start = |token: &str| {
        pipeline(
            "StartPipelineExecution",
            &format!("{{\"name\":\"shop\",\"clientRequestToken\":\"{token}\"}}"),
        )
    };
    assert_eq!(start("release-1"), Ok(()));
    let (code, message) = start("release_1:a").unwrap_err();
    assert_eq!(code, "ValidationException");
    assert!(message.contains("'release_1:a' at 'clientRequestToken'"), "{message}");
    assert_eq!(
        pipeline("StartPipelineExecution", "{}").unwrap_err().0,
        "ValidationException"
    );
    assert_eq!(pipeline("NobodyOffersThis", "[]"), Ok(()));
    // Whoever reads it says that it is no JSON.
    assert_eq!(pipeline("StartPipelineExecution", "{"), Ok(()));

    let functions = ["2015-03-31", "functions"];
    let list = |most: &str| ask(Service::Functions, "GET", &functions, &[("MaxItems", most)], &[], "");
    assert_eq!(
        (list("50"), list("0").is_err(), list("many").is_err()),
        (Ok(()), true, true)
    );
    let call = ["2015-03-31", "functions", "release", "invocations"];
    let invoke = |kind: &str| {
        ask(
            Service::Functions,
            "POST",
            &call,
            &[],
            &[("x-amz-invocation-type", kind)],
            "no document",
        )
    };
    assert_eq!(invoke("Event"), Ok(()));
    assert!(invoke("Foo").is_err());
    let tags = [
        "2017-03-31",
        "tags",
        "arn:aws:lambda:eu-central-1:123456789012:function:release",
    ];
    let untag = |keys: &[(&str, &str)]| ask(Service::Functions, "DELETE", &tags, keys, &[], "");
    assert_eq!(untag(&[("tagKeys", "a"), ("tagKeys", "b")]), Ok(()));
    assert!(untag(&[]).is_err(), "the keys are missing");

    // A value of another type lets nothing else through.
    let far =
        r#"{"Description":5,"FlexibleTimeWindow":{"Mode":"FLEXIBLE","MaximumWindowInMinutes":18446744073709551615}}"#;
    let schedule = ask(Service::Schedules, "POST", &["schedules", "a"], &[], &[], far);
    let (code, message) = schedule.unwrap_err();
    assert!(
        code == "ValidationException" && message.contains("'Description' is not of the type"),
        "{code}: {message}"
    );
}
