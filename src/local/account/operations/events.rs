//! `DescribeEvents`

use super::super::Account;
use super::super::errors;
use super::super::state::{Event, Severity};
use super::page::newest_first;
use super::{Call, Reply, result};

/// Events on one page unless fewer are asked for.
const PAGE: usize = 1000;

impl Account {
    /// `DescribeEvents`: newest first.
    pub(super) fn describe_events(&self, call: &Call<'_>) -> Reply {
        let parameters = call.parameters;
        let application = parameters.text("ApplicationName");
        let version = parameters.text("VersionLabel");
        let template = parameters.text("TemplateName");
        let id = parameters.text("EnvironmentId");
        let name = parameters.text("EnvironmentName");
        let request_id = parameters.text("RequestId");
        let platform = parameters.text("PlatformArn");
        let start = parameters.timestamp("StartTime")?;
        let end = parameters.timestamp("EndTime")?;
        let size = parameters.number("MaxRecords", 1..=PAGE)?.unwrap_or(PAGE);
        let severity = match parameters.text("Severity") {
            None => None,
            Some(text) => Some(Severity::from_wire(text).ok_or_else(|| {
                let rule = "Member must satisfy enum value set: [TRACE, DEBUG, INFO, WARN, ERROR, FATAL]";
                errors::constraint(text, "Severity", rule)
            })?),
        };
        let matches = |event: &&Event| {
            let source = &event.source;
            let environment = source.environment.as_ref();
            application.is_none_or(|wanted| source.application == wanted)
                && version.is_none_or(|wanted| source.version.as_deref() == Some(wanted))
                && template.is_none_or(|wanted| source.template.as_deref() == Some(wanted))
                && id.is_none_or(|wanted| environment.is_some_and(|(id, _)| id.as_str() == wanted))
                && name.is_none_or(|wanted| environment.is_some_and(|(_, name)| name == wanted))
                && request_id.is_none_or(|wanted| event.request_id.as_deref() == Some(wanted))
                // Platforms are not changed here, so that none has events.
                && platform.is_none()
                && severity.is_none_or(|least| event.severity >= least)
                && end.is_none_or(|end| event.date < end)
        };
        let chosen = self
            .events
            .newest_first()
            // Older ones need not be looked at: no two events have the same date.
            .take_while(|event| start.is_none_or(|start| event.date >= start))
            .filter(matches)
            .map(|event| (event.number, event));
        let page = newest_first(chosen, Some(size), parameters)?;
        result(|xml| {
            xml.list("Events", page.items, |xml, event| {
                xml.text("EventDate", event.date);
                xml.text("Message", &event.message);
                xml.text("ApplicationName", &event.source.application);
                xml.optional("VersionLabel", event.source.version.as_ref());
                xml.optional("TemplateName", event.source.template.as_ref());
                xml.optional(
                    "EnvironmentName",
                    event.source.environment.as_ref().map(|(_, name)| name),
                );
                xml.optional("RequestId", event.request_id.as_ref());
                xml.text("Severity", event.severity.as_str());
            });
            xml.optional("NextToken", page.next);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::World;

    #[test]
    fn events_come_newest_first_and_can_be_narrowed() {
        let mut world = World::new();
        world.launch("blue", "v1");
        let all = world.messages(&[("EnvironmentName", "blue")]);
        assert_eq!(all.last().map(String::as_str), Some("createEnvironment is starting."));
        assert!(
            all.iter()
                .any(|message| message == "Successfully launched environment: blue"),
            "{all:?}"
        );
        assert!(world.messages(&[("EnvironmentName", "green")]).is_empty());
        assert!(world.messages(&[("Severity", "ERROR")]).is_empty());
        let body = world.ok("DescribeEvents", &[("EnvironmentName", "blue")]);
        let dates = World::all(&body, "EventDate");
        let second = dates[dates.len() - 2].clone();
        let from = world.messages(&[("EnvironmentName", "blue"), ("StartTime", &second)]);
        assert_eq!(from.len(), all.len() - 1, "the start belongs to it");
        let until = world.messages(&[("EnvironmentName", "blue"), ("EndTime", &second)]);
        assert_eq!(until.len(), 1, "the end does not");
        world.refused("DescribeEvents", &[("Severity", "LOUD")]);
    }

    #[test]
    fn pages_join_up() {
        let mut world = World::new();
        world.launch("blue", "v1");
        let all = world.messages(&[]);
        let (mut joined, mut token) = (Vec::new(), None::<String>);
        loop {
            let mut parameters = vec![("MaxRecords", "3")];
            if let Some(token) = &token {
                parameters.push(("NextToken", token));
            }
            let body = world.ok("DescribeEvents", &parameters);
            joined.extend(World::all(&body, "Message"));
            token = World::all(&body, "NextToken").pop();
            if token.is_none() {
                break;
            }
        }
        assert_eq!(joined, all);
    }

    #[test]
    fn health_events_have_no_request_id() {
        let mut world = World::new();
        world.launch("blue", "v1");
        let body = world.ok("DescribeEvents", &[]);
        let health = body
            .split("<member>")
            .find(|event| event.contains("Environment health has transitioned from Pending to Ok."))
            .unwrap();
        assert!(!health.contains("<RequestId>"), "{health}");
        assert!(
            health.contains("Initialization completed 0 seconds ago and took"),
            "{health}"
        );
    }
}
