//! Names of other services that an alias may lead to: each service has a hosted zone in each region.

use super::Zones;
use super::error::Refusal;
use super::name::DomainName;
use super::record::{Content, RecordSet};
use super::zone::Action;

/// Elastic Beanstalk's hosted zones (source: "AWS Elastic Beanstalk endpoints and quotas").
const BEANSTALK: [(&str, &str); 25] = [
    ("us-east-1", "Z117KPS5GTRQ2G"),
    ("us-east-2", "Z14LCN19Q5QHIC"),
    ("us-west-1", "Z1LQECGX5PH1X"),
    ("us-west-2", "Z38NKT9BP95V3O"),
    ("ca-central-1", "ZJFCZL7SSZB5I"),
    ("eu-west-1", "Z2NYPWQ7DFZAZH"),
    ("eu-west-2", "Z1GKAAAUGATPF1"),
    ("eu-west-3", "Z5WN6GAYWG5OB"),
    ("eu-central-1", "Z1FRNW7UH4DEZJ"),
    ("eu-north-1", "Z23GO28BZ5AETM"),
    ("eu-south-1", "Z10VDYYOA2JFKM"),
    ("ap-south-1", "Z18NTBI3Y7N9TZ"),
    ("ap-east-1", "ZPWYUBWRU171A"),
    ("ap-southeast-1", "Z16FZ9L249IFLT"),
    ("ap-southeast-2", "Z2PCDNR3VC2G1N"),
    ("ap-southeast-3", "Z05913172VM7EAZB40TA8"),
    ("ap-northeast-1", "Z1R25G3KIG2GBW"),
    ("ap-northeast-2", "Z3JE5OI70TWKCP"),
    ("ap-northeast-3", "ZNE5GEY1TIAGY"),
    ("sa-east-1", "Z10X7K2B4QSOFV"),
    ("me-south-1", "Z2BBTEKR2I36N2"),
    ("af-south-1", "Z1EI3BVKMKK4AM"),
    ("il-central-1", "Z02941091PERNCB1MI5H7"),
    ("us-gov-east-1", "Z35TSARG0EJ4VU"),
    ("us-gov-west-1", "Z4KAURWC4UUUG"),
];

/// The hosted zone of Elastic Beanstalk's names in a region, where it is known.
fn beanstalk_zone(region: &str) -> Option<&'static str> {
    BEANSTALK
        .iter()
        .find(|(name, _)| *name == region)
        .map(|(_, zone)| *zone)
}

impl Zones {
    /// Checks that the targets of aliases lie in the hosted zones that are said to be theirs. Those of balancers and of other
    /// services are believed.
    pub(super) fn check_aliases(&self, changes: &[(Action, RecordSet)]) -> Result<(), Refusal> {
        let mut wrong = Vec::new();
        for (action, record) in changes {
            let Content::Alias { zone, target, .. } = &record.content else {
                continue;
            };
            if *action == Action::Delete {
                continue;
            }
            if self.zone_holds(zone, target) == Some(false) {
                wrong.push(format!(
                    "Tried to create an alias that targets {target}, type {} in zone {zone}, but the alias target name does not \
                     lie within the target zone",
                    record.kind
                ));
            }
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(Refusal::batch(&wrong))
        }
    }

    /// Whether a name lies in a hosted zone, as far as that is known.
    fn zone_holds(&self, id: &str, target: &DomainName) -> Option<bool> {
        if let Some(zone) = self.zones.get(id) {
            return Some(target.lies_in(&zone.name));
        }
        let bare = target.bare();
        let region = |suffix: &str| bare.strip_suffix(suffix)?.rsplit('.').next();
        if let Some(region) = region(".elasticbeanstalk.com") {
            return beanstalk_zone(region).map(|zone| zone == id);
        }
        // A hosted zone of Elastic Beanstalk holds no other names.
        BEANSTALK.iter().any(|(_, zone)| *zone == id).then_some(false)
    }
}
