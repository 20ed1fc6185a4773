//! Option settings of environments and templates.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::catalogue::{CATALOGUE, Entry};

/// Namespace of environment properties: any name goes.
pub(crate) const PROPERTIES: &str = "aws:elasticbeanstalk:application:environment";
/// Namespace of the group of instances.
pub(crate) const GROUP: &str = "aws:autoscaling:asg";
/// Namespace of the default process, where the balancer's settings are.
pub(crate) const PROCESS: &str = "aws:elasticbeanstalk:environment:process:default";
/// Namespace of the kind of environment and of its balancer.
pub(crate) const ENVIRONMENT: &str = "aws:elasticbeanstalk:environment";
/// Namespace of the load balancer itself.
pub(crate) const LOAD_BALANCER: &str = "aws:elbv2:loadbalancer";
/// Namespace of health reporting.
pub(crate) const HEALTH: &str = "aws:elasticbeanstalk:healthreporting:system";
/// Namespace of deployments.
pub(crate) const COMMAND: &str = "aws:elasticbeanstalk:command";
/// Namespace of the instances themselves.
pub(crate) const INSTANCES: &str = "aws:autoscaling:launchconfiguration";

/// Namespaces in which the account knows no names: they belong to platforms or to users.
const OPEN: &[&str] = &[
    PROPERTIES,
    "aws:elasticbeanstalk:container:",
    "aws:elasticbeanstalk:customoption",
    "aws:elasticbeanstalk:environment:proxy:staticfiles",
    "aws:elasticbeanstalk:sqsd",
    "aws:elasticbeanstalk:eks:",
    "aws:eks:",
];

/// What changing an option does to an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing that anybody notices.
    NoInterruption,
    /// Instances are replaced.
    RestartEnvironment,
    /// The application is restarted in place.
    RestartApplicationServer,
}

impl Change {
    /// The text of the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NoInterruption => "NoInterruption",
            Self::RestartEnvironment => "RestartEnvironment",
            Self::RestartApplicationServer => "RestartApplicationServer",
        }
    }
}

/// Which values an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Any text.
    Text,
    /// A path of an address.
    Path,
    /// `true` or `false`.
    Boolean,
    /// A whole number within limits.
    Number(u32, u32),
    /// One of these.
    Choice(&'static [&'static str]),
}

impl Value {
    /// What is wrong with a value, if anything. An empty value unsets an option and is always right.
    fn complaint(self, value: &str) -> Option<String> {
        if value.is_empty() {
            return None;
        }
        match self {
            Self::Text => None,
            Self::Path => {
                let is_path = value.starts_with('/') && value.parse::<http::uri::PathAndQuery>().is_ok();
                (!is_path).then(|| {
                    "Value is not a path: it must begin with a '/' and hold no character that a path cannot".to_owned()
                })
            }
            Self::Boolean => (!value.eq_ignore_ascii_case("true") && !value.eq_ignore_ascii_case("false"))
                .then(|| "Value is not one of the allowed values: [true, false]".to_owned()),
            Self::Number(least, most) => match value.parse::<u32>() {
                Err(_) => Some("Value is not a valid integer".to_owned()),
                Ok(number) if number < least => Some(format!("Value is less than minimum allowed value: {least}")),
                Ok(number) if number > most => Some(format!("Value is greater than maximum allowed value: {most}")),
                Ok(_) => None,
            },
            Self::Choice(choices) => (!choices.iter().any(|choice| choice.eq_ignore_ascii_case(value)))
                .then(|| format!("Value is not one of the allowed values: [{}]", choices.join(", "))),
        }
    }
}

/// The name of an option.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct OptionName {
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name there.
    pub(crate) name: String,
    /// The resource it belongs to, such as the name of a scheduled action; mostly empty.
    pub(crate) resource: String,
}

impl OptionName {
    /// An option of the environment itself.
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            resource: String::new(),
        }
    }

    /// An option of the resource that is named with it, if one is. Only scheduled actions are told apart by it; elsewhere it names
    /// what there is one of anyway.
    pub(crate) fn of_resource(namespace: &str, name: &str, resource: Option<&str>) -> Self {
        let resource = resource.filter(|_| namespace == "aws:autoscaling:scheduledaction");
        Self {
            resource: resource.unwrap_or_default().to_owned(),
            ..Self::new(namespace, name)
        }
    }
}

/// What is known of an option.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// Its namespace, with `:*` at the end when it stands for many.
    pub(crate) namespace: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
    /// Its value unless somebody sets it.
    pub(crate) default: Option<&'static str>,
    /// Which values it takes.
    pub(crate) value: Value,
    /// What changing it does.
    pub(crate) change: Change,
}

/// All options that are known by name.
pub(crate) fn catalogue() -> impl Iterator<Item = Known> {
    CATALOGUE.iter().flat_map(|(namespace, entries)| {
        entries.iter().map(|entry| {
            let (name, default, value, change) = *entry;
            Known {
                namespace,
                name,
                default,
                value,
                change,
            }
        })
    })
}

fn find(namespace: &str, name: &str) -> Option<&'static Entry> {
    let exact = CATALOGUE.iter().find(|(candidate, _)| *candidate == namespace);
    let pattern = || {
        CATALOGUE.iter().find(|(candidate, _)| {
            candidate
                .strip_suffix('*')
                .is_some_and(|prefix| namespace.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()))
        })
    };
    let (_, entries) = exact.or_else(pattern)?;
    entries.iter().find(|(candidate, ..)| *candidate == name)
}

fn is_open(namespace: &str) -> bool {
    OPEN.iter()
        .any(|open| namespace == *open || (open.ends_with(':') && namespace.starts_with(open)))
}

/// What changing an option does. Environment properties and options of platforms restart the application.
pub(crate) fn change_of(option: &OptionName) -> Change {
    find(&option.namespace, &option.name).map_or(Change::RestartApplicationServer, |(.., change)| *change)
}

/// The default of an option.
pub(crate) fn default_of(namespace: &str, name: &str) -> Option<&'static str> {
    find(namespace, name).and_then(|(_, default, ..)| *default)
}

/// What is wrong with a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// The option.
    pub(crate) option: OptionName,
    /// The service's words.
    pub(crate) message: String,
}

/// Settings that somebody made, by option.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OptionSettings {
    /// Made by calls.
    values: BTreeMap<OptionName, String>,
    /// Made by the configuration files of the deployed version. They hold where no call says otherwise.
    of_version: BTreeMap<OptionName, String>,
}

/// Only names are shown: values may be secrets.
impl fmt::Debug for OptionSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(
                self.iter()
                    .map(|(option, _)| format!("{}:{}", option.namespace, option.name)),
            )
            .finish()
    }
}

impl OptionSettings {
    /// Sets an option.
    pub(crate) fn set(&mut self, option: OptionName, value: impl Into<String>) {
        self.values.insert(option, value.into());
    }

    /// Forgets a setting.
    pub(crate) fn unset(&mut self, option: &OptionName) {
        self.values.remove(option);
    }

    /// Takes over other settings on top of these.
    pub(crate) fn lay_over(&mut self, other: &Self) {
        self.values.extend(
            other
                .values
                .iter()
                .map(|(option, value)| (option.clone(), value.clone())),
        );
    }

    /// Takes the place of what the configuration files of another version have set.
    pub(crate) fn lay_under(&mut self, of_version: &Self) {
        self.of_version.clone_from(&of_version.values);
    }

    /// Settings in the order of their names, each as it holds.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&OptionName, &str)> {
        let mut all: BTreeMap<&OptionName, &str> = BTreeMap::new();
        for (option, value) in self.of_version.iter().chain(&self.values) {
            all.insert(option, value.as_str());
        }
        all.into_iter()
    }

    /// The value that holds, be it set or the default.
    pub(crate) fn effective<'a>(&'a self, namespace: &str, name: &str) -> Option<&'a str> {
        self.given(namespace, name).or_else(|| default_of(namespace, name))
    }

    /// The value that somebody has set.
    pub(crate) fn given<'a>(&'a self, namespace: &str, name: &str) -> Option<&'a str> {
        // A look through all of them is cheaper than a key of three texts: an environment has a few dozen settings.
        let among = |values: &'a BTreeMap<OptionName, String>| {
            let found = values
                .iter()
                .find(|(option, _)| option.name == name && option.namespace == namespace && option.resource.is_empty());
            found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
        };
        among(&self.values).or_else(|| among(&self.of_version))
    }

    /// The same as a number; zero when there is none, which only happens to options without a default.
    pub(crate) fn number(&self, namespace: &str, name: &str) -> u32 {
        self.effective(namespace, name)
            .and_then(|value| value.parse().ok())
            .unwrap_or_default()
    }

    /// The same as a length in seconds.
    pub(crate) fn seconds(&self, namespace: &str, name: &str) -> Duration {
        Duration::from_secs(u64::from(self.number(namespace, name)))
    }

    /// Settings and defaults together: everything that holds, in the order of names.
    pub(crate) fn all(&self) -> BTreeMap<OptionName, Option<String>> {
        let mut all: BTreeMap<OptionName, Option<String>> = catalogue()
            .filter(|known| !known.namespace.ends_with('*') && known.namespace != "aws:autoscaling:scheduledaction")
            .map(|known| {
                (
                    OptionName::new(known.namespace, known.name),
                    known.default.map(str::to_owned),
                )
            })
            .collect();
        for (option, value) in self.iter() {
            all.insert(option.clone(), Some(value.to_owned()));
        }
        all
    }

    /// Environment properties.
    pub(crate) fn properties(&self) -> BTreeMap<String, String> {
        self.iter()
            .filter(|(option, _)| option.namespace == PROPERTIES)
            .map(|(option, value)| (option.name.clone(), value.to_owned()))
            .collect()
    }

    /// Fewest and most instances.
    pub(crate) fn group(&self) -> (u32, u32) {
        if self.is_single_instance() {
            return (1, 1);
        }
        let least = self.number(GROUP, "MinSize");
        (least, self.number(GROUP, "MaxSize").max(least))
    }

    /// Whether the environment has one instance and no balancer.
    pub(crate) fn is_single_instance(&self) -> bool {
        self.effective(ENVIRONMENT, "EnvironmentType")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("SingleInstance"))
    }

    /// Whether health reporting is enhanced.
    pub(crate) fn is_enhanced(&self) -> bool {
        self.effective(HEALTH, "SystemType")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("enhanced"))
    }

    /// What is wrong with these settings. `MinSize` and `MaxSize` are compared as they hold.
    pub(crate) fn complaints(&self) -> Vec<Complaint> {
        let mut complaints: Vec<Complaint> = self
            .iter()
            .filter_map(|(option, value)| complaint(option, value))
            .collect();
        let (least, most) = (self.number(GROUP, "MinSize"), self.number(GROUP, "MaxSize"));
        if complaints.is_empty() && !self.is_single_instance() && least > most {
            complaints.push(Complaint {
                option: OptionName::new(GROUP, "MinSize"),
                message: format!(
                    "Invalid option value: '{least}' (Namespace: '{GROUP}', OptionName: 'MinSize'): \
                     MinSize ({least}) must not be greater than MaxSize ({most})"
                ),
            });
        }
        complaints
    }
}

/// The longest variable that Linux gives a process: name, `=`, value and the zero byte at its end (source: `MAX_ARG_STRLEN`).
const LONGEST_VARIABLE: usize = 128 * 1024;

/// That no process can be given an environment property. Its value may be a secret.
fn no_variable(name: &str, value: &str) -> Option<String> {
    let too_long = name.len() + value.len() + 2 > LONGEST_VARIABLE;
    (too_long || name.contains(['=', '\0']) || value.contains('\0')).then(|| {
        format!(
            "Invalid option value (Namespace: '{PROPERTIES}', OptionName: '{}'): no environment variable can have this name or value",
            name.replace('\0', "\\0")
        )
    })
}

fn complaint(option: &OptionName, value: &str) -> Option<Complaint> {
    let OptionName { namespace, name, .. } = option;
    if is_open(namespace) {
        let message = no_variable(name, value).filter(|_| namespace == PROPERTIES)?;
        return Some(Complaint {
            option: option.clone(),
            message,
        });
    }
    let message = match find(namespace, name) {
        None => format!(
            "Invalid option specification (Namespace: '{namespace}', OptionName: '{name}'): \
             Unknown configuration setting."
        ),
        Some((_, _, values, _)) => {
            let wrong = values.complaint(value)?;
            format!("Invalid option value: '{value}' (Namespace: '{namespace}', OptionName: '{name}'): {wrong}")
        }
    };
    Some(Complaint {
        option: option.clone(),
        message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(values: &[(&str, &str, &str)]) -> OptionSettings {
        let mut settings = OptionSettings::default();
        for (namespace, name, value) in values {
            settings.set(OptionName::new(namespace, name), *value);
        }
        settings
    }

    #[test]
    fn defaults_hold_until_something_is_set() {
        let none = OptionSettings::default();
        assert_eq!(none.group(), (1, 4));
        assert_eq!(none.seconds(PROCESS, "DeregistrationDelay"), Duration::from_secs(20));
        assert!(none.is_enhanced());
        let some = settings(&[
            (GROUP, "MinSize", "2"),
            (HEALTH, "SystemType", "basic"),
            (PROPERTIES, "A", "b"),
        ]);
        assert_eq!(some.group(), (2, 4));
        assert!(!some.is_enhanced());
        assert_eq!(some.properties().get("A").map(String::as_str), Some("b"));
        assert_eq!(
            settings(&[(ENVIRONMENT, "EnvironmentType", "SingleInstance")]).group(),
            (1, 1)
        );
    }

    #[test]
    fn calls_weigh_more_than_configuration_files() {
        let mut held = settings(&[(PROPERTIES, "COLOR", "blue")]);
        held.lay_under(&settings(&[
            (PROPERTIES, "COLOR", "red"),
            (GROUP, "MinSize", "3"),
            (PROPERTIES, "SHAPE", "x"),
        ]));
        assert_eq!(held.properties()["COLOR"], "blue");
        assert_eq!((held.properties()["SHAPE"].as_str(), held.group().0), ("x", 3));
        held.lay_under(&OptionSettings::default());
        assert_eq!((held.properties().get("SHAPE"), held.group().0), (None, 1));
    }

    #[test]
    fn unknown_and_wrong_settings_are_told_in_the_service_s_words() {
        let complaints = settings(&[
            ("aws:nothing", "At all", "x"),
            (GROUP, "MinSize", "none"),
            ("aws:elbv2:listener:443", "Protocol", "HTTPS"),
            ("aws:elasticbeanstalk:container:python", "WSGIPath", "application"),
        ])
        .complaints();
        let messages: Vec<&str> = complaints.iter().map(|complaint| complaint.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "Invalid option value: 'none' (Namespace: 'aws:autoscaling:asg', OptionName: 'MinSize'): \
                 Value is not a valid integer",
                "Invalid option specification (Namespace: 'aws:nothing', OptionName: 'At all'): \
                 Unknown configuration setting.",
            ]
        );
        assert_eq!(settings(&[(GROUP, "MinSize", "5")]).complaints().len(), 1);
        for path in ["hc", "http://x/y", "/a b"] {
            assert_eq!(
                settings(&[(PROCESS, "HealthCheckPath", path)]).complaints().len(),
                1,
                "{path}"
            );
        }
        assert!(
            settings(&[(PROCESS, "HealthCheckPath", "/up?deep=1")])
                .complaints()
                .is_empty()
        );
    }

    #[test]
    fn what_no_process_can_be_given_is_refused_and_not_shown() {
        let long = "hunter2".repeat(20_000);
        for (name, value) in [("A=B", "hunter2"), ("A", "hunter2\0"), ("A", &long)] {
            let complaints = settings(&[(PROPERTIES, name, value)]).complaints();
            assert_eq!(complaints.len(), 1, "{name}");
            assert!(!complaints[0].message.contains("hunter2"), "{}", complaints[0].message);
        }
        assert!(settings(&[(PROPERTIES, "a.b c", "=$\"'")]).complaints().is_empty());
    }

    #[test]
    fn every_default_is_a_value_that_its_option_takes() {
        for known in catalogue() {
            let wrong = known.default.and_then(|default| known.value.complaint(default));
            assert_eq!(wrong, None, "{}:{}", known.namespace, known.name);
        }
    }

    #[test]
    fn values_do_not_show_in_debug_output() {
        let shown = format!("{:?}", settings(&[(PROPERTIES, "PASSWORD", "hunter2")]));
        assert!(shown.contains("PASSWORD") && !shown.contains("hunter2"), "{shown}");
    }
}
