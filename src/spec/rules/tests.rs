//! Each rule with its exact words.

use crate::spec::Spec;

/// The messages for a file with the two names it must have and some lines more.
fn messages(lines: &str) -> Vec<String> {
    messages_of(&format!("application = \"shop\"\ncname = \"shop\"\n{lines}"))
}

fn messages_of(text: &str) -> Vec<String> {
    match Spec::parse("cutover.toml", text) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems().iter().map(|problem| problem.message.clone()).collect(),
    }
}

#[track_caller]
fn breaks(lines: &str, message: &str) {
    assert_eq!(messages(lines), [message], "{lines}");
}

#[track_caller]
fn holds(lines: &str) {
    assert_eq!(messages(lines), Vec::<String>::new(), "{lines}");
}

#[test]
fn application() {
    let with = |name: &str| messages_of(&format!("application = {name:?}\ncname = \"shop\""));
    for name in ["", &"a".repeat(101)] {
        assert_eq!(with(name), ["`application` must have 1 to 100 characters"]);
    }
    for name in ["a/b", "..", "a\tb"] {
        assert_eq!(
            with(name),
            ["`application` is not a name that Elastic Beanstalk allows"]
        );
    }
    for name in ["s", "My Shop", &"é".repeat(100)] {
        assert_eq!(with(name), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn slot() {
    breaks("slot = \"\"", "`slot` is empty");
    breaks("slot = \"a b\"", "`slot` may hold only letters, digits and hyphens");
    breaks("slot = \"-a\"", "`slot` must not begin or end with a hyphen");
    breaks(
        &format!("slot = {:?}", "a".repeat(64)),
        "`slot` has more than 63 characters",
    );
    holds("slot = \"production-eu\"");
}

#[test]
fn name_prefix() {
    let with = |prefix: &str| format!("green.name_prefix = {prefix:?}");
    breaks(
        &with("a_b"),
        "`green.name_prefix` may hold only letters, digits and hyphens",
    );
    breaks(&with("ab-"), "`green.name_prefix` must not begin or end with a hyphen");
    breaks(
        &with(&"a".repeat(34)),
        "`green.name_prefix` has more than 33 characters",
    );
    holds(&with(&"a".repeat(33)));
}

#[test]
fn cname() {
    let with = |cname: &str, more: &str| messages_of(&format!("application = \"shop\"\ncname = {cname:?}\n{more}"));
    let long = "a".repeat(64);
    for (cname, message) in [
        ("abc", "the prefix of `cname` must have 4 to 63 characters"),
        (long.as_str(), "the prefix of `cname` must have 4 to 63 characters"),
        (
            "sh_op",
            "the prefix of `cname` may hold only letters, digits and hyphens",
        ),
        ("shop-", "the prefix of `cname` must not begin or end with a hyphen"),
        ("", "the prefix of `cname` is empty"),
        (
            "www.example.com",
            "`cname` is a whole name that does not end with `.elasticbeanstalk.com`",
        ),
        (
            "http://shop.eu-west-1.elasticbeanstalk.com",
            "the prefix of `cname` may hold only letters, digits and hyphens",
        ),
        ("shop..elasticbeanstalk.com", "`cname` is not a CNAME of an environment"),
        (
            "a.b.c.d.elasticbeanstalk.com",
            "`cname` is not a CNAME of an environment",
        ),
    ] {
        assert_eq!(with(cname, ""), [message], "{cname}");
    }
    for cname in [
        "shop",
        "shop.eu-west-1.elasticbeanstalk.com",
        "Shop.EU-west-1.elasticbeanstalk.com",
        "shop.eba-a1b2c3d4.eu-west-1.elasticbeanstalk.com",
        "shop.elasticbeanstalk.com",
    ] {
        assert_eq!(with(cname, "region = \"eu-west-1\""), Vec::<String>::new(), "{cname}");
    }
    assert_eq!(
        with("shop.eu-west-1.elasticbeanstalk.com", "region = \"us-east-1\""),
        ["`cname` belongs to region `eu-west-1`, but `region` is `us-east-1`"]
    );
    let in_china = |region: &str| with("shop.cn-north-1.eb.amazonaws.com.cn", &format!("region = {region:?}"));
    assert_eq!(in_china("cn-north-1"), Vec::<String>::new());
    assert_eq!(
        in_china("cn-northwest-1"),
        ["`cname` belongs to region `cn-north-1`, but `region` is `cn-northwest-1`"]
    );
}

#[test]
fn public_url() {
    let with = |url: &str| format!("public_url = {url:?}");
    breaks(
        &with("www.example.com"),
        "`public_url` must begin with `http://` or `https://`",
    );
    breaks(
        &with("ftp://example.com"),
        "`public_url` must begin with `http://` or `https://`",
    );
    breaks(
        &with("https://me:secret@example.com"),
        "`public_url` holds a user name or password",
    );
    for url in [
        "https://example.com/app",
        "https://example.com?a=b",
        "https://example.com#a",
    ] {
        breaks(&with(url), "`public_url` has a path, a query or a fragment");
    }
    holds(&with("https://www.example.com"));
    holds(&with("http://127.0.0.1:8080/"));
}

#[test]
fn region() {
    breaks("region = \"EU (Ireland)\"", "`region` is not the name of a region");
    breaks("region = \"EU-WEST-1\"", "`region` is not the name of a region");
    holds("region = \"eu-west-1\"");
}

#[test]
fn version_label() {
    let with = |label: &str| format!("artifact.version_label = {label:?}");
    for label in ["", &"v".repeat(101)] {
        breaks(&with(label), "`artifact.version_label` must have 1 to 100 characters");
    }
    for label in ["/v1", "v1/"] {
        breaks(&with(label), "`artifact.version_label` must not begin or end with `/`");
    }
    breaks(
        "artifact.version_label = \"v\\u00071\"",
        "`artifact.version_label` holds a control character",
    );
    holds(&with("release/v1"));
}

#[test]
fn bucket() {
    for (bucket, fault) in [
        ("ab", "must have 3 to 63 characters"),
        ("My-Bucket", "may hold only small letters, digits, dots and hyphens"),
        ("s3://bucket", "may hold only small letters, digits, dots and hyphens"),
        ("-bucket", "must begin and end with a small letter or a digit"),
        ("bucket.", "must begin and end with a small letter or a digit"),
        ("buck..et", "must not have two dots in a row"),
        ("10.0.0.1", "must not look like an IP address"),
        ("xn--bucket", "has a beginning or an end that S3 keeps for itself"),
        ("bucket--x-s3", "has a beginning or an end that S3 keeps for itself"),
    ] {
        breaks(
            &format!("artifact.bucket = {bucket:?}"),
            &format!("`artifact.bucket` {fault}"),
        );
    }
    holds("artifact.bucket = \"elasticbeanstalk-eu-west-1-123456789012\"");
}

#[test]
fn settings() {
    let with = |namespace: &str, name: &str, value: &str| {
        format!("[[green.settings]]\nnamespace = {namespace:?}\nname = {name:?}\nvalue = {value:?}\n")
    };
    let good = with("aws:autoscaling:launchconfiguration", "InstanceType", "t3.small");
    holds(&good);
    breaks(
        &with("autoscaling", "A", "b"),
        "`green.settings[0].namespace` must start with `aws:`",
    );
    breaks(&with("aws:a", " ", "b"), "`green.settings[0].name` is empty");
    breaks(
        &with("aws:a", "b", "AKIAIOSFODNN7EXAMPLE"),
        "`green.settings[0].value` looks like an AWS access key",
    );
    breaks(
        &good.repeat(2),
        "`InstanceType` in `aws:autoscaling:launchconfiguration` is set twice",
    );
    breaks("green.min_instances = 0", "`green.min_instances` must be 1 or more");
    breaks("green.max_instances = 0", "`green.max_instances` must be 1 or more");
    breaks(
        "[green]\nmin_instances = 3\nmax_instances = 2",
        "`green.max_instances` (2) is less than `green.min_instances` (3)",
    );
    holds("[green]\nmin_instances = 3\nmax_instances = 3");
    for name in ["MinSize", "MaxSize"] {
        breaks(
            &format!("[[green.settings]]\nnamespace = \"aws:autoscaling:asg\"\nname = {name:?}\nvalue = \"2\""),
            &format!("`{name}` in `aws:autoscaling:asg` is not set among the settings"),
        );
    }
    holds("[[green.settings]]\nnamespace = \"aws:autoscaling:asg\"\nname = \"Cooldown\"\nvalue = \"60\"");
}

#[test]
fn properties() {
    breaks(
        "green.properties.\"A B\" = \"1\"",
        "`A B` is not the name of a property",
    );
    breaks("green.properties.\"\" = \"1\"", "`` is not the name of a property");
    let token = format!("github_pat_{}", "a1".repeat(20));
    for (value, kind) in [
        ("AKIAIOSFODNN7EXAMPLE", "an AWS access key"),
        ("-----BEGIN PRIVATE KEY-----", "a private key"),
        (token.as_str(), "a GitHub token"),
    ] {
        breaks(
            &format!("green.properties.KEY = {value:?}"),
            &format!("the value of `KEY` looks like {kind}"),
        );
    }
    breaks(
        &format!("green.properties.A = {:?}", "x".repeat(4095)),
        "`green.properties` has 4097 bytes",
    );
    holds(&format!("green.properties.A = {:?}", "x".repeat(4094)));
    holds("green.properties = { NODE_ENV = \"production\", \"a.b:c/d\" = \"x\" }");
}

#[test]
fn tags() {
    for (key, prefix) in [
        ("aws:x", "aws:"),
        ("AWS:x", "aws:"),
        ("cutover:x", "cutover:"),
        ("elasticbeanstalk:x", "elasticbeanstalk:"),
    ] {
        breaks(
            &format!("green.tags.{key:?} = \"1\""),
            &format!("tag `{key}` must not start with `{prefix}`"),
        );
    }
    for key in ["", &"k".repeat(129)] {
        breaks(
            &format!("green.tags.{key:?} = \"1\""),
            "a tag's key must have 1 to 128 characters",
        );
    }
    breaks(
        &format!("green.tags.team = {:?}", "v".repeat(257)),
        "the value of tag `team` has more than 256 characters",
    );
    let many = |count: usize| -> String { (0..count).map(|n| format!("green.tags.t{n} = \"\"\n")).collect() };
    breaks(&many(41), "`green.tags` holds 41 tags");
    holds(&many(40));
    holds(&format!("green.tags.{:?} = {:?}", "k".repeat(128), "v".repeat(256)));
}

#[test]
fn lengths_of_time() {
    for key in [
        "provision.deadline",
        "provision.max_age",
        "provision.interval",
        "smoke.interval",
        "smoke.deadline",
        "bake.duration",
        "bake.interval",
        "bake.deadline",
        "drain.deadline",
    ] {
        breaks(&format!("{key} = \"0s\""), &format!("`{key}` must not be zero"));
    }
    for key in [
        "provision.stable",
        "drain.dns_ttl",
        "drain.quiet",
        "retire.warm",
        "rollback.keep_green",
    ] {
        holds(&format!("{key} = \"0s\""));
    }
    breaks("retire.warm = \"8785h\"", "`retire.warm` is longer than 366 days");
    holds("retire.warm = \"8784h\"");
}

#[test]
fn relations_between_lengths() {
    breaks(
        "provision.stable = \"30m\"",
        "`provision.stable` (30m) must be shorter than `provision.deadline` (30m)",
    );
    breaks(
        "provision.deadline = \"20s\"",
        "`provision.stable` (30s) must be shorter than `provision.deadline` (20s)",
    );
    breaks(
        "provision.interval = \"1h\"",
        "`provision.interval` (1h) must be shorter than `provision.deadline` (30m)",
    );
    breaks(
        "smoke.interval = \"5m\"",
        "`smoke.interval` (5m) must be shorter than `smoke.deadline` (5m)",
    );
    breaks(
        "bake.duration = \"5s\"",
        "`bake.interval` (8s) must not be longer than `bake.duration` (5s)",
    );
    holds("bake = { duration = \"5s\", interval = \"5s\" }");
    breaks("bake.holdback = \"100%\"", "`bake.holdback` leaves green nothing");
    holds("bake.holdback = \"0%\"");
    breaks(
        "bake.deadline = \"7s\"",
        "`bake.interval` (8s) must not be longer than `bake.deadline` (7s)",
    );
    breaks(
        "drain.quiet = \"3h\"",
        "`drain.quiet` (3h) must be shorter than `drain.deadline` (2h)",
    );
    breaks(
        "smoke = { successes = 4, interval = \"10s\", deadline = \"30s\" }",
        "4 rounds of smoke checks every 10s cannot end before `smoke.deadline` (30s)",
    );
    holds("smoke = { successes = 4, interval = \"10s\", deadline = \"31s\" }");
}

#[test]
fn counts() {
    for key in ["smoke.successes", "bake.fail", "bake.recover", "drain.factor"] {
        let message = format!("`{key}` must be 1 or more, and at most 10000");
        breaks(&format!("{key} = 0"), &message);
        breaks(&format!("{key} = 10001"), &message);
        holds(&format!("{key} = 1"));
    }
}

#[test]
fn health() {
    breaks(
        "provision.health = []",
        "`provision.health` is empty: green could never come up",
    );
    for status in ["Unknown", "NoData", "Pending", "Suspended"] {
        breaks(
            &format!("provision.health = [\"Ok\", {status:?}]"),
            &format!("health `{status}` says nothing about green"),
        );
    }
    holds("provision.health = [\"Ok\", \"Info\", \"Warning\"]");
}

#[test]
fn requests() {
    breaks(
        "smoke.checks = []",
        "`smoke.checks` is empty: nothing would show that green answers",
    );
    holds("bake.checks = []");
    for (check, message) in [
        (
            "method = \"get\"",
            "`smoke.checks[0].method` must be in capital letters",
        ),
        (
            "method = \"G T\"",
            "`smoke.checks[0].method` is not a method that a check can use",
        ),
        (
            "method = \"\"",
            "`smoke.checks[0].method` is not a method that a check can use",
        ),
        (
            "method = \"CONNECT\"",
            "`smoke.checks[0].method` is not a method that a check can use",
        ),
        ("path = \"health\"", "`smoke.checks[0].path` must begin with `/`"),
        (
            "path = \"//evil\"",
            "`smoke.checks[0].path` begins with `//`, which would name another host",
        ),
        (
            "path = \"/a b\"",
            "`smoke.checks[0].path` holds a character that a path cannot",
        ),
        (
            "path = \"/a#b\"",
            "`smoke.checks[0].path` holds a character that a path cannot",
        ),
        (
            "path = \"/a?b=c&token=d\"",
            "the value of `token` in `smoke.checks[0].path` is a secret, and stands here for all to read",
        ),
        (
            "host = \"https://a\"",
            "`smoke.checks[0].host` is not the name of a host",
        ),
        (
            "headers = { Authorization = \"Bearer x\" }",
            "the value of `Authorization` is a secret, and stands here for all to read",
        ),
        ("host = \"me@a\"", "`smoke.checks[0].host` is not the name of a host"),
        ("host = \"\"", "`smoke.checks[0].host` is not the name of a host"),
        ("headers.\"a b\" = \"c\"", "`a b` is not the name of a header"),
        ("headers.Host = \"c\"", "`host` is not set among the headers"),
        (
            "headers.Content-Length = \"3\"",
            "`Content-Length` belongs to the connection",
        ),
        (
            "headers.x-a = \"a\\nb\"",
            "the value of `x-a` cannot be sent in a header",
        ),
        ("timeout = \"0s\"", "`smoke.checks[0].timeout` must not be zero"),
        (
            "timeout = \"41s\"",
            "`smoke.checks[0].timeout` (41s) is longer than 40s",
        ),
    ] {
        breaks(&format!("[[smoke.checks]]\n{check}"), message);
        breaks(
            &format!("[[bake.checks]]\n{check}"),
            &message.replace("smoke.checks", "bake.checks"),
        );
    }
    holds(
        "[[smoke.checks]]\nmethod = \"PURGE\"\npath = \"/a?b=c%20d\"\nhost = \"shop.example.com:8080\"\n\
         headers = { Authorization = \"Bearer ${TOKEN}\" }\nbody = \"{}\"\ntimeout = \"500ms\"",
    );
}

#[test]
fn a_round_of_checks_ends_before_a_look_is_given_up() {
    let checks = |table: &str, count: usize, timeout: &str| {
        let check = format!("{{ host = \"a\", timeout = {timeout:?} }}");
        format!("{table} = [{}]\n", vec![check; count].join(", "))
    };
    holds(&checks("smoke.checks", 16, "40s"));
    holds(&checks("smoke.checks", 32, "20s"));
    breaks(
        &checks("smoke.checks", 17, "25s"),
        "the 17 checks of one round may take 50s, 16 at a time and up to 25s each; after 40s nothing would be known of green",
    );
    breaks(
        &checks("bake.checks", 33, "15s"),
        "the 33 checks of one round may take 45s, 16 at a time and up to 15s each; after 40s nothing would be known of green",
    );
    // The checks of steps are asked together with those of the bake.
    let steps = format!(
        "application = \"shop\"\nlever = \"weighted-dns\"\npublic_url = \"https://www.example.com\"\n{}steps = [{{ share = \"5%\", {} }}]",
        checks("bake.checks", 10, "30s"),
        checks("checks", 7, "10s").trim_end(),
    );
    assert_eq!(
        messages_of(&steps),
        [
            "the 17 checks of one round may take 1m, 16 at a time and up to 30s each; after 40s nothing would be known of green"
        ]
    );
}

#[test]
fn expectations() {
    for (expect, message) in [
        (
            "status = []",
            "`smoke.checks[0].expect.status` is empty: no answer could pass",
        ),
        (
            "body = \"(\"",
            "`smoke.checks[0].expect.body` is not a regular expression: unclosed group",
        ),
        (
            "headers.x-a = \"[\"",
            "`smoke.checks[0].expect.headers.x-a` is not a regular expression: unclosed character class",
        ),
        ("headers.\"x a\" = \"b\"", "`x a` is not the name of a header"),
        ("json.status = \"ok\"", "`status` is not a JSON pointer"),
        ("json.\"/a~2\" = \"ok\"", "`/a~2` is not a JSON pointer"),
        ("json.\"/day\" = 2026-01-01", "JSON has no dates"),
        (
            "max_latency = \"0s\"",
            "`smoke.checks[0].expect.max_latency` must not be zero",
        ),
        (
            "max_latency = \"6s\"",
            "`smoke.checks[0].expect.max_latency` (6s) is longer than the check's timeout (5s)",
        ),
    ] {
        breaks(&format!("[[smoke.checks]]\n[smoke.checks.expect]\n{expect}"), message);
    }
    holds(
        "[smoke]\nchecks = [{ expect = { status = [200, \"300-399\"], body = 'v\\d+', json = { \"/a~1b/0\" = 1, \"\" = {} }, \
         headers = { x-version = '^v' }, max_latency = \"5s\" } }]",
    );
}

#[test]
fn levers_and_steps() {
    let with = |lines: &str| {
        messages_of(&format!(
            "application = \"shop\"\npublic_url = \"https://www.example.com\"\n{lines}"
        ))
    };
    let none = Vec::<String>::new();
    assert_eq!(with("lever = \"weighted-dns\""), none);
    assert_eq!(with("lever = \"weighted-dns\"\nsteps = \"linear\""), none);
    assert_eq!(with(""), ["`cname` is missing"]);
    let dns = |lines: &str| with(&format!("lever = \"weighted-dns\"\n{lines}"));
    for (lines, message) in [
        ("steps = []", "`steps` is empty"),
        (
            "steps = [{ share = \"25%\" }, { share = \"25%\" }]",
            "`steps[1].share` (25%) is not more than the step before",
        ),
        (
            "steps = [{ share = \"0.1%\" }]",
            "`steps[0].share` (0.1%) is less than weights up to 255 can give, which is all that `weighted-dns` knows",
        ),
        (
            "steps = [{ share = \"5%\", bake = \"1s\" }]",
            "`bake.interval` (8s) must not be longer than `steps[0].bake` (1s)",
        ),
        (
            "steps = [{ share = \"5%\", checks = [{ path = \"x\" }] }]",
            "`steps[0].checks[0].path` must begin with `/`",
        ),
        (
            "weighted_dns.name = \"localhost\"",
            "\"localhost\" is no name that can have records of its own",
        ),
        (
            "weighted_dns.name = \"shop.eu-west-1.elasticbeanstalk.com\"",
            "shop.eu-west-1.elasticbeanstalk.com is a name of Elastic Beanstalk's, whose records are not yours",
        ),
        (
            "weighted_dns.zone = \"/hostedzone/Z1\"",
            "`weighted_dns.zone` is not the id of a hosted zone",
        ),
        (
            "[weighted_target_groups]\nrules = []",
            "`weighted_target_groups` is for the lever `weighted-target-groups`, and this slot's is `weighted-dns`",
        ),
        (
            "drill.max_share = \"0.1%\"",
            "`drill.max_share` (0.1%) is less than weights up to 255 can give, which is all that `weighted-dns` knows",
        ),
        (
            "[[gates]]\nbefore = { step = 4 }",
            "there is no step 4 to stand before: the release has 3 steps",
        ),
    ] {
        assert_eq!(dns(lines), [message], "{lines}");
    }
    assert_eq!(dns("[[gates]]\nbefore = { step = 2 }"), none);
    assert_eq!(dns("drill.max_share = \"0.4%\""), none);
    let groups = |lines: &str| with(&format!("lever = \"weighted-target-groups\"\n{lines}"));
    let rule = "arn:aws:elasticloadbalancing:eu-west-1:1:listener-rule/app/a/1/2/3";
    assert_eq!(groups(&format!("weighted_target_groups.rules = [{rule:?}]")), none);
    assert_eq!(
        groups(""),
        ["the lever `weighted-target-groups` needs the rules that carry the traffic"]
    );
    assert_eq!(
        groups(&format!("weighted_target_groups.rules = [{rule:?}, {rule:?}]")),
        ["`weighted_target_groups.rules[1]` is named twice"]
    );
    assert_eq!(
        groups("weighted_target_groups.rules = [\"arn:aws:elasticloadbalancing:eu-west-1:1:listener/app/a/1/2\"]"),
        ["`weighted_target_groups.rules[0]` is not the ARN of a rule of an Application Load Balancer"]
    );
    let swap = messages_of("application = \"shop\"\ncname = \"shop\"\nsteps = \"canary\"");
    assert_eq!(swap, ["a CNAME swap moves all traffic at once: it has no steps"]);
    let nameless = messages_of("application = \"shop\"\nlever = \"weighted-dns\"");
    assert_eq!(nameless, ["the lever `weighted-dns` needs the name that users ask for"]);
}

#[test]
fn verdict() {
    for lines in [
        "[verdict.errors]\nratio = 0.9",
        "[verdict.errors]\nratio = 101",
        "[verdict.errors]\nratio = nan",
    ] {
        breaks(lines, "`verdict.errors.ratio` must be at least 1 and at most 100");
    }
    breaks(
        "[verdict.promote]\nerrors = { ratio = 0.5 }",
        "`verdict.promote.errors.ratio` must be at least 1 and at most 100",
    );
    breaks(
        "verdict.false_rollbacks = \"11%\"",
        "`verdict.false_rollbacks` is more than 10%",
    );
    breaks(
        "verdict.promote.risk = \"51%\"",
        "`verdict.promote.risk` is more than 50%",
    );
    breaks("verdict.slo.p99 = \"0s\"", "`verdict.slo.p99` must not be zero");
    for rate in ["-0.1", "51", "nan"] {
        breaks(
            &format!("bake.probes_per_second = {rate}"),
            "`bake.probes_per_second` must be at least 0 and at most 50",
        );
    }
    for rate in ["0.0009", "1e-300"] {
        breaks(
            &format!("bake.probes_per_second = {rate}"),
            "`bake.probes_per_second` is less than 0.001",
        );
    }
    holds("bake.probes_per_second = 0");
    holds("bake.probes_per_second = 0.001");
    holds("[verdict]\nfalse_rollbacks = \"10%\"\nwarm_up = \"0s\"\nerrors.ratio = 1\npromote.risk = \"50%\"");
}

#[test]
fn where_measurements_come_from() {
    let endpoint = |url: &str| format!("[verdict.endpoint]\nurl = {url:?}");
    holds(&endpoint(
        "https://metrics.example.com/{release}?blue={blue}&green={green_name}",
    ));
    holds("verdict.source = \"target-groups\"");
    holds("verdict.alarms = [\"shop-5xx\", \"shop p99\"]");
    breaks(
        "verdict.source = \"endpoint\"",
        "`verdict.source` is \"endpoint\", and there is none",
    );
    breaks(
        &format!("verdict.source = \"target-groups\"\n{}", endpoint("http://metrics/")),
        "`verdict.source` names another source than `verdict.endpoint`, which would never be asked",
    );
    breaks(
        &endpoint("http://metrics/{gren}"),
        "`verdict.endpoint.url` holds `{gren`, which stands for nothing",
    );
    for url in ["metrics", "ftp://metrics/", "http://"] {
        breaks(&endpoint(url), "`verdict.endpoint.url` is not an address");
    }
    breaks(
        &endpoint("https://me:secret@metrics/"),
        "`verdict.endpoint.url` holds a user or a password, for all to read",
    );
    breaks(
        &endpoint("https://metrics/?green={green}&Api-Key=hunter2"),
        "the value of `Api-Key` in `verdict.endpoint.url` is a secret, and stands here for all to read",
    );
    holds(&endpoint("https://metrics/?tokens=3&sig=&q=secret"));
    breaks(
        &format!(
            "{}\nheaders = {{ authorization = \"Bearer abc\" }}",
            endpoint("http://metrics/")
        ),
        "the value of `authorization` is a secret, and stands here for all to read",
    );
    breaks(
        &format!("{}\ntimeout = \"0s\"", endpoint("http://metrics/")),
        "`verdict.endpoint.timeout` must not be zero",
    );
    breaks(
        &format!("{}\ntimeout = \"21s\"", endpoint("http://metrics/")),
        "`verdict.endpoint.timeout` (21s) is longer than 20s",
    );
    holds(&format!("{}\ntimeout = \"20s\"", endpoint("http://metrics/")));
    breaks(
        "verdict.alarms = [\"\"]",
        "`verdict.alarms[0]` must have 1 to 255 characters",
    );
    breaks("verdict.alarms = [\"a\", \"a\"]", "`verdict.alarms[1]` is named twice");
    breaks(
        "verdict.alarms = [\"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a\"]",
        "`verdict.alarms[0]` is an ARN",
    );
}
