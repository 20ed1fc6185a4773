//! What a driver works with, and who it is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use crate::aws::{Aws, CallError, Effect};
use crate::model::text::hex;
use crate::model::{EnvironmentId, region};
use crate::probe::Prober;
use crate::release::{Plan, Release, Source};
use crate::spec::{GreenSpec, OptionSetting};

/// Everything outside.
pub struct World {
    /// AWS.
    pub aws: Aws,
    /// HTTP checks.
    pub prober: Arc<dyn Prober>,
    /// What the user wants green to have that blue has not. May hold secrets.
    pub overrides: Overrides,
    /// What is wrong with the bundle on this machine.
    pub bundle_problems: Vec<String>,
    /// Where this machine has the bundle, if not where the one had it that began the release.
    bundle: Option<PathBuf>,
    own_bucket: OnceCell<String>,
    /// Hosted zones by the name that lies in them.
    zones: Mutex<BTreeMap<String, String>>,
    pub(super) groups: Mutex<BTreeMap<EnvironmentId, String>>,
}

impl World {
    /// Puts one together.
    #[must_use]
    pub fn new(aws: Aws, prober: Arc<dyn Prober>, overrides: Overrides, bundle_problems: Vec<String>) -> Self {
        Self {
            aws,
            prober,
            overrides,
            bundle_problems,
            bundle: None,
            own_bucket: OnceCell::new(),
            zones: Mutex::default(),
            groups: Mutex::default(),
        }
    }

    /// The bucket of a plan's bundle. A read.
    pub(super) async fn bucket(&self, plan: &Plan) -> Result<String, CallError> {
        if let Source::Bundle {
            bucket: Some(bucket), ..
        } = &plan.source
        {
            return Ok(bucket.clone());
        }
        self.own_bucket
            .get_or_try_init(|| async {
                let account = self.aws.account_id().await?;
                let region = self.aws.region().unwrap_or_default();
                Ok(format!("elasticbeanstalk-{region}-{account}"))
            })
            .await
            .cloned()
    }

    /// The hosted zone of a plan's name. A read.
    pub(super) async fn zone(&self, name: &str, said: Option<&str>) -> Result<String, CallError> {
        if let Some(zone) = said {
            return Ok(zone.to_owned());
        }
        let zones = || self.zones.lock().unwrap_or_else(PoisonError::into_inner);
        let known = zones().get(name).cloned();
        if let Some(zone) = known {
            return Ok(zone);
        }
        let zone = self.aws.hosted_zone(name).await?.ok_or_else(|| CallError {
            operation: "ListHostedZonesByName",
            code: None,
            message: format!(
                "no public hosted zone of this account holds {}; check the account, or set `weighted_dns.zone`",
                name.trim_end_matches('.')
            ),
            effect: Effect::Refused,
        })?;
        zones().insert(name.to_owned(), zone.clone());
        Ok(zone)
    }

    /// The same on a machine that has the bundle elsewhere than the one that began the release.
    #[must_use]
    pub fn with_bundle(self, bundle: Option<PathBuf>) -> Self {
        Self { bundle, ..self }
    }

    /// The bundle's file on this machine, if the plan names one.
    pub(super) fn bundle_file(&self, plan: &Plan) -> Option<PathBuf> {
        match &plan.source {
            Source::Bundle { file, .. } => Some(self.bundle.clone().unwrap_or_else(|| PathBuf::from(file))),
            Source::Recorded { .. } | Source::Live => None,
        }
    }
}

/// What green has that blue has not.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Option settings, environment properties among them.
    pub settings: Vec<OptionSetting>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

impl std::fmt::Debug for Overrides {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values may be secrets.
        f.debug_struct("Overrides")
            .field("settings", &self.settings.len())
            .field("tags", &self.tags.len())
            .finish()
    }
}

impl Overrides {
    /// As `cutover.toml` has them.
    #[must_use]
    pub fn new(green: &GreenSpec) -> Self {
        let properties = green.properties.iter().map(|(name, value)| OptionSetting {
            namespace: "aws:elasticbeanstalk:application:environment".to_owned(),
            name: name.clone(),
            value: value.clone(),
        });
        Self {
            settings: green.settings.iter().cloned().chain(properties).collect(),
            tags: green.tags.clone(),
        }
    }

    /// An error without the values of settings: the service repeats one that it does not like. Where others than these are in use,
    /// by the digest that a plan has of them, nobody here knows which ones to take out, so only the error's code is left.
    #[must_use]
    pub fn scrubbed(&self, in_use: Option<&str>, mut error: CallError) -> CallError {
        if in_use.is_some() && self.digest().as_deref() != in_use {
            if !error.already_exists() {
                "its words are left out, because they may repeat values under [green] in cutover.toml that are not known here; the \
                 environment's events in the console say more"
                    .clone_into(&mut error.message);
            }
            return error;
        }
        let values = self.settings.iter().map(|setting| setting.value.as_str());
        let mut values: Vec<&str> = values.filter(|value| !value.is_empty()).collect();
        // One may be the beginning of another, of which nothing is to be left.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        for value in values {
            error.message = error.message.replace(value, "***");
        }
        error
    }

    /// A checksum by which another machine knows whether it has the same ones; `None` if there are none.
    #[must_use]
    pub fn digest(&self) -> Option<String> {
        if self.settings.is_empty() && self.tags.is_empty() {
            return None;
        }
        let mut hash = Sha256::new();
        let mut feed = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        for setting in &self.settings {
            feed(&setting.namespace);
            feed(&setting.name);
            feed(&setting.value);
        }
        for (key, value) in &self.tags {
            feed(key);
            feed(value);
        }
        Some(hex(&hash.finalize()))
    }
}

/// How long the environments may take to prove that this is the place.
const PROOF: Duration = Duration::from_secs(20);

/// Where a release is and where we are, if that is not the same place: to another account or region, its environments would
/// seem to be gone.
pub(super) async fn elsewhere(world: &World, release: &Release) -> Result<Option<(String, String)>, CallError> {
    let region = world.aws.region().unwrap_or_default();
    if let Some(wanted) = region::of_name(&release.plan.slot_cname)
        && wanted != region
    {
        return Ok(Some((format!("region {wanted}"), format!("region {region}"))));
    }
    let Some(blue) = &release.blue else { return Ok(None) };
    // Environments' ids are unique: whoever sees one of the release's is where it is. No other service has to answer for that.
    let listed = tokio::time::timeout(PROOF, world.aws.environments(Some(&release.plan.id.slot.application))).await;
    let own = |id: &EnvironmentId| *id == blue.id || release.green.as_ref().is_some_and(|green| green.id == *id);
    if let Ok(Ok(environments)) = &listed
        && environments.iter().any(|found| own(&found.id))
    {
        return Ok(None);
    }
    let account = world.aws.account_id().await?;
    let differs = account != blue.account;
    Ok(differs.then(|| (format!("account {}", blue.account), format!("account {account}"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    fn setting(name: &str, value: &str) -> OptionSetting {
        OptionSetting {
            namespace: "aws:x".to_owned(),
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }

    fn overrides(settings: Vec<OptionSetting>) -> Overrides {
        Overrides {
            settings,
            tags: BTreeMap::new(),
        }
    }

    #[test]
    fn other_overrides_have_another_digest() {
        assert_eq!(Overrides::default().digest(), None);
        let digest =
            |list: &[(&str, &str)]| overrides(list.iter().map(|(name, value)| setting(name, value)).collect()).digest();
        let one = digest(&[("a", "bc")]);
        assert!(one.is_some());
        assert_eq!(one, digest(&[("a", "bc")]));
        // Not the same text cut elsewhere.
        assert_ne!(one, digest(&[("ab", "c")]));
        assert_ne!(one, digest(&[("a", "bd")]));
    }

    #[test]
    fn errors_and_debug_output_hold_no_values() {
        let overrides = overrides(vec![setting("PASSWORD", "hunter2"), setting("EMPTY", "")]);
        assert!(!format!("{overrides:?}").contains("hunter2"));
        let error = CallError {
            operation: "CreateConfigurationTemplate",
            code: None,
            message: "Invalid option value: 'hunter2'".to_owned(),
            effect: crate::aws::Effect::Refused,
        };
        assert_eq!(
            overrides.scrubbed(None, error.clone()).message,
            "Invalid option value: '***'"
        );
        let digest = overrides.digest();
        let scrubbed = overrides.scrubbed(digest.as_deref(), error.clone());
        assert_eq!(scrubbed.message, "Invalid option value: '***'");
        // Whoever goes on without the settings does not know what is secret.
        let blind = Overrides::default().scrubbed(digest.as_deref(), error);
        assert!(
            !blind.message.contains("hunter2") && blind.message.contains("left out"),
            "{}",
            blind.message
        );
        assert_eq!(blind.effect, Effect::Refused);
    }

    #[test]
    fn of_a_value_that_begins_with_another_nothing_is_left() {
        let overrides = overrides(vec![setting("USER", "hunter"), setting("PASSWORD", "hunter2")]);
        let error = CallError {
            operation: "CreateEnvironment",
            code: None,
            message: "hunter2 and hunter do not fit".to_owned(),
            effect: Effect::Refused,
        };
        assert_eq!(overrides.scrubbed(None, error).message, "*** and *** do not fit");
    }
}
