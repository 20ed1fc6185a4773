//! Where a project is at home on AWS, as AWS says it.

use super::{Project, Reach};
use crate::aws::CallError;
use crate::roles::Home;
use crate::spec::Lever;

impl Project {
    /// Asks for account, region and, for weighted records, the hosted zone. Reads.
    ///
    /// # Errors
    ///
    /// When that cannot be said.
    pub async fn home(&self, reach: &Reach) -> Result<Home, CallError> {
        let aws = Box::pin(self.aws(reach)).await;
        let account = aws.account_id().await?;
        let zone = match (self.spec.lever, &self.spec.weighted_dns.zone) {
            (Lever::WeightedDns, None) => aws.hosted_zone(&self.spec.traffic_name(aws.region())).await?,
            _ => None,
        };
        Ok(Home {
            account: Some(account),
            region: aws.region().map(str::to_owned),
            zone,
        })
    }

    /// Whether nobody knows in which hosted zone the name with the weights is.
    #[must_use]
    pub fn zone_is_unknown(&self, home: &Home) -> bool {
        let weighs_records = self.spec.lever == Lever::WeightedDns;
        weighs_records && self.spec.weighted_dns.zone.is_none() && home.zone.is_none()
    }
}
