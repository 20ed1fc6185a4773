//! `option_settings` of configuration files.
//!
//! Everything else in them (packages, files, commands, resources) is for AWS's instances and stacks, and is passed over.

use crate::local::account::state::OptionSettings;
use crate::local::account::state::options::OptionName;
use crate::model::document::Node;

/// Takes over a file's option settings, in either of the two forms.
pub(super) fn settings(document: &Node, region: &str, settings: &mut OptionSettings) -> Result<(), String> {
    let wrong = |what: &str| format!("option_settings: {what}");
    match document.get("option_settings") {
        None => Ok(()),
        Some(Node::Text(text)) if text.is_empty() => Ok(()),
        Some(Node::Text(_)) => Err(wrong("must be a map of namespaces or a list of options")),
        Some(Node::Map(namespaces)) => {
            for (namespace, options) in namespaces {
                let Node::Map(options) = options else {
                    return Err(wrong(&format!("{namespace} must be a map of options")));
                };
                for (name, value) in options {
                    let value = value
                        .text()
                        .ok_or_else(|| wrong(&format!("{namespace}:{name} must be a text")))?;
                    settings.set(OptionName::new(namespace, name), resolved(value, region));
                }
            }
            Ok(())
        }
        Some(Node::List(options)) => {
            for option in options {
                let part = |name: &str| option.get(name).and_then(Node::text);
                // Without a namespace it is an environment property.
                let namespace = part("namespace").unwrap_or(crate::local::account::state::options::PROPERTIES);
                let (Some(name), Some(value)) = (part("option_name").or_else(|| part("name")), part("value")) else {
                    return Err(wrong("each option of a list must have option_name and value"));
                };
                let option = OptionName::of_resource(namespace, name, part("resource_name"));
                settings.set(option, resolved(value, region));
            }
            Ok(())
        }
    }
}

/// Functions of CloudFormation stand in back quotes. There is no stack here: only the region is known, and other texts stay as
/// they are.
fn resolved(value: &str, region: &str) -> String {
    let inner = value.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    let reference = inner.and_then(|inner| serde_json::from_str::<serde_json::Value>(inner).ok());
    match reference.as_ref().and_then(|reference| reference.get("Ref")?.as_str()) {
        Some("AWS::Region") => region.to_owned(),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::document::read;

    fn settings_of(text: &str) -> Result<OptionSettings, String> {
        let mut settings = OptionSettings::default();
        super::settings(&read(text).unwrap(), "eu-west-1", &mut settings).map(|()| settings)
    }

    #[test]
    fn both_forms_are_read() {
        let map = "option_settings:\n  aws:autoscaling:asg:\n    MinSize: 2\n  aws:elasticbeanstalk:application:environment:\n    X: y\n";
        let list = "option_settings:\n  - namespace: aws:autoscaling:asg\n    option_name: MinSize\n    value: 2\n  - option_name: X\n    value: y\n";
        assert_eq!(settings_of(map), settings_of(list));
        assert_eq!(settings_of(map).unwrap().number("aws:autoscaling:asg", "MinSize"), 2);
        assert_eq!(
            settings_of("packages:\n  yum: {}\n").unwrap(),
            OptionSettings::default()
        );
    }

    #[test]
    fn the_region_is_known_and_resources_are_not() {
        let text = "option_settings:\n  aws:elasticbeanstalk:application:environment:\n    R: '`{\"Ref\" : \"AWS::Region\"}`'\n    T: '`{\"Ref\" : \"Table\"}`'\n";
        let properties = settings_of(text).unwrap().properties();
        assert_eq!(properties["R"], "eu-west-1");
        assert_eq!(properties["T"], "`{\"Ref\" : \"Table\"}`");
    }

    #[test]
    fn an_option_of_a_resource_is_told_from_those_of_others() {
        let list = "option_settings:\n  - namespace: aws:autoscaling:scheduledaction\n    resource_name: Evening\n    option_name: MinSize\n    value: 1\n  - namespace: aws:autoscaling:scheduledaction\n    resource_name: Morning\n    option_name: MinSize\n    value: 4\n";
        let settings = settings_of(list).unwrap();
        for (resource, value) in [("Evening", "1"), ("Morning", "4")] {
            let option = OptionName::of_resource("aws:autoscaling:scheduledaction", "MinSize", Some(resource));
            assert!(settings.iter().any(|found| found == (&option, value)), "{resource}");
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in [
            "option_settings: all",
            "option_settings:\n  aws:x: 1\n",
            "option_settings:\n  aws:x:\n    a: [1]\n",
            "option_settings:\n  - value: 1\n",
        ] {
            assert!(settings_of(text).is_err(), "{text}");
        }
    }
}
