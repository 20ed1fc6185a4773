//! What of the files below `.ebextensions` says that an environment has resources of its own which keep something.
//!
//! Elastic Beanstalk makes the `Resources` of these files in the stack of each environment, and removes them with it. Green gets new
//! ones, which are empty, and those of blue end with blue.

use std::fmt;

use crate::model::document::{Node, read};

/// Where configuration files lie, and how their names end (source: "Advanced environment customization with configuration files" of
/// the Developer Guide).
const FOLDER: &str = ".ebextensions/";
const END: &str = ".config";

/// What the resources of Elastic Beanstalk's own begin with, which such files may change. Its database is asked for by itself.
const OWN: &str = "AWSEB";

/// Types of CloudFormation's resources in which an application keeps something.
const STORES: [&str; 19] = [
    "AWS::DocDB::DBCluster",
    "AWS::DynamoDB::GlobalTable",
    "AWS::DynamoDB::Table",
    "AWS::EC2::Volume",
    "AWS::EFS::FileSystem",
    "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::ElastiCache::ServerlessCache",
    "AWS::Elasticsearch::Domain",
    "AWS::FSx::FileSystem",
    "AWS::Kinesis::Stream",
    "AWS::MemoryDB::Cluster",
    "AWS::Neptune::DBCluster",
    "AWS::OpenSearchService::Domain",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::S3::Bucket",
    "AWS::SDB::Domain",
    "AWS::SQS::Queue",
];

/// A resource in which an application keeps something, and which ends with its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Its logical id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// The file that has it.
    pub file: String,
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} in {})", self.id, self.kind, self.file)
    }
}

/// Whether a file of the bundle, by its name without `./`, is one of these.
pub(super) fn is_one(name: &str) -> bool {
    let inside = name.strip_prefix(FOLDER).and_then(|name| name.strip_suffix(END));
    inside.is_some_and(|name| !name.is_empty() && !name.contains('/'))
}

/// What one of these files has of such resources. The error says why it cannot be read.
pub(super) fn stores(file: &str, text: &str) -> Result<Vec<Store>, String> {
    let document = read(text.trim_start_matches('\u{feff}'))?;
    let Some(Node::Map(resources)) = document.get("Resources") else {
        return Ok(Vec::new());
    };
    let kept = resources.iter().filter_map(|(id, resource)| {
        let kind = resource.get("Type")?.text()?;
        (!id.starts_with(OWN) && STORES.contains(&kind)).then(|| Store {
            id: id.clone(),
            kind: kind.to_owned(),
            file: file.to_owned(),
        })
    });
    Ok(kept.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_files_lie_right_in_their_folder() {
        assert!(is_one(".ebextensions/db.config"));
        for other in [
            ".ebextensions/.config",
            ".ebextensions/more/db.config",
            ".ebextensions/db.yaml",
            "app/.ebextensions/db.config",
        ] {
            assert!(!is_one(other), "{other}");
        }
    }

    #[test]
    fn what_keeps_something_is_found_and_elastic_beanstalks_own_is_not() {
        let yaml = "option_settings:\n  aws:x:\n    A: b\nResources:\n  Orders:\n    Type: AWS::RDS::DBInstance\n    Properties:\n      \
                    Size: !Ref X\n  Network:\n    Type: AWS::RDS::DBSubnetGroup\n  AWSEBAutoScalingGroup:\n    Properties: {}\n  \
                    AWSEBRDSDatabase:\n    Type: AWS::RDS::DBInstance\n";
        let found = stores(".ebextensions/db.config", yaml).unwrap();
        let told: Vec<String> = found.iter().map(Store::to_string).collect();
        assert_eq!(told, ["Orders (AWS::RDS::DBInstance in .ebextensions/db.config)"]);
        let json = r#"{"Resources": {"Jobs": {"Type": "AWS::SQS::Queue"}}}"#;
        assert_eq!(stores("a", json).unwrap().len(), 1);
        assert_eq!(stores("a", ""), Ok(Vec::new()));
        assert_eq!(stores("a", "Resources:\n"), Ok(Vec::new()));
        assert!(stores("a", "Resources: [\n").is_err());
    }
}
