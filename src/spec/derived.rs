//! What follows from a `cutover.toml` without asking anybody.

use sha2::{Digest, Sha256};
use url::Url;

use super::{Check, GatePlace, Lever, Preset, Spec, StepSpec, Steps};
use crate::model::region::domain;
use crate::model::text::hex;
use crate::model::{EnvironmentName, ReleaseNumber, Share};

/// The longest name of an environment that the service takes, in characters (`CreateEnvironment` of the API,
/// 2010-12-01).
const LONGEST_NAME: usize = 40;

/// The longest prefix that leaves room for `-r99999`, in characters.
pub(super) const LONGEST_PREFIX: usize = LONGEST_NAME - "-r99999".len();

/// For how many looks green is watched with everything after a bake in which blue had a part.
const SETTLING: u32 = 6;

/// Hexadecimal digits that keep two shortened names apart.
const MARK: usize = 6;

impl Spec {
    /// The name of the environment that a release makes: `<prefix>-r<number>`.
    ///
    /// The prefix is `green.name_prefix`, or application and slot made into one. If they are too long or hold letters
    /// that a name cannot, a part of their checksum is added, so that two slots never share a prefix.
    #[must_use]
    pub fn environment_name(&self, release: ReleaseNumber) -> EnvironmentName {
        let prefix = match &self.green.name_prefix {
            Some(prefix) => prefix.clone(),
            None => default_prefix(self.application.as_str(), self.slot.as_str()),
        };
        let suffix = format!("-r{release}");
        // Only a number above 99999 can make this shorten anything.
        let room = LONGEST_NAME.saturating_sub(suffix.len());
        let prefix: String = prefix.chars().take(room).collect();
        EnvironmentName::new(format!("{}{suffix}", prefix.trim_end_matches('-')))
    }

    /// What the keys of the application's bundles begin with.
    #[must_use]
    pub fn bundle_folder(&self) -> String {
        format!("cutover/{}/", self.application)
    }

    /// The whole name whose holder is live, in lower case.
    #[must_use]
    pub fn slot_cname(&self, region: Option<&str>) -> String {
        let cname = self.cname.to_ascii_lowercase();
        match region {
            // A whole name is taken as it is.
            _ if cname.contains('.') => cname,
            Some(region) => format!("{cname}.{region}{}", domain(region)),
            // Preflight refuses a release without a region, and says so.
            None => format!("{cname}{}", domain("")),
        }
    }

    /// The steps in which green gets the traffic; the last one gives it everything.
    #[must_use]
    pub fn steps(&self) -> Vec<StepSpec> {
        let gradual = self.lever.is_gradual();
        let steps = match &self.steps {
            Some(steps) => steps.list(),
            None if gradual => Steps::Preset(Preset::Canary).list(),
            None => Steps::Preset(Preset::AllAtOnce).list(),
        };
        if gradual { self.held_back(steps) } else { steps }
    }

    /// With the step in which all but the holdback is with green. It takes over the last step's bake and checks; what is left for that
    /// is to see that the rest changes nothing.
    fn held_back(&self, mut steps: Vec<StepSpec>) -> Vec<StepSpec> {
        let Some(share) = self.bake.holdback.and_then(Share::rest) else {
            return steps;
        };
        if let Some(mut last) = steps.pop() {
            let settled = self.bake.interval.times(SETTLING);
            let whole = StepSpec {
                bake: Some(last.bake.unwrap_or(self.bake.duration).min(settled)),
                ..StepSpec::whole()
            };
            if steps.last().is_none_or(|before| before.share < share) {
                last.share = share;
                steps.push(last);
                steps.push(whole);
            } else {
                steps.push(last);
            }
        }
        steps
    }

    /// The same release with everything in one step, and no gate before it.
    pub fn at_once(&mut self) {
        self.steps = Some(Steps::Preset(Preset::AllAtOnce));
        self.bake.holdback = None;
        self.gates.retain(|gate| gate.before == GatePlace::Drain);
    }

    /// The name that the slot's traffic comes by, in lower case: the live environment's CNAME, the name with weighted records, or
    /// the host of `public_url`.
    #[must_use]
    pub fn traffic_name(&self, region: Option<&str>) -> String {
        let host = || Some(Url::parse(self.public_url.as_ref()?).ok()?.host_str()?.to_owned());
        let name = match self.lever {
            Lever::CnameSwap => None,
            Lever::WeightedDns => self.weighted_dns.name.clone().or_else(host),
            Lever::WeightedTargetGroups => host(),
        };
        match name {
            Some(name) => name.trim_end_matches('.').to_ascii_lowercase(),
            None => self.slot_cname(region),
        }
    }

    /// Where users reach the application: `public_url`, or `http://` and the name that the traffic comes by, such as the CNAME of
    /// the live environment (`shop.eu-west-1.elasticbeanstalk.com`).
    ///
    /// # Errors
    ///
    /// When the result is not a URL: never for a spec from [`Spec::parse`] and a CNAME as the service gives it.
    pub fn public_base(&self, cname_fqdn: &str) -> Result<Url, url::ParseError> {
        match &self.public_url {
            Some(url) => Url::parse(url),
            None => Url::parse(&format!("http://{cname_fqdn}/")),
        }
    }

    /// The checks through the public name: `bake.checks`, or the smoke checks that name no host and only read. Smoke checks are asked
    /// a few times of a green that has no users; those of the bake again and again, and of what users have.
    #[must_use]
    pub fn bake_checks(&self) -> Vec<Check> {
        if self.bake.checks.is_empty() {
            let fit = |check: &&Check| check.host.is_none() && check.only_reads();
            self.smoke.checks.iter().filter(fit).cloned().collect()
        } else {
            self.bake.checks.clone()
        }
    }
}

fn default_prefix(application: &str, slot: &str) -> String {
    let whole = format!("{application}-{slot}");
    let mut name = String::new();
    for c in whole.chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    let name = name.trim_end_matches('-');
    let lost_letters = whole.chars().any(|c| !c.is_ascii() && c.is_alphanumeric());
    if name.len() <= LONGEST_PREFIX && !lost_letters {
        return name.to_owned();
    }
    let mark = hex(&Sha256::digest(whole.as_bytes()));
    let kept = &name[..name.len().min(LONGEST_PREFIX - MARK - 1)];
    format!("{}-{}", kept.trim_end_matches('-'), &mark[..MARK])
        .trim_start_matches('-')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;

    fn spec(application: &str, more: &str) -> Spec {
        Spec::parse(
            "cutover.toml",
            &format!("application = {application:?}\ncname = \"shop\"\n{more}"),
        )
        .unwrap()
    }

    fn name(spec: &Spec, release: u32) -> String {
        spec.environment_name(ReleaseNumber(release)).to_string()
    }

    #[test]
    fn an_environment_is_called_after_application_slot_and_release() {
        assert_eq!(name(&spec("shop", ""), 7), "shop-production-r7");
        assert_eq!(name(&spec("My_Shop 2", ""), 7), "My-Shop-2-production-r7");
        assert_eq!(name(&spec("shop", "green.name_prefix = \"web\""), 12), "web-r12");
    }

    #[test]
    fn blue_keeps_a_part_through_the_last_bake() {
        let steps = |more: &str| -> Vec<(String, Option<Span>, usize)> {
            let lines = format!("lever = \"weighted-dns\"\nweighted_dns.name = \"www.shop.example\"\n{more}");
            let steps = spec("shop", &lines).steps();
            let short = |step: &StepSpec| (step.share.to_string(), step.bake, step.checks.len());
            steps.iter().map(short).collect()
        };
        let step = |share: &str, bake: Option<u64>, checks| (share.to_owned(), bake.map(Span::from_secs), checks);
        let canary = steps("");
        assert_eq!(
            canary,
            [step("5%", None, 0), step("90%", None, 0), step("100%", Some(48), 0)]
        );
        assert_eq!(
            steps("steps = \"linear\"")[4..],
            [step("90%", None, 0), step("100%", Some(48), 0)]
        );
        // The last step's bake and checks are what it takes over.
        let own = "steps = [{ share = \"50%\" }, { share = \"100%\", bake = \"30s\", checks = [{ path = \"/\" }] }]\n";
        let expected = [
            step("50%", None, 0),
            step("75%", Some(30), 1),
            step("100%", Some(30), 0),
        ];
        assert_eq!(steps(&format!("{own}bake.holdback = \"25%\"")), expected);
        // Where it would be no step, and where it is not wanted, there is none.
        for more in [
            "bake.holdback = \"0%\"",
            "bake.holdback = \"50%\"",
            "bake.holdback = \"60%\"",
        ] {
            let expected = [step("50%", None, 0), step("100%", Some(30), 1)];
            assert_eq!(steps(&format!("{own}{more}")), expected, "{more}");
        }
    }

    #[test]
    fn at_once_is_one_step_with_no_gate_before_it() {
        let mut spec = spec(
            "shop",
            r#"
            lever = "weighted-dns"
            weighted_dns.name = "www.shop.example"
            steps = "linear"
            gates = [{ before = "shift" }, { before = { step = 2 } }, { before = "drain" }]
            "#,
        );
        assert_eq!((spec.steps().len(), spec.gates.len()), (6, 3));
        spec.at_once();
        assert_eq!(spec.steps(), [StepSpec::whole()]);
        let gates: Vec<_> = spec.gates.iter().map(|gate| gate.before).collect();
        assert_eq!(gates, [GatePlace::Drain], "blue is not ended in a hurry");
    }

    #[test]
    fn long_and_foreign_names_stay_valid_and_different() {
        let long = "a-very-long-name-of-an-application";
        let mut seen = std::collections::BTreeSet::new();
        for (application, slot) in [
            (long, "production"),
            (long, "production-eu"),
            ("магазин", "production"),
            ("лавка", "production"),
            ("shop", "a-slot-with-a-very-long-name-indeed"),
        ] {
            let name = name(&spec(application, &format!("slot = {slot:?}")), 99_999);
            assert!((4..=40).contains(&name.len()), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{name}");
            assert!(!name.starts_with('-') && !name.contains("--"), "{name}");
            assert!(name.ends_with("-r99999"), "{name}");
            assert!(seen.insert(name));
        }
        let full = "p".repeat(LONGEST_PREFIX);
        let spec = spec("shop", &format!("green.name_prefix = {full:?}"));
        assert_eq!(name(&spec, 99_999), format!("{full}-r99999"));
        assert_eq!(name(&spec, 100_000).len(), 40);
    }

    #[test]
    fn users_reach_the_public_url_or_the_cname() {
        let cname = "shop.eu-west-1.elasticbeanstalk.com";
        let base = spec("shop", "").public_base(cname).unwrap();
        assert_eq!(base.as_str(), "http://shop.eu-west-1.elasticbeanstalk.com/");
        let base = spec("shop", "public_url = \"https://www.example.com\"").public_base(cname);
        assert_eq!(base.unwrap().as_str(), "https://www.example.com/");
    }

    #[test]
    fn the_bake_asks_the_smoke_checks_that_name_no_host_and_only_read() {
        let smoke = "[[smoke.checks]]\npath = \"/a\"\n[[smoke.checks]]\npath = \"/b\"\nhost = \"b.example.com\"\n\
                     [[smoke.checks]]\npath = \"/orders\"\nmethod = \"POST\"\n";
        let paths = |spec: &Spec| -> Vec<String> { spec.bake_checks().into_iter().map(|check| check.path).collect() };
        assert_eq!(paths(&spec("shop", "")), ["/"]);
        assert_eq!(paths(&spec("shop", smoke)), ["/a"]);
        let writes = "[[smoke.checks]]\npath = \"/orders\"\nmethod = \"POST\"\n";
        assert_eq!(
            paths(&spec("shop", writes)),
            [] as [&str; 0],
            "another path may answer as it likes"
        );
        // Who names one for the bake means it.
        let named = "[[bake.checks]]\npath = \"/orders\"\nmethod = \"POST\"\n";
        assert_eq!(paths(&spec("shop", named)), ["/orders"]);
        let own = format!("{smoke}[[bake.checks]]\npath = \"/c\"\n");
        assert_eq!(paths(&spec("shop", &own)), ["/c"]);
    }
}
