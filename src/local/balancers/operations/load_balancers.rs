//! Load balancers.

use super::super::arn::LoadBalancerArn;
use super::super::state::{DELETION_PROTECTION, EXTERNAL, INTERNAL, LoadBalancer, default_attributes};
use super::super::{Balancers, Call, Reply, errors, read, result, write};
use super::check_name;
use super::page::{page, write_next};
use crate::local::ids;
use crate::local::query::Xml;
use crate::model::Timestamp;

/// Load balancers of a region (source: quotas).
const MOST: usize = 50;

/// What the service puts before the names of internal load balancers in DNS, and what is therefore the beginning of no name.
const INTERNAL_FRONT: &str = "internal-";

/// Hosted zones of Application Load Balancers' names (source: "Elastic Load Balancing endpoints and quotas").
const ZONES: [(&str, &str); 16] = [
    ("us-east-1", "Z35SXDOTRQ7X7K"),
    ("us-east-2", "Z3AADJGX6KTTL2"),
    ("us-west-1", "Z368ELLRRE2KJ0"),
    ("us-west-2", "Z1H1FL5HABSF5"),
    ("ca-central-1", "ZQSVJUPU6J1EY"),
    ("eu-central-1", "Z215JYRZR1TBD5"),
    ("eu-west-1", "Z32O12XQLNTSW2"),
    ("eu-west-2", "ZHURV8PSTC4K8"),
    ("eu-west-3", "Z3Q77PNBQS71R4"),
    ("eu-north-1", "Z23TAZ6LKFMNIO"),
    ("ap-south-1", "ZP97RAFLXTNZK"),
    ("ap-northeast-1", "Z14GRHDCWA56QT"),
    ("ap-northeast-2", "ZWKZPGTI48KDX"),
    ("ap-southeast-1", "Z1LMS91P8CMLE5"),
    ("ap-southeast-2", "Z1GM3OXH4ZPM65"),
    ("sa-east-1", "Z2P70J7HTTTPLU"),
];

impl Balancers {
    pub(super) fn create_load_balancer(&mut self, call: &Call<'_>) -> Reply {
        let parameters = call.parameters;
        let name = parameters.required("Name")?;
        check_name(name, "load balancer")?;
        if name.starts_with(INTERNAL_FRONT) {
            return Err(errors::validation(format!(
                "The load balancer name '{name}' cannot begin with '{INTERNAL_FRONT}'"
            )));
        }
        match parameters.text("Type").unwrap_or("application") {
            "application" => {}
            other => return Err(errors::not_implemented(&format!("load balancers of the type {other}"))),
        }
        if let Some(other) = parameters.text("IpAddressType").filter(|kind| *kind != "ipv4") {
            return Err(errors::not_implemented(&format!("the address type {other}")));
        }
        let scheme = parameters.text("Scheme").unwrap_or(EXTERNAL);
        if !matches!(scheme, EXTERNAL | INTERNAL) {
            return Err(errors::validation(format!("'{scheme}' is not a valid scheme")));
        }
        let mapped = parameters.list("SubnetMappings");
        let mapped = mapped.into_iter().filter_map(|mapping| mapping.text("SubnetId"));
        let mut subnets: Vec<String> = parameters
            .texts("Subnets")
            .into_iter()
            .chain(mapped)
            .map(str::to_owned)
            .collect();
        subnets.sort();
        subnets.dedup();
        if subnets.len() < 2 {
            return Err(errors::validation(
                "At least two subnets in two different Availability Zones must be specified",
            ));
        }
        let security_groups: Vec<String> = parameters
            .texts("SecurityGroups")
            .into_iter()
            .map(str::to_owned)
            .collect();
        let tags = read::tags(parameters)?;
        if let Some(known) = self.load_balancers.iter().find(|known| known.name == name) {
            let same = known.scheme == scheme
                && known.subnets == subnets
                && (security_groups.is_empty() || known.security_groups == security_groups);
            if !same {
                return Err(errors::load_balancer_exists(name));
            }
            return result(|xml| {
                xml.list("LoadBalancers", [known], |xml, known| {
                    self.write_load_balancer(xml, known, call.now);
                });
            });
        }
        if self.load_balancers.iter().filter(|known| known.owner.is_none()).count() >= MOST {
            return Err(errors::quota("TooManyLoadBalancers", "load balancers", MOST));
        }
        let hash = self.hash("load balancer");
        let digits = self.ids.number("load balancer", 10);
        let front = if scheme == INTERNAL { INTERNAL_FRONT } else { "" };
        let made = LoadBalancer {
            arn: LoadBalancerArn::new(self.arn(&format!("loadbalancer/app/{name}/{hash}"))),
            number: self.next_number(),
            dns_name: format!("{front}{name}-{digits}.{}.elb.amazonaws.com", self.settings.region),
            name: name.to_owned(),
            scheme: scheme.to_owned(),
            subnets,
            security_groups: if security_groups.is_empty() {
                vec![format!("sg-{}", self.ids.text("security", ids::HEX, 17))]
            } else {
                security_groups
            },
            created: call.now,
            attributes: default_attributes(scheme),
            tags,
            listeners: Vec::new(),
            owner: None,
        };
        let reply = result(|xml| {
            xml.list("LoadBalancers", [&made], |xml, made| {
                self.write_load_balancer(xml, made, call.now);
            });
        });
        self.load_balancers.push(made);
        reply
    }

    pub(super) fn describe_load_balancers(&self, call: &Call<'_>) -> Reply {
        let (arns, names) = (
            call.parameters.texts("LoadBalancerArns"),
            call.parameters.texts("Names"),
        );
        if !arns.is_empty() && !names.is_empty() {
            return Err(errors::validation(
                "Load balancer names and load balancer ARNs cannot be specified at the same time",
            ));
        }
        for arn in &arns {
            self.load_balancer(arn)?;
        }
        for name in &names {
            if !self.load_balancers.iter().any(|known| known.name == *name) {
                return Err(errors::no_load_balancer(name));
            }
        }
        let all = arns.is_empty() && names.is_empty();
        let asked = self
            .load_balancers
            .iter()
            .filter(|known| all || arns.contains(&known.arn.as_str()) || names.contains(&known.name.as_str()));
        let (found, next) = page(call, asked.map(|known| (known.number, known)))?;
        result(|xml| {
            xml.list("LoadBalancers", found, |xml, known| {
                self.write_load_balancer(xml, known, call.now);
            });
            write_next(xml, next);
        })
    }

    /// `DeleteLoadBalancer`: its listeners and rules go with it; one that is not there is gone already.
    pub(super) fn delete_load_balancer(&mut self, call: &Call<'_>) -> Reply {
        let arn = call.parameters.required("LoadBalancerArn")?;
        let Ok(known) = self.load_balancer(arn) else {
            return result(|_| {});
        };
        if known.attribute(DELETION_PROTECTION) == "true" {
            return Err(errors::not_permitted(format!(
                "Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
            )));
        }
        if self.tenants(&known.arn) > 0 {
            return Err(errors::load_balancer_in_use(arn));
        }
        self.load_balancers.retain(|known| known.arn.as_str() != arn);
        result(|_| {})
    }

    fn write_load_balancer(&self, xml: &mut Xml, known: &LoadBalancer, now: Timestamp) {
        let region = self.settings.region.as_str();
        let zone = ZONES.iter().find(|(name, _)| *name == region).map(|(_, zone)| *zone);
        let state = if now.since(known.created) < self.settings.provisioning {
            "provisioning"
        } else {
            "active"
        };
        let vpc = format!("vpc-{}", self.vpc());
        // A region that the table does not have gets the zone of the first: aliases to balancers are not checked.
        write::load_balancer(xml, known, state, zone.unwrap_or(ZONES[0].1), region, &vpc);
    }
}
