//! What belongs to the region: quotas, the bucket, names in DNS, and managed actions, of which there are none.

use super::super::Account;
use super::super::errors;
use super::find::check_prefix;
use super::{Call, Reply, result};

impl Account {
    /// `CheckDNSAvailability`
    pub(super) fn check_dns_availability(&self, call: &Call<'_>) -> Reply {
        let prefix = call.parameters.required_limited("CNAMEPrefix", 4..=63)?;
        check_prefix(prefix)?;
        let cname = self.fully_qualified(prefix);
        result(|xml| {
            xml.text("Available", self.is_cname_free(&cname));
            xml.text("FullyQualifiedCNAME", &cname);
        })
    }

    /// `CreateStorageLocation`: asking twice is fine.
    pub(super) fn create_storage_location(&self) -> Reply {
        let bucket = self.bucket();
        self.storage.ensure_bucket(&bucket);
        result(|xml| xml.text("S3Bucket", bucket))
    }

    /// `DescribeAccountAttributes`
    pub(super) fn describe_account_attributes(&self) -> Reply {
        let quotas = &self.settings.quotas;
        result(|xml| {
            xml.element("ResourceQuotas", |xml| {
                for (name, maximum) in [
                    ("ApplicationQuota", quotas.applications),
                    ("ApplicationVersionQuota", quotas.versions),
                    ("EnvironmentQuota", quotas.environments),
                    ("ConfigurationTemplateQuota", quotas.templates),
                    ("CustomPlatformQuota", quotas.custom_platforms),
                ] {
                    xml.element(name, |xml| xml.text("Maximum", maximum));
                }
            });
        })
    }

    /// `DescribeEnvironmentManagedActions`: nothing is ever scheduled.
    pub(super) fn describe_managed_actions(&self, call: &Call<'_>) -> Reply {
        self.environment(call.parameters)?;
        if let Some(status) = call.parameters.text("Status")
            && !["Scheduled", "Pending", "Running", "Unknown"].contains(&status)
        {
            return Err(errors::constraint(
                status,
                "Status",
                "Member must satisfy enum value set: [Scheduled, Pending, Running, Unknown]",
            ));
        }
        result(|xml| xml.texts("ManagedActions", Vec::<String>::new()))
    }

    /// `DescribeEnvironmentManagedActionHistory`: nothing ever was.
    pub(super) fn describe_managed_action_history(&self, call: &Call<'_>) -> Reply {
        self.environment(call.parameters)?;
        result(|xml| xml.texts("ManagedActionHistoryItems", Vec::<String>::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::World;

    #[test]
    fn a_cname_is_free_until_somebody_has_it() {
        let mut world = World::new();
        let body = world.ok("CheckDNSAvailability", &[("CNAMEPrefix", "shop")]);
        assert!(body.contains("<Available>true</Available>"), "{body}");
        assert!(body.contains("<FullyQualifiedCNAME>shop.eu-central-1.elasticbeanstalk.com</FullyQualifiedCNAME>"));
        world.launch_with("blue", "v1", &[("CNAMEPrefix", "shop")]);
        let body = world.ok("CheckDNSAvailability", &[("CNAMEPrefix", "Shop")]);
        assert!(body.contains("<Available>false</Available>"), "{body}");
        let (code, message) = world.refused("CheckDNSAvailability", &[("CNAMEPrefix", "fer-shop")]);
        assert_eq!(code, "InvalidParameterValue");
        assert_eq!(
            message,
            "Value fer-shop at 'CNAMEPrefix' failed to satisfy constraint: Member Don't start domain name with 'fer-' \
             (reserved)."
        );
    }

    #[test]
    fn the_bucket_is_named_after_region_and_account() {
        let mut world = World::new();
        let body = world.ok("CreateStorageLocation", &[]);
        assert!(
            body.contains("<S3Bucket>elasticbeanstalk-eu-central-1-123456789012</S3Bucket>"),
            "{body}"
        );
    }

    #[test]
    fn quotas_are_told() {
        let mut world = World::new();
        let body = world.ok("DescribeAccountAttributes", &[]);
        assert!(
            body.contains("<ApplicationVersionQuota><Maximum>1000</Maximum></ApplicationVersionQuota>"),
            "{body}"
        );
    }

    #[test]
    fn no_managed_action_is_ever_scheduled() {
        let mut world = World::new();
        world.launch("blue", "v1");
        let body = world.ok("DescribeEnvironmentManagedActions", &[("EnvironmentName", "blue")]);
        assert!(body.contains("<ManagedActions></ManagedActions>"), "{body}");
    }
}
