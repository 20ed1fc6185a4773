//! What an account is made with.

use super::Timing;

/// Settings of an account. All are plain values, so that two accounts with the same settings behave the same.
#[derive(Clone, Debug)]
pub struct AccountSettings {
    /// Region the account pretends to be in, such as `eu-central-1`.
    pub region: String,
    /// Twelve digits.
    pub account_id: String,
    /// How long everything takes.
    pub timing: Timing,
    /// Ids are made from it and a counter.
    pub seed: u64,
    /// Where the account's S3 answers, such as `http://127.0.0.1:9000`; the links to logs begin with it.
    pub endpoint: String,
    /// How much of everything there may be.
    pub quotas: Quotas,
}

/// How much of everything there may be, per region.
///
/// Source of the numbers: the service's documented default quotas.
#[derive(Clone, Debug)]
pub struct Quotas {
    /// Applications.
    pub applications: usize,
    /// Application versions, over all applications.
    pub versions: usize,
    /// Environments that are not terminated.
    pub environments: usize,
    /// Configuration templates, over all applications.
    pub templates: usize,
    /// Custom platforms. None can be made here; the number is only reported.
    pub custom_platforms: usize,
    /// Tags that users may put on one resource.
    pub tags: usize,
    /// Bytes of the largest source bundle.
    pub bundle_bytes: u64,
    /// Instances on one page of `DescribeInstancesHealth`.
    pub instances_per_page: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            applications: 75,
            versions: 1000,
            environments: 200,
            templates: 2000,
            custom_platforms: 50,
            tags: 47,
            bundle_bytes: 524_288_000,
            instances_per_page: 50,
        }
    }
}
