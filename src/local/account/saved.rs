//! Saved configurations as documents.
//!
//! The service keeps each saved configuration as an object in its bucket, and that object *is* the configuration: the eb CLI edits
//! one by writing its object (`eb config put`, `--cfg` with a file), and makes new ones the same way.

use super::Account;
use super::errors::{self, AwsError};
use super::state::options::OptionName;
use super::state::{OptionSettings, Platform, Tags, Template};
use crate::model::document::{self, Node};

/// Keys of saved configurations begin with this; their application and name follow.
const FOLDER: &str = "resources/templates/";

impl Account {
    /// The saved configuration of a name, as its object says now.
    pub(super) fn saved(&self, application: &str, name: &str) -> Result<Template, AwsError> {
        let known = self.application(application)?.templates.get(name);
        let (bucket, key) = (self.bucket(), key(application, name));
        let none = || errors::no_template(application, name);
        let Some(content) = self.storage.content(&bucket, &key) else {
            return known.cloned().ok_or_else(none);
        };
        // An object that is as it was written says less than what is known: not which settings came from a bundle.
        if let Some(known) = known.filter(|known| write(known, &self.settings.region).as_bytes() == content) {
            return Ok(known.clone());
        }
        let contents = str::from_utf8(&content).map_err(|error| error.to_string());
        let contents = contents.and_then(read);
        let contents = contents.map_err(|why| errors::saved_configuration(&format!("{application}/{name}"), &why))?;
        let modified = self.storage.revision(&bucket, &key).map(|revision| revision.modified);
        check_tier(contents.tier.as_deref())?;
        Ok(Template {
            description: contents.description,
            platform: contents.platform.as_deref().map(platform).transpose()?,
            settings: contents.settings,
            created: known.map(|known| known.created).or(modified).unwrap_or_default(),
            tags: known.map_or_else(Tags::new, |known| known.tags.clone()),
        })
    }

    /// Names of an application's saved configurations: those that calls made, and those whose objects somebody put there.
    pub(super) fn saved_names(&self, application: &str) -> Vec<String> {
        let prefix = key(application, "");
        let keys = self.storage.keys(&self.bucket(), &prefix);
        let put = keys.iter().filter_map(|key| key.strip_prefix(&prefix));
        let mut names: Vec<String> = put
            // Names of applications may have slashes, too.
            .filter(|name| !name.is_empty() && !name.contains('/'))
            .map(str::to_owned)
            .collect();
        if let Some(owner) = self.applications.get(application) {
            names.extend(owner.templates.keys().cloned());
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What a document says that a call carries itself: its platform, if it names one, and its settings.
    pub(super) fn saved_in(contents: &str) -> Result<(Option<Platform>, OptionSettings), AwsError> {
        let contents = read(contents).map_err(|why| errors::saved_configuration("SourceContents", &why))?;
        check_tier(contents.tier.as_deref())?;
        let platform = contents.platform.as_deref().map(platform).transpose()?;
        Ok((platform, contents.settings))
    }

    /// Removes the objects of all saved configurations of an application.
    pub(super) fn forget_saved(&self, application: &str) {
        let bucket = self.bucket();
        for name in self.saved_names(application) {
            self.storage.delete(&bucket, &key(application, &name));
        }
    }
}

/// Where the service keeps a saved configuration, from where `eb config save` downloads it.
pub(super) fn key(application: &str, name: &str) -> String {
    format!("{FOLDER}{application}/{name}")
}

/// A saved configuration as the service writes it down, in YAML. Texts are written as JSON, which YAML includes.
pub(super) fn write(template: &Template, region: &str) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut text = format!(
        "EnvironmentConfigurationMetadata:\n  Description: {}\n  DateCreated: '{}'\n  DateModified: '{}'\n",
        quoted(template.description.as_deref().unwrap_or_default()),
        template.created.as_millis(),
        template.created.as_millis(),
    );
    if let Some(platform) = &template.platform {
        text.push_str(&format!(
            "Platform:\n  PlatformArn: {}\n",
            quoted(&platform.arn(region))
        ));
    }
    text.push_str("OptionSettings:\n");
    // Options of one namespace may be told apart by resources, and its settings are in the order of their names.
    let mut spaces: Vec<(String, Vec<(&str, &str)>)> = Vec::new();
    for (option, value) in template.settings.iter() {
        let space = match option.resource.as_str() {
            "" => option.namespace.clone(),
            resource => format!("{resource}.{}", option.namespace),
        };
        match spaces.iter_mut().find(|(known, _)| *known == space) {
            Some((_, settings)) => settings.push((&option.name, value)),
            None => spaces.push((space, vec![(&option.name, value)])),
        }
    }
    for (space, settings) in spaces {
        text.push_str(&format!("  {}:\n", quoted(&space)));
        for (name, value) in settings {
            text.push_str(&format!("    {}: {}\n", quoted(name), quoted(value)));
        }
    }
    text.push_str("EnvironmentTier:\n  Type: Standard\n  Name: WebServer\nAWSConfigurationTemplateVersion: 1.1.0.0\n");
    text
}

/// What a document says.
#[derive(Debug, Default, PartialEq)]
struct Contents {
    description: Option<String>,
    /// An ARN or the name of a solution stack. Whoever writes a document by hand may leave it to the environment.
    platform: Option<String>,
    /// The name of the tier, if it says one.
    tier: Option<String>,
    settings: OptionSettings,
}

/// Reads a document. The error says what is wrong with it.
fn read(text: &str) -> Result<Contents, String> {
    let document = document::read(text)?;
    if !matches!(document, Node::Map(_)) {
        return Err("It must be a map with OptionSettings".to_owned());
    }
    let text_in = |whole: &Node, name: &str| whole.get(name).and_then(Node::text).map(str::to_owned);
    let given = |text: &String| !text.is_empty();
    let metadata = document.get("EnvironmentConfigurationMetadata");
    let stated = document.get("Platform");
    let mut contents = Contents {
        description: metadata
            .and_then(|metadata| text_in(metadata, "Description"))
            .filter(given),
        platform: stated
            .and_then(|stated| text_in(stated, "PlatformArn"))
            .or_else(|| text_in(&document, "SolutionStack"))
            .filter(given),
        tier: document
            .get("EnvironmentTier")
            .and_then(|tier| text_in(tier, "Name"))
            .filter(given),
        settings: OptionSettings::default(),
    };
    let spaces = match document.get("OptionSettings") {
        None => return Ok(contents),
        Some(Node::Text(text)) if text.is_empty() => return Ok(contents),
        Some(Node::Map(spaces)) => spaces,
        Some(Node::Text(_) | Node::List(_)) => return Err("OptionSettings must be a map of namespaces".to_owned()),
    };
    for (space, options) in spaces {
        let (resource, namespace) = match space.split_once(".aws:") {
            Some((resource, _)) => (Some(resource), &space[resource.len() + 1..]),
            None => (None, space.as_str()),
        };
        let options = match options {
            Node::Map(options) => options.as_slice(),
            Node::Text(text) if text.is_empty() => &[],
            Node::Text(_) | Node::List(_) => return Err(format!("OptionSettings: {space} must be a map of options")),
        };
        for (name, value) in options {
            let value = value.text();
            let value = value.ok_or_else(|| format!("OptionSettings: {space}:{name} must be a text"))?;
            contents
                .settings
                .set(OptionName::of_resource(namespace, name, resource), value);
        }
    }
    Ok(contents)
}

/// Only the web server tier is here.
fn check_tier(tier: Option<&str>) -> Result<(), AwsError> {
    match tier {
        None | Some("WebServer") => Ok(()),
        Some(other) => Err(errors::not_implemented(&format!("environments of the tier {other}"))),
    }
}

/// The platform that a document names by its ARN or, in older documents, by its solution stack.
fn platform(name: &str) -> Result<Platform, AwsError> {
    match Platform::from_arn(name).or_else(|| Platform::from_stack(name)) {
        Some(platform) => Ok(platform),
        None if name.starts_with("arn:") => Err(errors::no_platform_version(name)),
        None => Err(errors::no_solution_stack(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::World;
    use super::*;
    use crate::local::storage::Storage as _;

    const SHOP: (&str, &str) = ("ApplicationName", "shop");
    const STACK: (&str, &str) = ("SolutionStackName", World::STACK);
    const TWO: &str = "OptionSettings:\n  aws:autoscaling:asg:\n    MinSize: '2'\n";

    fn put(world: &World, name: &str, text: &str) {
        world
            .storage
            .put_text(&world.account.bucket(), &key("shop", name), text);
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let mut template = Template {
            description: Some("a: \"b\"".to_owned()),
            platform: Platform::from_stack(World::STACK),
            settings: OptionSettings::default(),
            created: crate::model::Timestamp::default(),
            tags: Tags::new(),
        };
        for (namespace, resource, name, value) in [
            ("aws:autoscaling:asg", None, "MinSize", "2"),
            ("aws:autoscaling:scheduledaction", Some("Evening"), "MinSize", "1"),
            ("aws:autoscaling:scheduledaction", Some("Morning"), "MinSize", "4"),
            (
                "aws:elasticbeanstalk:application:environment",
                None,
                "A.aws:B",
                "x\n\"y\": #",
            ),
        ] {
            template
                .settings
                .set(OptionName::of_resource(namespace, name, resource), value);
        }
        let contents = read(&write(&template, "eu-central-1")).unwrap();
        assert_eq!(contents.settings, template.settings);
        assert_eq!(contents.description, template.description);
        assert_eq!(
            contents.platform.and_then(|arn| Platform::from_arn(&arn)),
            template.platform
        );
    }

    #[test]
    fn an_object_is_the_configuration() {
        let mut world = World::new();
        world.ok("CreateConfigurationTemplate", &[SHOP, ("TemplateName", "kept"), STACK]);
        let bucket = world.account.bucket();
        let written = world.storage.text(&bucket, &key("shop", "kept"));
        put(&world, "kept", &written.replace("OptionSettings:\n", TWO));
        let body = world.ok("DescribeConfigurationSettings", &[SHOP, ("TemplateName", "kept")]);
        assert!(
            body.contains("<OptionName>MinSize</OptionName><Value>2</Value>"),
            "{body}"
        );
        let green = ("EnvironmentName", "green");
        world.ok("CreateEnvironment", &[SHOP, green, ("TemplateName", "kept")]);
        world.wait(400);
        assert_eq!(world.desired("green").instances, 2);
        put(
            &world,
            "kept",
            &written.replace("OptionSettings:\n", &TWO.replace('2', "3")),
        );
        world.ok("UpdateEnvironment", &[green, ("TemplateName", "kept")]);
        world.wait(400);
        assert_eq!(world.desired("green").instances, 3);
    }

    #[test]
    fn a_configuration_may_be_made_by_its_object_alone() {
        let mut world = World::new();
        put(&world, "hand", &format!("{TWO}SolutionStack: {}\n", World::STACK));
        let body = world.ok("DescribeApplications", &[]);
        assert!(body.contains("<ConfigurationTemplates><member>hand</member>"), "{body}");
        world.ok("ValidateConfigurationSettings", &[SHOP, ("TemplateName", "hand")]);
        let body = world.ok(
            "CreateEnvironment",
            &[SHOP, ("EnvironmentName", "green"), ("TemplateName", "hand")],
        );
        assert_eq!(World::all(&body, "SolutionStackName"), [World::STACK]);
        let again = [SHOP, ("TemplateName", "hand"), STACK];
        let (_, message) = world.refused("CreateConfigurationTemplate", &again);
        assert_eq!(message, "Configuration Template hand already exists.");
        world.ok("DeleteConfigurationTemplate", &[SHOP, ("TemplateName", "hand")]);
        let (_, message) = world.refused("ValidateConfigurationSettings", &[SHOP, ("TemplateName", "hand")]);
        assert_eq!(message, "No Configuration Template named 'shop/hand' found.");
    }

    #[test]
    fn a_configuration_without_a_platform_takes_it_from_the_call() {
        let mut world = World::new();
        put(&world, "bare", TWO);
        let bare = ("TemplateName", "bare");
        let green = ("EnvironmentName", "green");
        let needs = "Unable to determine base for template pack (no solution stack)";
        let (_, message) = world.refused("ValidateConfigurationSettings", &[SHOP, bare]);
        assert_eq!(message, needs);
        let (_, message) = world.refused("CreateEnvironment", &[SHOP, green, bare]);
        assert_eq!(message, needs);
        let source = ("TemplateSpecification.TemplateSource.SolutionStackName", World::STACK);
        world.ok("ValidateConfigurationSettings", &[SHOP, bare, source]);
        world.ok("CreateEnvironment", &[SHOP, green, bare, STACK]);
        world.wait(400);
        assert_eq!(world.desired("green").instances, 2);
        put(&world, "bare", &TWO.replace('2', "3"));
        world.ok("UpdateEnvironment", &[green, bare]);
        world.wait(400);
        assert_eq!(world.desired("green").instances, 3);
    }

    #[test]
    fn saved_configurations_go_with_their_application() {
        let mut world = World::new();
        world.ok("CreateConfigurationTemplate", &[SHOP, ("TemplateName", "kept"), STACK]);
        put(&world, "hand", TWO);
        world.ok("DeleteApplication", &[SHOP]);
        assert!(
            world
                .storage
                .keys(&world.account.bucket(), "resources/templates/")
                .is_empty()
        );
        world.ok("CreateApplication", &[SHOP]);
        world.ok("CreateConfigurationTemplate", &[SHOP, ("TemplateName", "kept"), STACK]);
    }

    #[test]
    fn a_document_in_a_call_is_as_good() {
        let mut world = World::new();
        world.launch("blue", "v1");
        let contents = "TemplateSpecification.TemplateSource.SourceContents";
        world.ok("UpdateEnvironment", &[("EnvironmentName", "blue"), (contents, TWO)]);
        world.wait(400);
        assert_eq!(world.desired("blue").instances, 2);
        let (_, message) = world.refused("UpdateEnvironment", &[("EnvironmentName", "blue"), (contents, "- 1")]);
        assert!(message.contains("It must be a map with OptionSettings"), "{message}");
    }

    #[test]
    fn what_is_no_document_says_why() {
        let mut world = World::new();
        put(&world, "broken", "OptionSettings: all");
        let (code, message) = world.refused("ValidateConfigurationSettings", &[SHOP, ("TemplateName", "broken")]);
        assert_eq!(code, "InvalidParameterValue");
        assert!(
            message.contains("shop/broken") && message.contains("must be a map of namespaces"),
            "{message}"
        );
        put(&world, "broken", "EnvironmentTier:\n  Name: Worker\n");
        let (code, _) = world.refused("ValidateConfigurationSettings", &[SHOP, ("TemplateName", "broken")]);
        assert_eq!(code, "NotImplemented");
        put(&world, "broken", "SolutionStack: DOS");
        let (_, message) = world.refused("ValidateConfigurationSettings", &[SHOP, ("TemplateName", "broken")]);
        assert_eq!(message, "No Solution Stack named 'DOS' found.");
    }
}
