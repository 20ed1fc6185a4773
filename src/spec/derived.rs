//! What follows from a `cutover.toml` without asking anybody.

use sha2::{Digest, Sha256};
use url::Url;

use super::{Check, GatePlace, Lever, Preset, Spec, StepSpec, Steps};
use crate::model::{EnvironmentName, ReleaseNumber};

/// The longest name of an environment that the service takes, in characters (`CreateEnvironment` of the API,
/// 2010-12-01).
const LONGEST_NAME: usize = 40;

/// The longest prefix that leaves room for `-r99999`, in characters.
pub(super) const LONGEST_PREFIX: usize = LONGEST_NAME - "-r99999".len();

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
            Some(region) => format!("{cname}.{region}.elasticbeanstalk.com"),
            // Preflight refuses a release without a region, and says so.
            None => format!("{cname}.elasticbeanstalk.com"),
        }
    }

    /// The steps in which green gets the traffic; the last one gives it everything.
    #[must_use]
    pub fn steps(&self) -> Vec<StepSpec> {
        match &self.steps {
            Some(steps) => steps.list(),
            None if self.lever.is_gradual() => Steps::Preset(Preset::Canary).list(),
            None => Steps::Preset(Preset::AllAtOnce).list(),
        }
    }

    /// The same release with everything in one step, and no gate before it.
    pub fn at_once(&mut self) {
        self.steps = Some(Steps::Preset(Preset::AllAtOnce));
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

    /// The checks through the public name: `bake.checks`, or the smoke checks that name no host.
    #[must_use]
    pub fn bake_checks(&self) -> Vec<Check> {
        if self.bake.checks.is_empty() {
            let own = self.smoke.checks.iter().filter(|check| check.host.is_none());
            own.cloned().collect()
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
    let digest = Sha256::digest(whole.as_bytes());
    let mark: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let kept = &name[..name.len().min(LONGEST_PREFIX - MARK - 1)];
    format!("{}-{}", kept.trim_end_matches('-'), &mark[..MARK])
        .trim_start_matches('-')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!((spec.steps().len(), spec.gates.len()), (5, 3));
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
    fn the_bake_asks_the_smoke_checks_that_name_no_host() {
        let smoke = "[[smoke.checks]]\npath = \"/a\"\n[[smoke.checks]]\npath = \"/b\"\nhost = \"b.example.com\"\n";
        let paths = |spec: &Spec| -> Vec<String> { spec.bake_checks().into_iter().map(|check| check.path).collect() };
        assert_eq!(paths(&spec("shop", "")), ["/"]);
        assert_eq!(paths(&spec("shop", smoke)), ["/a"]);
        let own = format!("{smoke}[[bake.checks]]\npath = \"/c\"\n");
        assert_eq!(paths(&spec("shop", &own)), ["/c"]);
    }
}
