//! Solution stacks and platforms.

use super::super::Account;
use super::super::errors;
use super::super::state::{FAMILIES, Platform};
use super::super::wire::{Parameters, Xml};
use super::page::in_order;
use super::{Call, Reply, result};
use crate::model::Timestamp;

/// The service owns all platforms.
const OWNER: &str = "AWSElasticBeanstalk";
/// When all platforms were made: a fixed day, as nothing depends on it.
const MADE: i64 = 1_735_689_600_000;
/// Platforms on one page unless fewer are asked for.
const PAGE: usize = 1000;

/// `ListAvailableSolutionStacks`
pub(super) fn list_available_solution_stacks() -> Reply {
    let stacks: Vec<String> = FAMILIES.iter().map(|family| family.latest().stack()).collect();
    result(|xml| {
        xml.texts("SolutionStacks", &stacks);
        xml.list("SolutionStackDetails", &stacks, |xml, stack| {
            xml.text("SolutionStackName", stack);
            let types: &[&str] = if stack.contains("Corretto") {
                &["jar", "zip"]
            } else {
                &["zip"]
            };
            xml.texts("PermittedFileTypes", types);
        });
    })
}

/// `ListPlatformBranches`
pub(super) fn list_platform_branches(call: &Call<'_>) -> Reply {
    let filters = call.parameters.list("Filters");
    let fits = |family: &&super::super::state::Family| {
        filters.iter().all(|filter| {
            let values: Vec<String> = match filter.text("Attribute") {
                Some("BranchName") => vec![family.name()],
                Some("LifecycleState") => vec!["Supported".to_owned()],
                Some("PlatformName") => vec![family.category.to_owned()],
                Some("TierType") => vec!["WebServer/Standard".to_owned()],
                _ => Vec::new(),
            };
            passes(filter, &values)
        })
    };
    let size = call.parameters.number("MaxRecords", 1..=PAGE)?.unwrap_or(PAGE);
    let page = in_order(FAMILIES.iter().filter(fits).enumerate(), size, call.parameters)?;
    result(|xml| {
        xml.list("PlatformBranchSummaryList", page.items, |xml, (place, family)| {
            xml.text("PlatformName", family.category);
            xml.text("BranchName", family.name());
            xml.text("LifecycleState", "Supported");
            xml.text("BranchOrder", 1000 - place);
            xml.texts("SupportedTierList", ["WebServer/Standard"]);
        });
        xml.optional("NextToken", page.next);
    })
}

impl Account {
    /// `ListPlatformVersions`
    pub(super) fn list_platform_versions(&self, call: &Call<'_>) -> Reply {
        let filters = call.parameters.list("Filters");
        let platforms = FAMILIES.iter().map(|family| family.latest()).filter(|platform| {
            filters
                .iter()
                .all(|filter| passes(filter, &attribute(platform, filter.text("Type"))))
        });
        let size = call.parameters.number("MaxRecords", 1..=PAGE)?.unwrap_or(PAGE);
        let page = in_order(platforms, size, call.parameters)?;
        result(|xml| {
            xml.list("PlatformSummaryList", page.items, |xml, platform| {
                self.write_summary(xml, &platform);
            });
            xml.optional("NextToken", page.next);
        })
    }

    /// `DescribePlatformVersion`
    pub(super) fn describe_platform_version(&self, call: &Call<'_>) -> Reply {
        let arn = call.parameters.required("PlatformArn")?;
        let platform = Platform::from_arn(arn).ok_or_else(|| errors::no_platform_version(arn))?;
        let family = platform.family;
        result(|xml| {
            xml.element("PlatformDescription", |xml| {
                self.write_summary(xml, &platform);
                xml.text("PlatformName", family.name());
                xml.text("SolutionStackName", platform.stack());
                xml.text("DateCreated", Timestamp::from_millis(MADE));
                xml.text("DateUpdated", Timestamp::from_millis(MADE));
                xml.text("Description", platform.stack());
                xml.text("Maintainer", "AWS Elastic Beanstalk");
                xml.list("ProgrammingLanguages", family.language(), |xml, (name, version)| {
                    xml.text("Name", name);
                    xml.text("Version", version);
                });
                xml.texts("Frameworks", Vec::<String>::new());
                xml.texts("CustomAmiList", Vec::<String>::new());
            });
        })
    }

    fn write_summary(&self, xml: &mut Xml, platform: &Platform) {
        let family = platform.family;
        xml.text("PlatformArn", platform.arn(&self.settings.region));
        xml.text("PlatformOwner", OWNER);
        xml.text("PlatformStatus", "Ready");
        xml.text("PlatformCategory", family.category);
        xml.text("OperatingSystemName", "Amazon Linux");
        xml.text("OperatingSystemVersion", family.system);
        xml.texts("SupportedTierList", ["WebServer/Standard"]);
        xml.texts("SupportedAddonList", ["Log/S3", "Monitoring/Healthd"]);
        xml.text("PlatformLifecycleState", "Recommended");
        xml.text("PlatformVersion", &platform.version);
        xml.text("PlatformBranchName", family.name());
        xml.text("PlatformBranchLifecycleState", "Supported");
    }
}

/// The values of an attribute that platforms can be filtered by.
fn attribute(platform: &Platform, name: Option<&str>) -> Vec<String> {
    let family = platform.family;
    let one = |text: &str| vec![text.to_owned()];
    match name {
        Some("PlatformName" | "PlatformBranchName") => vec![family.name()],
        // The eb CLI asks for the latest version by that word; only the latest ones are listed.
        Some("PlatformVersion") => vec![platform.version.clone(), "latest".to_owned()],
        Some("PlatformStatus") => one("Ready"),
        Some("PlatformLifecycleState") => one("Recommended"),
        Some("PlatformOwner") => one(OWNER),
        Some("SupportedTier") => one("WebServer/Standard"),
        Some("SupportedAddon") => vec!["Log/S3".to_owned(), "Monitoring/Healthd".to_owned()],
        Some("ProgrammingLanguageName") => family.language().map(|(name, _)| name.to_owned()).into_iter().collect(),
        Some("OperatingSystemName") => one("Amazon Linux"),
        _ => Vec::new(),
    }
}

/// Whether one of an attribute's values passes a filter. Operators look at one wanted value, but for those that ask about a list.
fn passes(filter: &Parameters, values: &[String]) -> bool {
    let list = filter.texts("Values");
    let wanted = list.first().copied().unwrap_or_default();
    let equal = |value: &String| value.eq_ignore_ascii_case(wanted);
    let listed = |value: &String| list.iter().any(|wanted| value.eq_ignore_ascii_case(wanted));
    match filter.text("Operator").unwrap_or("=") {
        "=" => values.iter().any(equal),
        "!=" | "not_equal" => !values.iter().any(equal),
        "in" => values.iter().any(listed),
        "not_in" => !values.iter().any(listed),
        "contains" => values.iter().any(|value| value.contains(wanted)),
        "begins_with" => values.iter().any(|value| value.starts_with(wanted)),
        "ends_with" => values.iter().any(|value| value.ends_with(wanted)),
        ">" => values.iter().any(|value| numbers(value) > numbers(wanted)),
        ">=" => values.iter().any(|value| numbers(value) >= numbers(wanted)),
        "<" => values.iter().any(|value| numbers(value) < numbers(wanted)),
        "<=" => values.iter().any(|value| numbers(value) <= numbers(wanted)),
        _ => false,
    }
}

/// A version's numbers, to compare versions.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::World;

    #[test]
    fn stacks_that_people_use_are_there() {
        let mut world = World::new();
        let body = world.ok("ListAvailableSolutionStacks", &[]);
        for stack in [
            "64bit Amazon Linux 2023 v4.7.2 running Python 3.13",
            "64bit Amazon Linux 2023 v4.5.0 running Go 1",
            "running Node.js 22",
            "running Docker",
        ] {
            assert!(body.contains(stack), "{stack}");
        }
    }

    #[test]
    fn platforms_can_be_filtered_and_described() {
        let mut world = World::new();
        let body = world.ok(
            "ListPlatformVersions",
            &[
                ("Filters.member.1.Type", "PlatformBranchName"),
                ("Filters.member.1.Operator", "="),
                (
                    "Filters.member.1.Values.member.1",
                    "Python 3.13 running on 64bit Amazon Linux 2023",
                ),
            ],
        );
        let arns = World::all(&body, "PlatformArn");
        assert_eq!(arns.len(), 1);
        let body = world.ok("DescribePlatformVersion", &[("PlatformArn", &arns[0])]);
        assert_eq!(World::all(&body, "SolutionStackName"), [World::STACK]);
        assert!(body.contains("<Name>Python</Name><Version>3.13</Version>"), "{body}");
        let (_, message) = world.refused("DescribePlatformVersion", &[("PlatformArn", "arn:none")]);
        assert_eq!(message, "No Platform named 'arn:none' found.");
        let body = world.ok(
            "ListPlatformBranches",
            &[
                ("Filters.member.1.Attribute", "LifecycleState"),
                ("Filters.member.1.Operator", "!="),
                ("Filters.member.1.Values.member.1", "Retired"),
                ("MaxRecords", "2"),
            ],
        );
        assert_eq!(World::all(&body, "BranchName").len(), 2);
        assert_eq!(World::all(&body, "NextToken").len(), 1);
    }

    #[test]
    fn branches_are_in_a_list_of_many_or_not() {
        const NAMES: [&str; 2] = [
            "Python 3.13 running on 64bit Amazon Linux 2023",
            "Go 1 running on 64bit Amazon Linux 2023",
        ];
        let mut world = World::new();
        let all = World::all(&world.ok("ListPlatformBranches", &[]), "BranchName");
        let mut filtered = |operator: &str| {
            let body = world.ok(
                "ListPlatformBranches",
                &[
                    ("Filters.member.1.Attribute", "BranchName"),
                    ("Filters.member.1.Operator", operator),
                    ("Filters.member.1.Values.member.1", NAMES[0]),
                    ("Filters.member.1.Values.member.2", NAMES[1]),
                ],
            );
            World::all(&body, "BranchName")
        };
        let (listed, others) = (filtered("in"), filtered("not_in"));
        assert!(listed.len() == 2 && NAMES.iter().all(|name| listed.contains(&(*name).to_owned())));
        assert!(others.len() + 2 == all.len() && !others.iter().any(|other| listed.contains(other)));
    }

    #[test]
    fn a_platform_s_arn_works_as_its_stack_does() {
        let mut world = World::new();
        world.ok(
            "CreateEnvironment",
            &[
                ("ApplicationName", "shop"),
                ("EnvironmentName", "blue"),
                (
                    "PlatformArn",
                    "arn:aws:elasticbeanstalk:eu-central-1::platform/Go 1 running on 64bit Amazon Linux 2023/4.5.0",
                ),
            ],
        );
        let body = world.ok("DescribeEnvironments", &[]);
        assert_eq!(
            World::all(&body, "SolutionStackName"),
            ["64bit Amazon Linux 2023 v4.5.0 running Go 1"]
        );
    }
}
