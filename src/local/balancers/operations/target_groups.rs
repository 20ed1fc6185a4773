//! Target groups.

use super::super::arn::TargetGroupArn;
use super::super::group::{HealthCheck, TargetGroup, default_attributes};
use super::super::{Balancers, Call, Reply, errors, read, result, write};
use super::check_name;
use super::page::{page, write_next};
use crate::local::query::{AwsError, Parameters};

/// Target groups of a region (source: quotas).
const MOST: usize = 3000;

impl Balancers {
    pub(super) fn create_target_group(&mut self, call: &Call<'_>) -> Reply {
        let parameters = call.parameters;
        let name = parameters.required("Name")?;
        check_name(name, "target group")?;
        if let Some(kind) = parameters.text("TargetType").filter(|kind| *kind != "instance") {
            return Err(errors::not_implemented(&format!("targets of the type {kind}")));
        }
        match parameters.text("Protocol") {
            Some("HTTP") => {}
            Some(other) => return Err(errors::not_implemented(&format!("target groups for {other}"))),
            None => return Err(errors::validation("A protocol must be specified")),
        }
        if let Some(other) = parameters.text("ProtocolVersion").filter(|version| *version != "HTTP1") {
            return Err(errors::not_implemented(&format!("target groups for {other}")));
        }
        let port = parameters.number("Port", 1..=65_535)?;
        let port = port.ok_or_else(|| errors::validation("A port must be specified"))?;
        let vpc = parameters.text("VpcId");
        let vpc = vpc.ok_or_else(|| errors::validation("A VPC ID must be specified"))?;
        let port = u16::try_from(port).unwrap_or(80);
        let check = check(parameters, port, HealthCheck::default())?;
        let tags = read::tags(parameters)?;
        if let Some(known) = self.target_groups.iter().find(|known| known.name == name) {
            let same = known.port == port && known.vpc == vpc && known.check == check;
            if !same {
                return Err(errors::target_group_exists(name));
            }
            return result(|xml| xml.list("TargetGroups", [known], |xml, known| self.write_group(xml, known)));
        }
        if self.target_groups.len() >= MOST {
            return Err(errors::quota("TooManyTargetGroups", "target groups", MOST));
        }
        let hash = self.hash("target group");
        let group = TargetGroup {
            arn: TargetGroupArn::new(self.arn(&format!("targetgroup/{name}/{hash}"))),
            number: self.next_number(),
            name: name.to_owned(),
            port,
            vpc: vpc.to_owned(),
            check,
            attributes: default_attributes(),
            tags,
            tenant_of: None,
            in_use_since: None,
        };
        let reply = result(|xml| xml.list("TargetGroups", [&group], |xml, group| self.write_group(xml, group)));
        self.target_groups.push(group);
        reply
    }

    pub(super) fn describe_target_groups(&self, call: &Call<'_>) -> Reply {
        let parameters = call.parameters;
        let (arns, names) = (parameters.texts("TargetGroupArns"), parameters.texts("Names"));
        let of = parameters.text("LoadBalancerArn");
        if [!arns.is_empty(), !names.is_empty(), of.is_some()]
            .iter()
            .filter(|given| **given)
            .count()
            > 1
        {
            return Err(errors::validation(
                "You can only specify one of: a load balancer ARN, target group names, target group ARNs",
            ));
        }
        for arn in &arns {
            self.target_group(arn)?;
        }
        if !names
            .iter()
            .all(|name| self.target_groups.iter().any(|known| known.name == *name))
        {
            return Err(errors::no_target_group());
        }
        if let Some(of) = of {
            self.load_balancer(of)?;
        }
        let asked = self.target_groups.iter().filter(|known| match of {
            Some(of) => self.user_of(&known.arn).is_some_and(|user| user.as_str() == of),
            None if arns.is_empty() && names.is_empty() => true,
            None => arns.contains(&known.arn.as_str()) || names.contains(&known.name.as_str()),
        });
        let (found, next) = page(call, asked.map(|known| (known.number, known)))?;
        result(|xml| {
            xml.list("TargetGroups", found, |xml, known| self.write_group(xml, known));
            write_next(xml, next);
        })
    }

    pub(super) fn modify_target_group(&mut self, call: &Call<'_>) -> Reply {
        let arn = call.parameters.required("TargetGroupArn")?;
        let group = self.target_group(arn)?;
        let check = check(call.parameters, group.port, group.check.clone())?;
        self.target_group_mut(arn)?.check = check;
        let group = self.target_group(arn)?;
        result(|xml| xml.list("TargetGroups", [group], |xml, group| self.write_group(xml, group)))
    }

    /// `DeleteTargetGroup`: one that is not there is gone already.
    pub(super) fn delete_target_group(&mut self, call: &Call<'_>) -> Reply {
        let arn = call.parameters.required("TargetGroupArn")?;
        if self.user_of(&TargetGroupArn::new(arn)).is_some() {
            return Err(errors::target_group_in_use(arn));
        }
        self.target_groups.retain(|known| known.arn.as_str() != arn);
        result(|_| {})
    }

    fn write_group(&self, xml: &mut crate::local::query::Xml, group: &TargetGroup) {
        write::target_group(xml, group, self.user_of(&group.arn));
    }
}

/// Settings of health checks: those given on top of those before, of a group with that port.
fn check(parameters: &Parameters, own: u16, mut check: HealthCheck) -> Result<HealthCheck, AwsError> {
    if let Some(other) = parameters
        .text("HealthCheckProtocol")
        .filter(|protocol| *protocol != "HTTP")
    {
        return Err(errors::not_implemented(&format!("health checks by {other}")));
    }
    if parameters.boolean("HealthCheckEnabled")? == Some(false) {
        return Err(errors::configuration(
            "Health check enabled must be true for target groups with target type 'instance'",
        ));
    }
    if let Some(path) = parameters.text("HealthCheckPath") {
        if !path.starts_with('/') {
            return Err(errors::validation(format!(
                "Health check path '{path}' must begin with '/'"
            )));
        }
        path.clone_into(&mut check.path);
    }
    if let Some(port) = parameters.text("HealthCheckPort") {
        check_port(port, own)?;
        port.clone_into(&mut check.port);
    }
    if let Some(codes) = parameters
        .structure("Matcher")
        .and_then(|matcher| matcher.text("HttpCode"))
    {
        check_matcher(codes)?;
        codes.clone_into(&mut check.matcher);
    }
    for (name, limits, value) in [
        ("HealthCheckIntervalSeconds", 5..=300, &mut check.interval),
        ("HealthCheckTimeoutSeconds", 2..=120, &mut check.timeout),
        ("HealthyThresholdCount", 2..=10, &mut check.healthy_threshold),
        ("UnhealthyThresholdCount", 2..=10, &mut check.unhealthy_threshold),
    ] {
        if let Some(number) = parameters.number(name, limits)? {
            *value = u32::try_from(number).unwrap_or(u32::MAX);
        }
    }
    if check.timeout >= check.interval {
        return Err(errors::validation(
            "Health check interval must be greater than the timeout",
        ));
    }
    Ok(check)
}

/// Targets are checked where they get their requests: each has a port of its own here, and no other one.
fn check_port(given: &str, own: u16) -> Result<(), AwsError> {
    match given.parse::<u16>() {
        _ if given == "traffic-port" => Ok(()),
        Ok(port) if port == own => Ok(()),
        Ok(1..) => Err(errors::not_implemented(
            "health checks at another port than that of requests",
        )),
        Ok(0) | Err(_) => Err(errors::validation(format!(
            "Health check port '{given}' must be 'traffic-port' or a port between 1 and 65535"
        ))),
    }
}

/// Which codes a health check may be answered with: a list of values and ranges (source: shape `Matcher`).
fn check_matcher(codes: &str) -> Result<(), AwsError> {
    let code = |text: &str| {
        let code = text.trim().parse::<u16>().ok();
        code.filter(|code| (200..=499).contains(code))
    };
    let valid = codes.split(',').all(|part| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        matches!((code(from), code(to)), (Some(from), Some(to)) if from <= to)
    });
    if valid {
        Ok(())
    } else {
        Err(errors::validation(format!(
            "Health check matcher HTTP code '{codes}' must be values or ranges between 200 and 499"
        )))
    }
}
