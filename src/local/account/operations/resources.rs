//! Names of the resources that AWS would make for an environment.

use super::super::Account;
use super::super::state::{Balancer, BalancerKind, OptionSettings, options};
use crate::local::balancers::LoadBalancerArn;
use crate::local::ids;
use crate::model::EnvironmentId;

impl Account {
    /// Names of the resources that AWS would make for an environment.
    pub(super) fn name_resources(
        &mut self,
        id: &EnvironmentId,
        settings: &OptionSettings,
        shared: Option<(LoadBalancerArn, String)>,
    ) -> Balancer {
        let (region, account_id) = (self.settings.region.clone(), self.settings.account_id.clone());
        let stack = format!("awseb-{id}-stack");
        let token = self.ids.text("balancer", ids::UPPER, 13);
        let hash = self.ids.text("balancer", ids::HEX, 16);
        let number = self.ids.number("balancer", 10);
        let kind = match settings.effective(options::ENVIRONMENT, "LoadBalancerType") {
            _ if settings.is_single_instance() => BalancerKind::SingleInstance,
            Some("application") => BalancerKind::Application,
            Some("network") => BalancerKind::Network,
            _ => BalancerKind::Classic,
        };
        let load_balancer = |family: &str, name: &str| {
            format!("arn:aws:elasticloadbalancing:{region}:{account_id}:loadbalancer/{family}/{name}/{hash}")
        };
        let (name, address) = match kind {
            BalancerKind::SingleInstance => {
                // An address from the range that is kept for documentation.
                let last = self.ids.text("address", ids::DIGITS, 2).parse().unwrap_or(0_u8);
                (String::new(), format!("203.0.113.{last}"))
            }
            BalancerKind::Classic => {
                let name = format!("awseb-e-{}-AWSEBLoa-{token}", &hash[..1]);
                (name.clone(), format!("{name}-{number}.{region}.elb.amazonaws.com"))
            }
            BalancerKind::Application => {
                let name = format!("awseb--AWSEB-{token}");
                (
                    load_balancer("app", &name),
                    format!("{name}-{number}.{region}.elb.amazonaws.com"),
                )
            }
            BalancerKind::Network => {
                let name = format!("awseb--AWSEB-{token}");
                (
                    load_balancer("net", &name),
                    format!("{name}-{hash}.elb.{region}.amazonaws.com"),
                )
            }
        };
        let (shared, name, address) = match shared {
            Some((arn, dns_name)) => (Some(arn.clone()), arn.to_string(), dns_name),
            None => (None, name, address),
        };
        Balancer {
            kind,
            name,
            address,
            shared,
            group: format!(
                "{stack}-AWSEBAutoScalingGroup-{}",
                self.ids.text("group", ids::UPPER, 13)
            ),
            launch_template: format!("lt-0{}", self.ids.text("template", ids::HEX, 16)),
            target_group: format!(
                "arn:aws:elasticloadbalancing:{region}:{account_id}:targetgroup/awseb-AWSEB-{token}/{}",
                self.ids.text("targets", ids::HEX, 16)
            ),
            security_group: format!("sg-0{}", self.ids.text("security", ids::HEX, 16)),
            made: false,
            emptied: false,
        }
    }
}
