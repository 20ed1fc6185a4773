//! Reading whole files: what comes out, what is said, and what is never shown.

use proptest::prelude::*;

use super::{Spec, SpecError, StatusRange};
use crate::model::{HealthStatus, Span};

/// Files that are right; the first holds nothing but what it must.
const EXAMPLES: [&str; 4] = [
    "application = \"shop\"\ncname = \"shop\"\n",
    r#"
application = "My Shop"
slot = "production"
lever = "cname-swap"
cname = "shop.eu-west-1.elasticbeanstalk.com"
public_url = "https://www.example.com"
region = "eu-west-1"
journal = "releases"

[artifact]
path = "build/shop.zip"
bucket = "shop-bundles"
version_label = "v42"
disposable = ["Cache"]

[green]
name_prefix = "shop"
min_instances = 2
max_instances = 8
properties = { NODE_ENV = "production" }
tags = { team = "web" }

[[green.settings]]
namespace = "aws:autoscaling:launchconfiguration"
name = "InstanceType"
value = "t3.small"

[provision]
deadline = "20m"
health = ["Ok", "Info"]
stable = "1m"
max_age = "45s"
interval = "5s"

[smoke]
successes = 2
interval = "1s"
deadline = "3m"

[[smoke.checks]]
name = "home"
path = "/"

[[smoke.checks]]
method = "POST"
path = "/api/orders?dry=1"
host = "api.example.com"
headers = { content-type = "application/json" }
body = '{"items":[]}'
timeout = "2s"

[smoke.checks.expect]
status = [201, "300-399"]
body = "order"
json = { "/ok" = true }
headers = { content-type = "^application/json" }
max_latency = "800ms"

[bake]
duration = "15m"
interval = "15s"
fail = 3
recover = 4
min_requests = 50
replace_instances = 2
probes_per_second = 0.5
holdback = "0%"
deadline = "2h"
checks = [{ path = "/health" }]

[verdict]
preset = "strict"
false_rollbacks = "0.5%"
errors = { ratio = 1.2, absolute = "0.02%" }
client_errors = { ratio = 2, absolute = "1%" }
slower = "8%"
slower_absolute = "3ms"
latency_noise = "4%"
warm_up = "20s"
learn = false
at_deadline = "hold"
alarms = ["shop-5xx"]

[verdict.endpoint]
url = "https://metrics.example.com/release?green={green_name}"
headers = { authorization = "Bearer ${METRICS_TOKEN}" }
timeout = "3s"

[verdict.promote]
early = true
errors = { ratio = 1.4, absolute = "0.05%" }
slower = "12%"
failing_probes = "2%"
minimum_bake = "20m"
risk = "2%"

[verdict.slo]
error_rate = "2%"
p99 = "800ms"

[drain]
dns_ttl = "60s"
factor = 2
quiet = "2m"
deadline = "1h"
at_deadline = "retire"

[retire]
warm = "1h"
keep_versions = 10

[rollback]
keep_green = "10m"
hold_blue = false

[[gates]]
before = "shift"

[[gates]]
before = "drain"
deadline = "30m"
at_deadline = "go_on"

[foreign]
answer = "ask"
deadline = "1h"

[drill]
max_share = "10%"
bake = "4m"
objective = "360h"
"#,
    r#"
application = "shop"
lever = "weighted-dns"
public_url = "https://www.example.com"
steps = [{ share = "5%", bake = "5m" }, { share = "25%", checks = [{ path = "/orders" }] }]

[weighted_dns]
name = "shop.example.com"
zone = "Z1FRNW7UH4DEZJ"

[[gates]]
before = { step = 2 }
"#,
    r#"
application = "shop"
lever = "weighted-target-groups"
public_url = "https://www.example.com"
steps = "linear"
verdict.source = "target-groups"

[weighted_target_groups]
rules = ["arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/shared/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee"]
"#,
];

fn fails(text: &str) -> SpecError {
    Spec::parse("cutover.toml", text).expect_err("the file is wrong")
}

fn messages(text: &str) -> Vec<String> {
    fails(text)
        .problems()
        .iter()
        .map(|problem| problem.message.clone())
        .collect()
}

fn helps(text: &str) -> Vec<String> {
    fails(text)
        .problems()
        .iter()
        .filter_map(|problem| problem.help.clone())
        .collect()
}

#[test]
fn a_small_file_has_defaults_for_the_rest() {
    let spec = Spec::parse("cutover.toml", EXAMPLES[0]).unwrap();
    assert_eq!(spec.slot.as_str(), "production");
    assert_eq!(spec.smoke.checks.len(), 1);
    assert_eq!(spec.provision.health, [HealthStatus::Ok]);
    assert_eq!(spec.bake.duration, Span::from_secs(600));
}

#[test]
fn a_file_that_says_everything_is_read() {
    let spec = Spec::parse("cutover.toml", EXAMPLES[1]).unwrap();
    let order = &spec.smoke.checks[1];
    assert_eq!(order.title(), "POST /api/orders?dry=1");
    assert_eq!(order.expect.status[1], StatusRange { first: 300, last: 399 });
    assert_eq!(order.expect.json["/ok"], true);
    assert_eq!(spec.drain.at_deadline, super::AtDrainDeadline::Retire);
    assert_eq!(spec.gates[0].deadline, Span::from_secs(4 * 3600));
    assert_eq!(spec.gates[0].at_deadline, super::AtGateDeadline::RollBack);
    assert_eq!(spec.gates[1].at_deadline, super::AtGateDeadline::GoOn);
    assert_eq!(spec.foreign.answer, super::ForeignAnswer::Ask);
    let again: Spec = serde_json::from_str(&serde_json::to_string(&spec).unwrap()).unwrap();
    assert_eq!(again, spec);
}

#[test]
fn levers_with_weights_have_steps() {
    let by_name = Spec::parse("cutover.toml", EXAMPLES[2]).unwrap();
    let steps: Vec<_> = by_name
        .steps()
        .iter()
        .map(|step| (step.share.to_string(), step.bake, step.checks.len()))
        .collect();
    assert_eq!(
        steps,
        [
            ("5%".to_owned(), Some(Span::from_secs(300)), 0),
            ("25%".to_owned(), None, 1),
            ("90%".to_owned(), None, 0),
            ("100%".to_owned(), Some(Span::from_secs(48)), 0)
        ]
    );
    assert_eq!(by_name.traffic_name(None), "shop.example.com");
    let by_rules = Spec::parse("cutover.toml", EXAMPLES[3]).unwrap();
    assert_eq!(by_rules.steps().len(), 6);
    assert_eq!(by_rules.traffic_name(None), "www.example.com");
    let swapped = Spec::parse("cutover.toml", EXAMPLES[0]).unwrap();
    assert_eq!(swapped.steps(), [super::StepSpec::whole()]);
    for example in [&by_name, &by_rules] {
        let again: Spec = serde_json::from_str(&serde_json::to_string(example).unwrap()).unwrap();
        assert_eq!(again, *example);
    }
}

#[test]
fn every_key_of_the_schema_stands_in_the_example() {
    fn keys(whole: &serde_json::Value, node: &serde_json::Value, at: &str, found: &mut Vec<String>) {
        let mut node = node;
        loop {
            let inner = node.get("allOf").and_then(|all| all.get(0)).unwrap_or(node);
            match inner.get("$ref").and_then(serde_json::Value::as_str) {
                Some(reference) => node = whole.pointer(reference.trim_start_matches('#')).unwrap(),
                None => break,
            }
        }
        for (key, inner) in node["properties"].as_object().into_iter().flatten() {
            let place = format!("{at}/{key}");
            keys(whole, inner, &place, found);
            found.push(place);
        }
    }
    let schema = super::schema();
    let mut known = Vec::new();
    keys(&schema, &schema, "", &mut known);
    let examples = EXAMPLES.map(|text| toml::from_str::<serde_json::Value>(text).unwrap());
    assert!(known.len() > 40, "{known:?}");
    for place in known {
        let set = examples.iter().any(|example| example.pointer(&place).is_some());
        assert!(set, "no example sets {place}");
    }
}

#[test]
fn all_problems_are_told_at_once_and_in_order() {
    let text = "aplication = \"shop\"\nslot = \"a b\"\n[provision]\ndeadline = 5\nstable = \"1h\"\nhealth = [\"Green\"]\n\
                [bake]\nfail = 0\ncolour = \"red\"\n";
    assert_eq!(
        messages(text),
        [
            "`cname` is missing",
            "unknown key `aplication`",
            "`slot` may hold only letters, digits and hyphens",
            "`provision.deadline`: invalid type: integer `5`, expected a text in quotes",
            "`provision.health[0]`: unknown variant `Green`, expected one of `Ok`, `Info`, `Warning`, `Degraded`, \
             `Severe`",
            "`bake.fail` must be 1 or more, and at most 10000",
            "unknown key `bake.colour`",
        ]
    );
}

#[test]
fn unknown_keys_come_with_advice() {
    let with = |more: &str| helps(&format!("application = \"shop\"\ncname = \"shop\"\n{more}"));
    assert_eq!(
        with("public-url = \"https://a.example\""),
        ["did you mean `public_url`?"]
    );
    assert_eq!(with("[bake]\nintreval = \"1s\""), ["did you mean `interval`?"]);
    assert_eq!(
        with("version_label = \"v1\""),
        ["`version_label` belongs to `[artifact]`"]
    );
    assert_eq!(with("[bake]\nduration = \"10m\"\nregion = \"eu-west-1\"").len(), 1);
    assert_eq!(
        with("[bake]\nregion = \"eu-west-1\""),
        ["`region` belongs at the top of the file, before the first `[table]`"]
    );
    assert_eq!(
        with("[rollback]\ncolour = \"red\""),
        ["known here: `hold_blue`, `keep_green`"]
    );
    assert_eq!(
        with("[[smoke.checks]]\n[smoke.checks.expect]\nstatuscode = [200]"),
        ["known here: `body`, `headers`, `json`, `max_latency`, `status`"]
    );
}

#[test]
fn words_that_are_nearly_right_come_with_the_right_one() {
    let with = |more: &str| helps(&format!("application = \"shop\"\ncname = \"shop\"\n{more}"));
    for (text, meant) in [
        ("[provision]\nhealth = [\"ok\"]", "Ok"),
        ("[drain]\nat_deadline = \"kep\"", "keep"),
        ("lever = \"weighted_dns\"", "weighted-dns"),
        ("[[gates]]\nbefore = \"shfit\"", "shift"),
    ] {
        assert_eq!(with(text), [format!("did you mean \"{meant}\"?")], "{text}");
    }
}

#[test]
fn values_of_the_wrong_type_come_with_advice() {
    let text = "application = \"shop\"\ncname = \"shop\"\nlever = \"dns\"\nbake = 5\n[smoke]\ninterval = 2\nsuccesses = -1\n\
                [[smoke.checks]]\nexpect = { status = [200, 700] }\n[[green.settings]]\nnamespace = \"aws:a\"\n\
                [[green.settings]]\nnamespace = \"b\"\nname = \"c\"\nvalue = \"d\"\n";
    assert_eq!(
        messages(text),
        [
            "`lever`: unknown variant `dns`, expected one of `cname-swap`, `weighted-dns`, `weighted-target-groups`",
            "`bake`: invalid type: integer `5`, expected a table",
            "`smoke.interval`: invalid type: integer `2`, expected a text in quotes",
            "`smoke.successes`: invalid value: integer `-1`, expected a whole number, 0 or more",
            "`smoke.checks[0].expect.status[1]`: \"700\" is not a status code or a range of them, such as 200 or \"200-299\"",
            "`green.settings[0].name` is missing",
            "`green.settings[0].value` is missing",
            "`green.settings[1].namespace` must start with `aws:`",
        ]
    );
    let gate = |before: &str| {
        helps(&format!(
            "application = \"shop\"\ncname = \"shop\"\n[[gates]]\nbefore = {before}\n"
        ))
    };
    for before in ["\"bake\"", "\"step\"", "7"] {
        assert_eq!(gate(before), ["write \"shift\", \"drain\" or { step = 2 }"], "{before}");
    }
    assert!(helps(text).contains(&"A length of time, such as \"90s\", \"5m\", \"1h 30m\" or \"500ms\".".to_owned()));
}

#[test]
fn a_wrong_value_in_a_list_is_one_problem_in_its_own_place() {
    let dns = "application = \"shop\"\nlever = \"weighted-dns\"\npublic_url = \"https://www.example.com\"\n";
    let no_share = |text: &str| {
        format!(
            "{text:?} is no share: write a percentage such as \"5%\" or \"12.5%\", above 0% and up to 100%, with at most two digits \
             behind the point"
        )
    };
    let text = format!(
        "{dns}steps = [{{ share = \"5\" }}, {{ share = \"25%\", bake = 5 }}, {{ share = \"no\" }}, {{ bake = \"5m\" }}]\n"
    );
    assert_eq!(
        messages(&text),
        [
            format!("`steps[0].share`: {}", no_share("5")),
            "`steps[1].bake`: invalid type: integer `5`, expected a text in quotes".to_owned(),
            format!("`steps[2].share`: {}", no_share("no")),
            "`steps[3]`: `share` is missing".to_owned(),
        ]
    );
    // What a rule finds behind an element that was taken out has its own number, too.
    let text = format!(
        "{dns}[[gates]]\nbefore = \"lunch\"\n[[gates]]\nbefore = \"shift\"\ndeadline = \"0s\"\n\
         [[gates]]\nbefore = {{ step = \"x\" }}\n[[smoke.checks]]\npath = 5\n[[smoke.checks]]\npath = \"orders\"\n"
    );
    let told = messages(&text).join("\n");
    assert!(told.contains("`gates[0].before`: unknown variant `lunch`"), "{told}");
    assert!(told.contains("`gates[1].deadline` must not be zero"), "{told}");
    assert!(told.contains("`gates[2].before.step`: invalid type"), "{told}");
    assert!(told.contains("`smoke.checks[0].path`: invalid type"), "{told}");
    assert!(!told.contains("one place"), "{told}");
    assert!(
        !told.contains("`before` is missing") && !told.contains("missing field"),
        "{told}"
    );
}

#[test]
fn no_type_of_the_program_is_named() {
    let text = "application = \"shop\"\ncname = \"shop\"\npublic_url = \"www.example.com\"\n\
                [bake]\nprobes_per_second = \"2\"\nfail = [1]\n[verdict]\nlearn = \"yes\"\n\
                [[gates]]\nbefore = \"step\"\n[[gates]]\nbefore = { shift = 2 }\n";
    assert_eq!(
        messages(text),
        [
            "`public_url` must begin with `http://` or `https://`",
            "`bake.probes_per_second`: invalid type: string \"2\", expected a number",
            "`bake.fail`: invalid type: a list, expected a whole number, 0 or more",
            "`verdict.learn`: invalid type: string \"yes\", expected true or false",
            "`gates[0].before`: it needs a number, as in `{ step = 2 }`",
            "`gates[1].before.shift`: it stands alone, as in \"shift\"",
        ]
    );
}

#[test]
fn broken_syntax_is_shown_where_it_breaks() {
    let error = fails("application = \"shop\"\ncname = shop\nslot = \"a\nregion = \"eu-west-1\"\n");
    assert_eq!(error.problems()[0].span.start, "application = \"shop\"\ncname = ".len());
    assert!(error.problems().len() >= 2, "{error:?}");
    let error = fails("application = \"shop\"\napplication = \"shop\"\n");
    assert_eq!(error.problems()[0].message, "duplicate key");
}

#[test]
fn a_problem_is_drawn_under_its_line() {
    let error = fails("aplication = \"shop\"\n\n\n\n[bake]\nfail = 0\n");
    let drawing = r#"
  × `cutover.toml` has 3 problems
   ╭─[cutover.toml:1:1]
 1 │ aplication = "shop"
   · ▲────┬────
   · │    ╰─┤ unknown key `aplication`
   · │      │ did you mean `application`?
   · ╰─┤ `cname` is missing
   ·   │ The CNAME that the live environment holds: its prefix (`shop`) or the whole name
   ·   │ (`shop.eu-west-1.elasticbeanstalk.com`). The live environment is found by it, never by
   ·   │ its name.
 2 │ 
   ╰────
   ╭─[cutover.toml:6:8]
 5 │ [bake]
 6 │ fail = 0
   ·        ┬
   ·        ╰─┤ `bake.fail` must be 1 or more, and at most 10000
   ·          │ small numbers such as 2 or 3 do well
   ╰────
"#;
    assert_eq!(error.render(false, 100), &drawing[1..]);
    assert!(error.render(true, 100).contains("\u{1b}["), "colour was asked for");
}

#[test]
fn a_file_that_holds_nothing_says_what_it_lacks() {
    for text in ["", "\n", "# to be written"] {
        let error = fails(text);
        assert_eq!(error.problems().len(), 2, "{text:?}");
        let drawing = error.render(false, 100);
        for word in ["`application` is missing", "`cname` is missing"] {
            assert!(drawing.contains(word), "{text:?}: {word}: {drawing}");
        }
    }
}

#[test]
fn values_that_may_be_secret_are_never_shown() {
    let secret = "hunter2hunter2";
    for text in [
        // Reported by a rule, a type, a key, the syntax; and beside something else that is wrong.
        "green.properties.\"A B\" = \"hunter2hunter2\"",
        "green.properties.A = [\"hunter2hunter2\"]",
        "green.propertys.A = \"hunter2hunter2\"",
        "[properties]\nA = \"hunter2hunter2\"",
        "[green.properties]\n# A = \"hunter2hunter2\"\nA = 5",
        "[green.properties]\nA = 5 # was: hunter2hunter2",
        "[green.properties]\n  #A=hunter2hunter2\nA = 5\nB = '#' # C = 'hunter2hunter2'",
        "# DB_PASSWORD = \"hunter2hunter2\"\n[green.properties]\nA = \"x\nB = 1",
        "# [green.properties]\n# A = \"hunter2hunter2\"\nslot = 5",
        "green.properties.A = \"hunter2hunter2",
        "[green.properties]\nA = \"hunter2hunter2\nB = 1",
        "[green.properties]\nA = hunter2hunter2",
        "green.properties = {\n  A = \"hunter2hunter2\",\n  B = }",
        "green.properties.A = '''\nfirst\nhunter2hunter2\n'''\ngreen.properties.B = 5",
        "public_url = \"https://me:hunter2hunter2@example.com\"",
        "public_url = \"https://me:hunter2hunter2@example.com:port\"",
        "[[smoke.checks]]\nheaders = { authorization = \"hunter2hunter2\", host = \"a\" }",
        "[[bake.checks]]\nheader = { authorization = \"hunter2hunter2\" }",
        "[[bake.checks]]\nbody = \"hunter2hunter2\"\npath = \"\"",
        "[[green.settings]]\nnamespace = \"aws:rds:dbinstance\"\nname = \"DBPassword\"\nvalue = \"hunter2hunter2\"\nx = 1",
        "[[green.settings]]\nnamespace = \"aws:elasticbeanstalk:application:environment\"\nvalue = \"hunter2hunter2\"",
        "green.properties = { TOKEN = \"ghp_hunter2hunter2hunter2hunter2\" }",
        // The checks of steps, and the endpoint that counts.
        "steps = [{ share = \"5%\", checks = [{ headers = { authorization = \"hunter2hunter2\" } }] }]",
        "[[steps]]\nshare = \"5%\"\n[[steps.checks]]\nbody = \"hunter2hunter2\"\npath = \"\"",
        "[[steps]]\nshare = \"5%\"\nchecks = [{ headers = { x-note = [\"hunter2hunter2\"] } }]",
        "[verdict.endpoint]\nurl = \"http://metrics/\"\nheaders = { authorization = \"hunter2hunter2\" }",
        "[verdict.endpoint]\nurl = \"http://metrics/{gren}\"\nheaders = { x-note = [\"hunter2hunter2\"] }",
        "[verdict.endpoint]\nurl = \"https://me:hunter2hunter2@metrics/\"",
        "[verdict.endpoint]\nurl = [\"https://me:hunter2hunter2@metrics/\"]",
        "[verdict.endpoint]\nurl = \"https://metrics/?token=hunter2hunter2\"",
        "[[smoke.checks]]\npath = \"/a?token=hunter2hunter2\"",
        "[[smoke.checks]]\npath = [\"/a?token=hunter2hunter2\"]",
        "[[smoke.checks]]\npath = \"/a?token=hunter2hunter2",
        "[verdict]\nendpoint = \"https://me:hunter2hunter2@metrics/\"",
        "[verdict.endpoint]\nurl = \"https://me:hunter2hunter2@metrics/",
        "verdict.endpoint = { url = \"https://me:hunter2hunter2@metrics/\", timeout = }",
        "steps = [\n  { share = \"5%\", checks = [{ headers = { x-note = \"hunter2hunter2\" }, body = }] },\n]",
        "smoke.checks = [{ path = \"/\", body = \"hunter2hunter2\", timeout = }]",
    ] {
        let error = fails(&format!("application = \"shop\"\ncname = \"shop\"\n{text}\n"));
        for shown in [error.render(false, 200), error.to_string(), format!("{error:?}")] {
            assert!(!shown.contains(secret), "{text}\n{shown}");
        }
    }
    let number = fails("application = \"shop\"\ncname = \"shop\"\ngreen.properties.PIN = 987654321\n");
    assert!(!number.render(false, 200).contains("987654321"));
}

#[test]
fn debug_output_hides_values_that_may_be_secret() {
    let spec = Spec::parse(
        "cutover.toml",
        "application = \"shop\"\ncname = \"shop\"\n[green]\nproperties = { A = \"hunter2\" }\n\
         settings = [{ namespace = \"aws:a\", name = \"b\", value = \"hunter2\" }]\n\
         [[smoke.checks]]\nheaders = { x-note = \"hunter2\" }\nbody = \"hunter2\"\n",
    );
    let shown = format!("{:?}", spec.unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("1 hidden"), "{shown}");
}

#[test]
fn a_file_that_cannot_be_read_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cutover.toml");
    let error = Spec::read(&path).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot read `{}`: there is no such file", path.display())
    );
    assert!(
        error.render(false, 100).contains("`cutover schema`"),
        "{}",
        error.render(false, 100)
    );

    let error = Spec::read(folder.path()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot read `{}`: it is a folder", folder.path().display())
    );

    std::fs::write(&path, b"application = \"\xff\"").unwrap();
    let error = Spec::read(&path).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot read `{}`: byte 15 is not UTF-8 text", path.display())
    );

    std::fs::write(&path, EXAMPLES[1]).unwrap();
    assert_eq!(Spec::read(&path).unwrap(), Spec::parse("x", EXAMPLES[1]).unwrap());
}

#[test]
fn so_many_problems_that_nobody_reads_them_end_the_search() {
    let lines: String = (0..200).map(|n| format!("[[smoke.checks]]\nmethod = {n}\n")).collect();
    assert_eq!(
        fails(&format!("application = \"shop\"\ncname = \"shop\"\n{lines}"))
            .problems()
            .len(),
        50
    );
}

/// Lines that are right or wrong in some way, to be put together at random.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,20}",
        "(application|cname|slot|bake|smoke\\.checks|green\\.properties\\.[a-z]|x) ?= ?(\"[a-zé.-]{0,6}\"|[0-9]{1,3}|\\[[0-9, ]{0,5}\\]|\\{\\}|1979-05-27)",
        "\\[(bake|smoke|green\\.settings|provision|green|artifact|nothing)\\]",
        "\\[\\[(smoke\\.checks|green\\.settings|bake\\.checks|bake)\\]\\]",
        "(duration|interval|health|expect|headers|status|path|fail|namespace|json) = (\"[0-9a-z/]{0,4}\"|-?[0-9]|\\[\"Ok\"\\]|\\{ a = 1 \\}|true)",
    ]
}

#[test]
fn what_is_wrong_at_the_end_of_a_file_is_shown_too() {
    for text in ["application=\"x\ncname=", "[[green.settings]]\n\u{a05}"] {
        let error = Spec::parse("cutover.toml", text).unwrap_err();
        let shown = error.render(false, 200);
        assert_eq!(error.problems().len(), 2, "{shown}");
        for problem in error.problems() {
            assert!(shown.contains(&problem.message), "{}: {shown}", problem.message);
            assert!(text.get(problem.span.clone()).is_some(), "{problem:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_makes_reading_or_rendering_panic(text in "(?s).{0,80}", width in 0_usize..120) {
        if let Err(error) = Spec::parse("cutover.toml", &text) {
            prop_assert!(!error.problems().is_empty());
            prop_assert!(!error.render(false, width).is_empty());
        }
    }

    #[test]
    fn no_file_makes_reading_or_rendering_panic(lines in prop::collection::vec(line(), 0..12)) {
        let text = lines.join("\n");
        if let Err(error) = Spec::parse("cutover.toml", &text) {
            prop_assert!(!error.problems().is_empty());
            for problem in error.problems() {
                prop_assert!(text.get(problem.span.clone()).is_some(), "{problem:?}");
            }
            prop_assert!(!error.render(false, 80).is_empty());
        }
    }
}

#[test]
fn a_gate_stands_in_one_place_once_and_has_a_time() {
    let text = "application = \"shop\"\ncname = \"shop\"\n[[gates]]\nbefore = \"shift\"\ndeadline = \"0s\"\n\
                [[gates]]\nbefore = \"shift\"\n[[gates]]\nbefore = \"lunch\"\n";
    let told = messages(text).join("\n");
    for part in [
        "`gates[0].deadline` must not be zero",
        "there is a gate before shift already",
        "`lunch`",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn mistakes_that_cannot_change_where_releases_are_leave_that_known() {
    let partly = |more: &str| {
        Spec::parse_partly(
            "cutover.toml",
            &format!("application = \"shop\"\nslot = \"eu\"\n{more}"),
        )
    };
    for mistake in [
        "[bakee]\nlength = \"5m\"",
        "[bake]\nlenght = \"5m\"",
        "[bake]\nlength = \"long\"",
        "[smoke]\nsuccesses = 0",
    ] {
        let (spec, mistakes) =
            partly(&format!("cname = \"shop\"\n{mistake}")).unwrap_or_else(|why| panic!("{mistake}: {why}"));
        assert_eq!(
            (spec.application.as_str(), spec.slot.as_str()),
            ("shop", "eu"),
            "{mistake}"
        );
        let said = mistakes.expect("something is wrong").to_string();
        assert!(said.contains("cutover.toml"), "{said}");
    }
    assert_eq!(
        partly("cname = \"shop\"").map(|(_, mistakes)| mistakes.is_none()).ok(),
        Some(true)
    );
    // These may have been meant to say where they are.
    for mistake in [
        "journall = \"s3://a/b\"",
        "journal = 7",
        "bake = 7",
        "region = ",
        "[bake",
    ] {
        assert!(partly(mistake).is_err(), "{mistake}");
    }
    assert!(
        Spec::parse_partly("cutover.toml", "slot = \"eu\"\n[bakee]").is_err(),
        "of which application?"
    );
}
