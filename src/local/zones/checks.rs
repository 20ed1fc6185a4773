//! Health checks: kept and listed, so that records can depend on them. Nothing is probed: a check says that all is well, one
//! that is inverted says that it is not.

use serde::{Deserialize, Serialize};

use super::Zones;
use super::error::Refusal;
use super::wire::{self, RestAnswer, RestRequest};
use crate::local::xml::Xml;
use crate::model::Timestamp;

/// Most health checks in one answer.
const PAGE: usize = 100;

/// A health check.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct HealthCheck {
    caller_reference: String,
    settings: Settings,
    made: Timestamp,
}

/// Body of `CreateHealthCheck`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewCheck {
    caller_reference: String,
    health_check_config: Settings,
}

/// Settings of a health check. Those that are not kept have been refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Settings {
    #[serde(rename = "IPAddress")]
    ip_address: Option<String>,
    port: Option<u16>,
    #[serde(rename = "Type")]
    kind: String,
    resource_path: Option<String>,
    fully_qualified_domain_name: Option<String>,
    search_string: Option<String>,
    request_interval: Option<u32>,
    failure_threshold: Option<u32>,
    measure_latency: Option<bool>,
    inverted: Option<bool>,
    disabled: Option<bool>,
    #[serde(rename = "EnableSNI")]
    enable_sni: Option<bool>,
    regions: Option<Regions>,
}

/// From where a health check is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Regions {
    region: Vec<String>,
}

impl Settings {
    /// Whether the settings are sound together (source: `HealthCheckConfig`).
    fn check(&self) -> Result<(), Refusal> {
        let kind = self.kind.as_str();
        let missing = |what: &str| {
            Err(Refusal::input(format!(
                "Invalid parameter : {what} must be specified for {kind}"
            )))
        };
        match kind {
            // With what they need they ask for settings that are not there.
            "CALCULATED" => return missing("ChildHealthChecks"),
            "CLOUDWATCH_METRIC" => return missing("AlarmIdentifier"),
            "RECOVERY_CONTROL" => return missing("RoutingControlArn"),
            _ => {}
        }
        if self.ip_address.is_none() && self.fully_qualified_domain_name.is_none() {
            return missing("IPAddress or FullyQualifiedDomainName");
        }
        if kind == "TCP" && self.port.is_none() {
            return missing("Port");
        }
        let searches = kind.ends_with("_STR_MATCH");
        if searches && self.search_string.as_ref().is_none_or(String::is_empty) {
            return missing("SearchString");
        }
        if !searches && self.search_string.is_some() {
            return Err(Refusal::input(format!(
                "Invalid parameter : SearchString must not be specified for {kind}"
            )));
        }
        // Anything between the two is within the model's bounds only.
        if self
            .request_interval
            .is_some_and(|seconds| seconds != 10 && seconds != 30)
        {
            return Err(Refusal::input("Invalid parameter : RequestInterval must be 10 or 30"));
        }
        Ok(())
    }
}

impl HealthCheck {
    /// What it says. A disabled one says that all is well (source: `HealthCheckConfig`, `Disabled`).
    pub(super) fn is_healthy(&self) -> bool {
        self.settings.inverted != Some(true)
    }
}

impl Zones {
    pub(super) fn create_check(&mut self, request: &RestRequest, now: Timestamp) -> Result<RestAnswer, Refusal> {
        let NewCheck {
            caller_reference,
            health_check_config: settings,
        } = wire::read(&request.body)?;
        settings.check()?;
        // The same call once more gives the same check; with other settings it is refused (source: `CreateHealthCheck`).
        let known = self
            .checks
            .iter()
            .find(|(_, check)| check.caller_reference == caller_reference);
        let id = match known {
            Some((id, check)) if check.settings == settings => id.clone(),
            Some(_) => return Err(Refusal::check_exists()),
            None => self.ids.uuid("health check"),
        };
        let check = HealthCheck {
            caller_reference,
            settings,
            made: now,
        };
        let check = self.checks.entry(id.clone()).or_insert(check);
        let mut answer = RestAnswer::of(201, "CreateHealthCheckResponse", |xml| write(xml, &id, check));
        answer.location = Some(format!("https://route53.amazonaws.com/2013-04-01/healthcheck/{id}"));
        Ok(answer)
    }

    fn check(&self, id: &str) -> Result<&HealthCheck, Refusal> {
        self.checks.get(id).ok_or_else(|| Refusal::no_health_check(id))
    }

    pub(super) fn get_check(&self, id: &str) -> Result<RestAnswer, Refusal> {
        let check = self.check(id)?;
        Ok(RestAnswer::of(200, "GetHealthCheckResponse", |xml| {
            write(xml, id, check);
        }))
    }

    pub(super) fn delete_check(&mut self, id: &str) -> Result<RestAnswer, Refusal> {
        self.check(id)?;
        self.checks.remove(id);
        Ok(RestAnswer::of(200, "DeleteHealthCheckResponse", |_| {}))
    }

    pub(super) fn list_checks(&self, request: &RestRequest) -> Result<RestAnswer, Refusal> {
        let marker = request.parameter("marker");
        let most = wire::page(request, PAGE)?;
        let mut checks = self
            .checks
            .iter()
            .skip_while(|(id, _)| marker.is_some_and(|marker| id.as_str() < marker));
        Ok(RestAnswer::of(200, "ListHealthChecksResponse", |xml| {
            xml.element("HealthChecks", |xml| {
                for (id, check) in checks.by_ref().take(most) {
                    write(xml, id, check);
                }
            });
            let next = checks.next().map(|(id, _)| id);
            xml.optional("Marker", marker);
            xml.text("IsTruncated", next.is_some());
            xml.optional("NextMarker", next);
            xml.text("MaxItems", most);
        }))
    }

    pub(super) fn check_status(&self, id: &str, now: Timestamp) -> Result<RestAnswer, Refusal> {
        let check = self.check(id)?;
        let status = if check.is_healthy() {
            "Success: HTTP Status Code 200, OK"
        } else {
            "Failure: the health check is inverted"
        };
        Ok(RestAnswer::of(200, "GetHealthCheckStatusResponse", |xml| {
            xml.element("HealthCheckObservations", |xml| {
                xml.element("HealthCheckObservation", |xml| {
                    xml.text("Region", "eu-west-1");
                    xml.text("IPAddress", "127.0.0.1");
                    xml.element("StatusReport", |xml| {
                        xml.text("Status", status);
                        xml.text("CheckedTime", now.max(check.made));
                    });
                });
            });
        }))
    }
}

fn write(xml: &mut Xml, id: &str, check: &HealthCheck) {
    let settings = &check.settings;
    xml.element("HealthCheck", |xml| {
        xml.text("Id", id);
        xml.text("CallerReference", &check.caller_reference);
        xml.element("HealthCheckConfig", |xml| {
            xml.optional("IPAddress", settings.ip_address.as_deref());
            xml.optional("Port", settings.port);
            xml.text("Type", &settings.kind);
            xml.optional("ResourcePath", settings.resource_path.as_deref());
            xml.optional(
                "FullyQualifiedDomainName",
                settings.fully_qualified_domain_name.as_deref(),
            );
            xml.optional("SearchString", settings.search_string.as_deref());
            // What was not said is told as Route 53 takes it.
            xml.text("RequestInterval", settings.request_interval.unwrap_or(30));
            xml.text("FailureThreshold", settings.failure_threshold.unwrap_or(3));
            xml.text("MeasureLatency", settings.measure_latency.unwrap_or(false));
            xml.text("Inverted", settings.inverted.unwrap_or(false));
            xml.text("Disabled", settings.disabled.unwrap_or(false));
            let is_https = settings.kind.starts_with("HTTPS");
            xml.text("EnableSNI", settings.enable_sni.unwrap_or(is_https));
            if let Some(Regions { region }) = &settings.regions {
                xml.element("Regions", |xml| {
                    for region in region {
                        xml.text("Region", region);
                    }
                });
            }
        });
        xml.text("HealthCheckVersion", 1);
    });
}
