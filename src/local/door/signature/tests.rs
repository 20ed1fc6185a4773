use super::*;

/// The example of the documentation: "Authenticating Requests: Using the Authorization Header", GET Object.
fn example(range: &str) -> Parts {
    let empty = hexadecimal(&Sha256::digest([]));
    Request::get("http://examplebucket.s3.amazonaws.com/test.txt")
        .header("host", "examplebucket.s3.amazonaws.com")
        .header("range", range)
        .header("x-amz-content-sha256", empty)
        .header("x-amz-date", "20130524T000000Z")
        .header(
            AUTHORIZATION,
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        )
        .body(())
        .unwrap()
        .into_parts()
        .0
}

fn keys() -> Keys {
    "OTHER:x,AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
        .parse()
        .unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

#[test]
fn the_documented_example_is_right_and_any_change_is_wrong() {
    let check = |parts: &Parts, keys: &Keys| {
        let claim = Claim::of(parts).unwrap();
        claim.check(keys, parts, &store_payload(parts, false), true)
    };
    assert_eq!(check(&example("bytes=0-9"), &keys()), Ok(()));
    assert_eq!(check(&example("bytes=0-8"), &keys()), Err(Fault::Mismatch));
    let other = "AKIAIOSFODNN7EXAMPLE:another".parse().unwrap();
    assert_eq!(check(&example("bytes=0-9"), &other), Err(Fault::Mismatch));
    assert_eq!(
        check(&example("bytes=0-9"), &"B:x".parse().unwrap()),
        Err(Fault::UnknownKey)
    );
}

/// The example of the documentation: "Authenticating Requests: Using Query Parameters".
#[test]
fn the_documented_link_is_right_until_it_expires() {
    let link = "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z\
        &X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
        &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    let parts = Request::get(link).body(()).unwrap().into_parts().0;
    let claim = Claim::of(&parts).unwrap();
    assert_eq!(claim.check(&keys(), &parts, "UNSIGNED-PAYLOAD", true), Ok(()));
    assert_eq!(claim.check_time(at("2013-05-24T23:59:00Z"), SKEW_OF_STORE), Ok(()));
    assert_eq!(
        claim.check_time(at("2013-05-25T00:00:01Z"), SKEW_OF_STORE),
        Err(Fault::LinkExpired)
    );
}

#[test]
fn a_signature_is_good_for_minutes() {
    let claim = Claim::of(&example("bytes=0-9")).unwrap();
    assert_eq!(claim.check_time(at("2013-05-24T00:14:59Z"), SKEW_OF_STORE), Ok(()));
    assert_eq!(
        claim.check_time(at("2013-05-24T00:15:01Z"), SKEW_OF_STORE),
        Err(Fault::Skewed)
    );
    assert_eq!(
        claim.check_time(at("2013-05-23T23:44:59Z"), SKEW_OF_STORE),
        Err(Fault::Skewed)
    );
}

#[test]
fn what_is_no_signature_is_told_apart_from_none() {
    let claim = |header: Option<&str>| {
        let mut request = Request::get("http://localhost/").header("x-amz-date", "20130524T000000Z");
        if let Some(header) = header {
            request = request.header(AUTHORIZATION, header);
        }
        Claim::of(&request.body(()).unwrap().into_parts().0).map(drop)
    };
    assert_eq!(claim(None), Err(Fault::Missing));
    for header in [
        "Bearer x",
        "AWS4-HMAC-SHA256 Credential=a",
        "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 Credential=a/20130524/r/s3/aws4_request, SignedHeaders=range, Signature=00",
        "AWS4-HMAC-SHA256 Credential=a/20130525/r/s3/aws4_request, SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 Credential=a/20130524/r/s3/aws4_request, SignedHeaders=host, Signature=0x",
        "AWS4-HMAC-SHA256 Credential=a/20130524/r/s3/aws4_request, Credential=b/20130524/r/s3/aws4_request, \
         SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 Credential=a/20130524/r/s3/aws4_request, SignedHeaders=host, Signature=00, Signature=01",
    ] {
        assert_eq!(claim(Some(header)), Err(Fault::Malformed), "{header}");
    }
}

#[test]
fn keys_are_read_and_secrets_are_not_shown() {
    assert_eq!(keys().ids().collect::<Vec<_>>(), ["AKIAIOSFODNN7EXAMPLE", "OTHER"]);
    assert!(!format!("{:?}", keys()).contains("wJalr"));
    for wrong in ["", "a", "a:", ":b", "a b:c", "a:b,"] {
        assert!(wrong.parse::<Keys>().is_err(), "{wrong}");
    }
}

/// Whose policy holds, and whose key is checked, is one question with one answer.
#[test]
fn nobody_signs_with_one_key_and_acts_with_another() {
    let header = "AWS4-HMAC-SHA256 Other Credential=a/20130524/r/s3/aws4_request, SignedHeaders=host, Signature=00";
    let header = format!("{header}, Credential=b/20130524/r/s3/aws4_request");
    let link = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2F20130524%2Fr%2Fs3%2Faws4_request\
        &X-Amz-Date=20130524T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00";
    let parts = |request: http::request::Builder| request.body(()).unwrap().into_parts().0;
    for parts in [
        parts(
            Request::get("/")
                .header("x-amz-date", "20130524T000000Z")
                .header(AUTHORIZATION, header),
        ),
        parts(Request::get(link)),
        parts(Request::get(format!("{link}&tagging=a&tagging=b"))),
    ] {
        let scope = route::scope_of(&parts.headers, &parts.uri).unwrap();
        let key = Claim::of(&parts).unwrap().key;
        assert!(scope.starts_with(&format!("{key}/")), "{scope} and {key}");
    }
    let again = format!("{link}&X-Amz-Credential=b%2F20130524%2Fr%2Fs3%2Faws4_request");
    assert_eq!(Claim::of(&parts(Request::get(again))).map(drop), Err(Fault::Malformed));
    let whole = "AWS4-HMAC-SHA256 Credential=a/20130524/r/s3/aws4_request, SignedHeaders=host, Signature=00";
    let twice = Request::get("/").header("x-amz-date", "20130524T000000Z");
    let twice = twice.header(AUTHORIZATION, whole).header(AUTHORIZATION, whole);
    assert_eq!(Claim::of(&parts(twice)).map(drop), Err(Fault::Malformed));
}

/// A body that fails when somebody reads it stands for one that is long.
#[tokio::test]
async fn who_cannot_be_right_is_not_listened_to() {
    use http_body_util::BodyExt as _;

    let ask = async |now: &str, keys: &Keys| {
        let frames = futures_util::stream::iter([Err::<http_body::Frame<Bytes>, _>("read")]);
        let body = http_body_util::StreamBody::new(frames).map_err(Into::into).boxed();
        let request = Request::from_parts(example("bytes=0-9"), body);
        verify(keys, "us-east-1", request, &Shape::Xml, at(now))
            .await
            .unwrap_err()
            .code
    };
    let (then, later) = ("2013-05-24T00:00:00Z", "2013-05-24T01:00:00Z");
    assert_eq!(ask(then, &"B:x".parse().unwrap()).await, "InvalidClientTokenId");
    assert_eq!(ask(later, &keys()).await, "SignatureDoesNotMatch");
    assert_eq!(ask(then, &keys()).await, "IncompleteBody");
}

#[test]
fn a_signature_is_good_in_its_region_alone() {
    let check = |scope: &str, shape: &Shape| {
        let header =
            format!("AWS4-HMAC-SHA256 Credential=a/20130524/{scope}/aws4_request, SignedHeaders=host, Signature=00");
        let request = Request::get("/")
            .header("x-amz-date", "20130524T000000Z")
            .header(AUTHORIZATION, header);
        let claim = Claim::of(&request.body(()).unwrap().into_parts().0).unwrap();
        let refusal = claim.check_region("eu-central-1", shape).err()?;
        Some((refusal.status.as_u16(), refusal.code, refusal.message))
    };
    for scope in [
        "eu-central-1/s3",
        "eu-central-1/elasticbeanstalk",
        "us-east-1/route53",
        "us-east-1/iam",
        // As clients sign for an endpoint of their own.
        "eu-central-1/route53",
    ] {
        assert_eq!(check(scope, &Shape::Xml), None, "{scope}");
    }
    let malformed = "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-central-1'";
    let wanted = (400, "AuthorizationHeaderMalformed", malformed.to_owned());
    assert_eq!(check("us-east-1/s3", &Shape::Store), Some(wanted));
    let invalid = "Credential should be scoped to a valid region, not 'us-east-1'.";
    let wanted = (403, "SignatureDoesNotMatch", invalid.to_owned());
    assert_eq!(check("us-east-1/elasticbeanstalk", &Shape::Xml), Some(wanted));
}
