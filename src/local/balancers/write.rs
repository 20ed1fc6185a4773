//! Writing descriptions.

use super::arn::LoadBalancerArn;
use super::group::TargetGroup;
use super::routing::{Action, Condition, Forward};
use super::state::{Listener, ListenerRule, LoadBalancer};
use crate::local::query::Xml;

/// Writes a `LoadBalancer`.
pub(super) fn load_balancer(
    xml: &mut Xml,
    load_balancer: &LoadBalancer,
    state: &str,
    zone: &str,
    region: &str,
    vpc: &str,
) {
    xml.text("LoadBalancerArn", &load_balancer.arn);
    xml.text("DNSName", &load_balancer.dns_name);
    xml.text("CanonicalHostedZoneId", zone);
    xml.text("CreatedTime", load_balancer.created);
    xml.text("LoadBalancerName", &load_balancer.name);
    xml.text("Scheme", &load_balancer.scheme);
    xml.text("VpcId", vpc);
    xml.element("State", |xml| xml.text("Code", state));
    xml.text("Type", "application");
    let zones = load_balancer.subnets.iter().zip('a'..='z');
    xml.list("AvailabilityZones", zones, |xml, (subnet, letter)| {
        xml.text("ZoneName", format!("{region}{letter}"));
        xml.text("SubnetId", subnet);
    });
    xml.texts("SecurityGroups", &load_balancer.security_groups);
    xml.text("IpAddressType", "ipv4");
}

/// Writes a `Listener`.
pub(super) fn listener(xml: &mut Xml, of: &LoadBalancerArn, listener: &Listener) {
    xml.text("ListenerArn", &listener.arn);
    xml.text("LoadBalancerArn", of);
    xml.text("Port", listener.port);
    xml.text("Protocol", "HTTP");
    let actions = listener.default_rule().map(|rule| &rule.action);
    xml.list("DefaultActions", actions, action);
}

/// Writes a `Rule`.
pub(super) fn rule(xml: &mut Xml, rule: &ListenerRule) {
    xml.text("RuleArn", &rule.arn);
    match rule.priority {
        Some(priority) => xml.text("Priority", priority),
        None => xml.text("Priority", "default"),
    }
    xml.list("Conditions", &rule.conditions, condition);
    xml.list("Actions", [&rule.action], action);
    xml.text("IsDefault", rule.priority.is_none());
}

fn condition(xml: &mut Xml, condition: &Condition) {
    let plain = |xml: &mut Xml, field: &str, config: &str, values: &[String]| {
        xml.text("Field", field);
        xml.texts("Values", values);
        xml.element(config, |xml| xml.texts("Values", values));
    };
    match condition {
        Condition::HostHeader(values) => plain(xml, "host-header", "HostHeaderConfig", values),
        Condition::PathPattern(values) => plain(xml, "path-pattern", "PathPatternConfig", values),
        Condition::HttpRequestMethod(values) => {
            xml.text("Field", "http-request-method");
            xml.element("HttpRequestMethodConfig", |xml| xml.texts("Values", values));
        }
        Condition::HttpHeader { name, values } => {
            xml.text("Field", "http-header");
            xml.element("HttpHeaderConfig", |xml| {
                xml.text("HttpHeaderName", name);
                xml.texts("Values", values);
            });
        }
        Condition::QueryString(pairs) => {
            xml.text("Field", "query-string");
            xml.element("QueryStringConfig", |xml| {
                xml.list("Values", pairs, |xml, (key, value)| {
                    xml.optional("Key", key.as_ref());
                    xml.text("Value", value);
                });
            });
        }
    }
}

fn action(xml: &mut Xml, action: &Action) {
    match action {
        Action::Forward(action) => forward(xml, action),
        Action::FixedResponse(response) => {
            xml.text("Type", "fixed-response");
            xml.element("FixedResponseConfig", |xml| {
                xml.optional("MessageBody", response.body.as_ref());
                xml.text("StatusCode", response.status);
                xml.optional("ContentType", response.content_type.as_ref());
            });
        }
        Action::Redirect(redirect) => {
            xml.text("Type", "redirect");
            xml.element("RedirectConfig", |xml| {
                xml.text("Protocol", &redirect.protocol);
                xml.text("Port", &redirect.port);
                xml.text("Host", &redirect.host);
                xml.text("Path", &redirect.path);
                xml.text("Query", &redirect.query);
                xml.text("StatusCode", format!("HTTP_{}", redirect.status));
            });
        }
    }
    xml.text("Order", 1);
}

/// A single group is told twice, as the older form of the action has only its ARN.
fn forward(xml: &mut Xml, forward: &Forward) {
    xml.text("Type", "forward");
    if let [only] = forward.groups.as_slice() {
        xml.text("TargetGroupArn", &only.arn);
    }
    xml.element("ForwardConfig", |xml| {
        xml.list("TargetGroups", &forward.groups, |xml, group| {
            xml.text("TargetGroupArn", &group.arn);
            xml.text("Weight", group.weight);
        });
        xml.element("TargetGroupStickinessConfig", |xml| {
            xml.text("Enabled", forward.stickiness.enabled);
            xml.optional("DurationSeconds", forward.stickiness.duration_seconds);
        });
    });
}

/// Writes a `TargetGroup`.
pub(super) fn target_group(xml: &mut Xml, group: &TargetGroup, used_by: Option<&LoadBalancerArn>) {
    xml.text("TargetGroupArn", &group.arn);
    xml.text("TargetGroupName", &group.name);
    xml.text("Protocol", "HTTP");
    xml.text("Port", group.port);
    xml.text("VpcId", &group.vpc);
    xml.text("HealthCheckProtocol", "HTTP");
    xml.text("HealthCheckPort", &group.check.port);
    xml.text("HealthCheckEnabled", true);
    xml.text("HealthCheckIntervalSeconds", group.check.interval);
    xml.text("HealthCheckTimeoutSeconds", group.check.timeout);
    xml.text("HealthyThresholdCount", group.check.healthy_threshold);
    xml.text("UnhealthyThresholdCount", group.check.unhealthy_threshold);
    xml.text("HealthCheckPath", &group.check.path);
    xml.element("Matcher", |xml| xml.text("HttpCode", &group.check.matcher));
    xml.texts("LoadBalancerArns", used_by);
    xml.text("TargetType", "instance");
    xml.text("ProtocolVersion", "HTTP1");
    xml.text("IpAddressType", "ipv4");
}
