//! What a policy is about: the names of one configuration, and the account and region it is in.

use super::grants::On;
use crate::journal::slot_prefix;
use crate::model::ReleaseNumber;
use crate::model::region::partition;
use crate::release::Slot;
use crate::spec::{JournalPlace, Lever, MetricsSource, Spec};
use crate::traffic::fence_name;

/// How account and region are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// As they are; `*` where they are not known.
    #[default]
    Plain,
    /// As pseudo parameters of CloudFormation, for a template.
    CloudFormation,
}

/// Where the configuration is at home, as far as that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Home {
    /// The account's id.
    pub account: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The id of the hosted zone that holds the name of weighted records.
    pub zone: Option<String>,
}

/// What a policy is about.
#[derive(Clone, Debug)]
pub struct Scope {
    form: Form,
    partition: String,
    region: String,
    account: String,
    /// Name of the application, as a pattern that matches nothing else.
    application: String,
    /// What the names of greens begin with.
    greens: String,
    /// The bucket for bundles, if it is not Elastic Beanstalk's own.
    bucket: Option<String>,
    /// What the keys of bundles begin with.
    bundles: String,
    /// Bucket of the journal, and what the keys of the slot begin with.
    journal: Option<(String, String)>,
    lever: Lever,
    name: String,
    /// Whether the settings name the hosted zone.
    names_zone: bool,
    zone: Option<String>,
    rules: Vec<String>,
    pipeline: Option<String>,
    counted_by_groups: bool,
    with_alarms: bool,
    replaces_instances: bool,
}

impl Scope {
    /// Of a configuration whose journal is there, at home there.
    #[must_use]
    pub fn new(spec: &Spec, journal: &JournalPlace, home: &Home, form: Form) -> Self {
        let region = home.region.as_deref().or(spec.region.as_deref());
        let first = ReleaseNumber(1);
        let green = spec.environment_name(first);
        let prefix = green
            .as_str()
            .strip_suffix(&first.to_string())
            .unwrap_or(green.as_str());
        let slot = Slot {
            application: spec.application.clone(),
            name: spec.slot.clone(),
        };
        let (partition, known_region, account) = match form {
            Form::CloudFormation => (
                "${AWS::Partition}".to_owned(),
                "${AWS::Region}".to_owned(),
                "${AWS::AccountId}".to_owned(),
            ),
            Form::Plain => (
                partition(region.unwrap_or_default()).to_owned(),
                region.unwrap_or("*").to_owned(),
                home.account.clone().unwrap_or_else(|| "*".to_owned()),
            ),
        };
        let literal = |text: &str| literal(text, form);
        let zone = spec.weighted_dns.zone.as_ref();
        Self {
            form,
            partition,
            region: known_region,
            account,
            application: literal(spec.application.as_str()),
            greens: literal(prefix),
            bucket: spec.artifact.bucket.clone(),
            bundles: literal(&spec.bundle_folder()),
            journal: match journal {
                JournalPlace::Directory(_) => None,
                JournalPlace::S3 { bucket, prefix } => Some((bucket.clone(), literal(&slot_prefix(prefix, &slot)))),
            },
            lever: spec.lever,
            name: spec.traffic_name(region),
            names_zone: zone.is_some(),
            zone: zone.or(home.zone.as_ref()).cloned(),
            rules: spec.weighted_target_groups.rules.clone(),
            pipeline: None,
            counted_by_groups: spec.verdict.counted_by() == MetricsSource::TargetGroups,
            with_alarms: !spec.verdict.alarms.is_empty(),
            replaces_instances: spec.bake.replace_instances > 0,
        }
    }

    /// The same for releases that are made by a pipeline of this name.
    #[must_use]
    pub fn in_pipeline(mut self, name: Option<&str>) -> Self {
        self.pipeline = name.map(|name| literal(name, self.form));
        self
    }

    pub(super) fn pipeline(&self) -> Option<&str> {
        self.pipeline.as_deref()
    }

    /// How account and region are written.
    pub(super) fn form(&self) -> Form {
        self.form
    }

    pub(super) fn lever(&self) -> Lever {
        self.lever
    }

    pub(super) fn names_zone(&self) -> bool {
        self.names_zone
    }

    pub(super) fn journal_on_s3(&self) -> bool {
        self.journal.is_some()
    }

    pub(super) fn counted_by_groups(&self) -> bool {
        self.counted_by_groups
    }

    pub(super) fn replaces_instances(&self) -> bool {
        self.replaces_instances
    }

    pub(super) fn with_alarms(&self) -> bool {
        self.with_alarms
    }

    pub(super) fn own_bucket(&self) -> bool {
        self.bucket.is_none()
    }

    /// The ARNs of what actions are allowed on.
    pub(super) fn resources(&self, on: On) -> Vec<String> {
        let application = &self.application;
        match on {
            On::Everything => vec!["*".to_owned()],
            // Both kinds by one pattern: a policy with long names has to fit into a managed one.
            On::Region => ["application*", "environment"]
                .map(|kind| self.beanstalk(kind, "*"))
                .to_vec(),
            On::Environments => vec![self.beanstalk("environment", &format!("{application}/*"))],
            On::Greens => vec![self.beanstalk("environment", &format!("{application}/{}*", self.greens))],
            On::Versions => vec![self.beanstalk("applicationversion", &format!("{application}/*"))],
            On::NewVersions => {
                let mut both = vec![self.beanstalk("application", application)];
                both.extend(self.resources(On::Versions));
                both
            }
            On::Templates => vec![self.beanstalk("configurationtemplate", &format!("{application}/{}*", self.greens))],
            On::Events => vec![
                self.beanstalk("application", application),
                self.beanstalk("*", &format!("{application}/*")),
            ],
            On::BundleBucket => vec![self.bundle_bucket()],
            On::Bundles => vec![format!("{}/{}*", self.bundle_bucket(), self.bundles)],
            On::JournalBucket => self.journal.iter().map(|(bucket, _)| self.s3(bucket)).collect(),
            On::Journal => {
                let keys = |(bucket, prefix): &(String, String)| format!("{}/{prefix}*", self.s3(bucket));
                self.journal.iter().map(keys).collect()
            }
            On::Zone | On::Records => {
                let zone = self.zone.as_deref().unwrap_or("*");
                vec![format!("arn:{}:route53:::hostedzone/{zone}", self.partition)]
            }
            // In one statement: a policy with long names has to fit into a managed one.
            On::ZoneAndChanges => {
                let mut both = self.resources(On::Zone);
                both.push(format!("arn:{}:route53:::change/*", self.partition));
                both
            }
            On::Rules => self.rules.clone(),
            On::Groups => {
                let Self {
                    partition,
                    region,
                    account,
                    ..
                } = self;
                // What Elastic Beanstalk calls its groups begins with that.
                vec![format!(
                    "arn:{partition}:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/awseb-e-*"
                )]
            }
            On::Pipeline => {
                let Self {
                    partition,
                    region,
                    account,
                    ..
                } = self;
                let arn = |name: &String| format!("arn:{partition}:codepipeline:{region}:{account}:{name}");
                self.pipeline.iter().map(arn).collect()
            }
        }
    }

    /// The names that records may be changed of, as Route 53 compares them.
    pub(super) fn record_names(&self) -> Vec<String> {
        [self.name.clone(), fence_name(&self.name)]
            .iter()
            .map(|name| normalized(name))
            .collect()
    }

    fn beanstalk(&self, kind: &str, name: &str) -> String {
        let Self {
            partition,
            region,
            account,
            ..
        } = self;
        format!("arn:{partition}:elasticbeanstalk:{region}:{account}:{kind}/{name}")
    }

    fn bundle_bucket(&self) -> String {
        match &self.bucket {
            Some(bucket) => self.s3(bucket),
            None => self.s3(&format!("elasticbeanstalk-{}-{}", self.region, self.account)),
        }
    }

    fn s3(&self, bucket: &str) -> String {
        format!("arn:{}:s3:::{bucket}", self.partition)
    }
}

/// A name as a pattern that matches nothing else ("Where you can use policy variables" of the IAM User Guide). Letters that a
/// policy cannot hold (beyond U+00FF) match anything.
fn literal(text: &str, form: Form) -> String {
    let variable = match form {
        Form::Plain => "${",
        // What looks like a substitution and is none.
        Form::CloudFormation => "${!",
    };
    let mut pattern = String::new();
    for c in text.chars() {
        match c {
            '*' | '?' | '$' => {
                pattern.push_str(variable);
                pattern.push(c);
                pattern.push('}');
            }
            c if c > '\u{ff}' && pattern.ends_with('*') => {}
            c if c > '\u{ff}' => pattern.push('*'),
            c => pattern.push(c),
        }
    }
    pattern
}

/// A name as Route 53 compares it in conditions: small letters, no dot at the end, and what is neither a letter, a digit, `-`,
/// `_` nor a dot as `\ooo` ("Using IAM policy conditions for fine-grained access control", Route 53 Developer Guide).
fn normalized(name: &str) -> String {
    let mut text = String::new();
    for byte in name.trim_end_matches('.').to_ascii_lowercase().bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => text.push(char::from(byte)),
            other => text.push_str(&format!("\\{other:03o}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_patterns_that_match_nothing_else() {
        assert_eq!(literal("my shop", Form::Plain), "my shop");
        assert_eq!(literal("a*b?$", Form::Plain), "a${*}b${?}${$}");
        assert_eq!(literal("a*b", Form::CloudFormation), "a${!*}b");
        assert_eq!(literal("лавка-1", Form::Plain), "*-1");
    }

    #[test]
    fn names_of_records_are_written_as_they_are_compared() {
        assert_eq!(normalized("WWW.Example.com."), "www.example.com");
        assert_eq!(normalized("*.example.com"), "\\052.example.com");
        assert_eq!(normalized("_cutover.www.example.com"), "_cutover.www.example.com");
    }
}
