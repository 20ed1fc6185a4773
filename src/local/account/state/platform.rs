//! Platforms: what solution stacks and platform ARNs stand for.

use serde::{Deserialize, Serialize};

/// A branch of platforms: an operating system with a runtime.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Family {
    /// Release of Amazon Linux.
    pub(crate) system: &'static str,
    /// Runtime, such as `Python 3.13`.
    pub(crate) runtime: &'static str,
    /// Category on the wire, such as `Python`.
    pub(crate) category: &'static str,
    /// The version that is listed. Others of the same branch are accepted too, as AWS keeps many of them and adds more.
    pub(crate) listed: &'static str,
}

const fn family(system: &'static str, runtime: &'static str, category: &'static str, listed: &'static str) -> Family {
    Family {
        system,
        runtime,
        category,
        listed,
    }
}

/// All branches.
pub(crate) static FAMILIES: &[Family] = &[
    family("2023", "Python 3.13", "Python", "4.7.2"),
    family("2023", "Python 3.12", "Python", "4.7.2"),
    family("2023", "Python 3.11", "Python", "4.7.2"),
    family("2023", "Python 3.14", "Python", "4.7.2"),
    family("2023", "Node.js 22", "Node.js", "6.6.4"),
    family("2023", "Node.js 20", "Node.js", "6.6.4"),
    family("2023", "Node.js 24", "Node.js", "6.6.4"),
    family("2023", "Docker", "Docker", "4.7.2"),
    family("2023", "ECS", "Docker", "4.3.2"),
    family("2023", "Go 1", "Go", "4.5.0"),
    family("2023", "Corretto 21", "Java", "4.6.2"),
    family("2023", "Corretto 17", "Java", "4.6.2"),
    family("2023", "Ruby 3.4", "Ruby", "4.6.2"),
    family("2023", "Ruby 3.3", "Ruby", "4.6.2"),
    family("2023", "PHP 8.4", "PHP", "4.7.2"),
    family("2023", "PHP 8.3", "PHP", "4.7.2"),
    family("2023", ".NET 9", ".NET on Linux", "3.5.2"),
    family("2023", ".NET 8", ".NET on Linux", "3.5.2"),
    family("2", "Docker", "Docker", "4.3.2"),
    family("2", "Go 1", "Go", "3.13.2"),
    family("2", "Corretto 17", "Java", "3.10.2"),
];

impl Family {
    /// Name of the branch, which is also the name of its platforms.
    pub(crate) fn name(&self) -> String {
        format!("{} running on 64bit Amazon Linux {}", self.runtime, self.system)
    }

    /// Language or framework with its version, where the runtime has one.
    pub(crate) fn language(&self) -> Option<(&'static str, &'static str)> {
        self.runtime.rsplit_once(' ')
    }

    /// The version that is listed.
    pub(crate) fn latest(&'static self) -> Platform {
        Platform {
            family: self,
            version: self.listed.to_owned(),
        }
    }
}

/// One version of a platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Platform {
    /// Its branch.
    pub(crate) family: &'static Family,
    /// Its version, such as `4.7.2`.
    pub(crate) version: String,
}

impl Platform {
    /// Reads a solution stack's name.
    pub(crate) fn from_stack(name: &str) -> Option<Self> {
        let (system, runtime) = name.split_once(" running ")?;
        let (system, version) = system.strip_prefix("64bit Amazon Linux ")?.split_once(" v")?;
        Self::find(system, runtime, version)
    }

    /// Reads a platform's ARN; region and partition are not looked at.
    pub(crate) fn from_arn(arn: &str) -> Option<Self> {
        let (front, rest) = arn.split_once(":platform/")?;
        if !front.starts_with("arn:") {
            return None;
        }
        let (name, version) = rest.rsplit_once('/')?;
        let (runtime, system) = name.split_once(" running on 64bit Amazon Linux ")?;
        Self::find(system, runtime, version)
    }

    fn find(system: &str, runtime: &str, version: &str) -> Option<Self> {
        let numbers: Vec<&str> = version.split('.').collect();
        let numeric =
            |part: &&str| !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
        if numbers.len() != 3 || !numbers.iter().all(numeric) {
            return None;
        }
        let family = FAMILIES
            .iter()
            .find(|family| family.system == system && family.runtime == runtime)?;
        Some(Self {
            family,
            version: version.to_owned(),
        })
    }

    /// Its solution stack's name.
    pub(crate) fn stack(&self) -> String {
        format!(
            "64bit Amazon Linux {} v{} running {}",
            self.family.system, self.version, self.family.runtime
        )
    }

    /// Its ARN. Platforms of the service have no account in it.
    pub(crate) fn arn(&self, region: &str) -> String {
        format!(
            "arn:aws:elasticbeanstalk:{region}::platform/{}/{}",
            self.family.name(),
            self.version
        )
    }
}

/// Platforms are kept by their solution stack's name.
impl From<Platform> for String {
    fn from(platform: Platform) -> Self {
        platform.stack()
    }
}

impl TryFrom<String> for Platform {
    type Error = String;

    fn try_from(stack: String) -> Result<Self, String> {
        Self::from_stack(&stack).ok_or_else(|| format!("there is no platform {stack:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_and_arns_are_two_names_of_one_platform() {
        let stack = "64bit Amazon Linux 2023 v4.7.2 running Python 3.13";
        let platform = Platform::from_stack(stack).unwrap();
        assert_eq!(platform.stack(), stack);
        let arn = platform.arn("eu-central-1");
        assert_eq!(
            arn,
            "arn:aws:elasticbeanstalk:eu-central-1::platform/Python 3.13 running on 64bit Amazon Linux 2023/4.7.2"
        );
        assert_eq!(Platform::from_arn(&arn), Some(platform));
        for family in FAMILIES {
            assert_eq!(Platform::from_stack(&family.latest().stack()), Some(family.latest()));
        }
    }

    #[test]
    fn what_does_not_exist_is_not_found() {
        for name in [
            "",
            "Python 3.13",
            "64bit Amazon Linux 2023 v4.7 running Python 3.13",
            "64bit Amazon Linux 2023 v4.7.x running Python 3.13",
            "64bit Amazon Linux 2023 v4.7.2 running Cobol 85",
        ] {
            assert_eq!(Platform::from_stack(name), None, "{name}");
        }
        assert_eq!(
            Platform::from_arn("arn:aws:elasticbeanstalk:x::platform/Python 3.13/1.0.0"),
            None
        );
    }
}
