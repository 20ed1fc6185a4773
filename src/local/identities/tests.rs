use super::*;
use crate::local::memory::Notes;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

struct World(Identities);

impl World {
    fn call(&mut self, action: &str, parameters: &[(&str, &str)]) -> Result<String, AwsError> {
        let owned: Vec<(String, String)> = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let answered = self
            .0
            .handle(action, &Parameters::parse(&owned), Timestamp::from_millis(0));
        // Whatever a test is about: were the cloud to end now, nothing would be lost.
        let kept = |identities: &Identities| {
            let mut notes = Notes::default();
            identities.remember(&mut notes);
            notes
        };
        let mut again = Identities::new("123456789012", 1);
        again.recall(&kept(&self.0).kept()).unwrap();
        assert_eq!(kept(&again).but(&["identities"]), kept(&self.0).but(&["identities"]));
        let answered = answered?;
        Ok(answered.map(|xml| xml.as_str().to_owned()).unwrap_or_default())
    }

    fn code(&mut self, action: &str, parameters: &[(&str, &str)]) -> (u16, &'static str) {
        let error = self.call(action, parameters).unwrap_err();
        (error.status, error.code)
    }
}

fn world() -> World {
    World(Identities::new("123456789012", 1))
}

#[test]
fn what_eb_create_makes_is_there_and_cannot_be_made_twice() {
    let mut world = world();
    let profile = ("InstanceProfileName", "aws-elasticbeanstalk-ec2-role");
    let role = ("RoleName", "aws-elasticbeanstalk-ec2-role");
    let trust = ("AssumeRolePolicyDocument", TRUST);
    let policy = ("PolicyArn", "arn:aws:iam::aws:policy/AWSElasticBeanstalkWebTier");
    world.call("CreateInstanceProfile", &[profile]).unwrap();
    assert_eq!(
        world.code("CreateInstanceProfile", &[profile]),
        (409, "EntityAlreadyExists")
    );
    assert_eq!(
        world.code("AddRoleToInstanceProfile", &[profile, role]),
        (404, "NoSuchEntity")
    );
    world.call("CreateRole", &[role, trust]).unwrap();
    assert_eq!(world.code("CreateRole", &[role, trust]), (409, "EntityAlreadyExists"));
    world.call("AttachRolePolicy", &[role, policy]).unwrap();
    world.call("AddRoleToInstanceProfile", &[profile, role]).unwrap();
    assert_eq!(
        world.code("AddRoleToInstanceProfile", &[profile, role]),
        (409, "LimitExceeded")
    );
    let listed = world.call("ListInstanceProfiles", &[]).unwrap();
    assert!(
        listed.contains("<Roles><member><Path>/</Path><RoleName>aws-elasticbeanstalk-ec2-role</RoleName>"),
        "{listed}"
    );
    assert!(
        listed.contains("%7B%22Version%22%3A"),
        "documents are encoded: {listed}"
    );
    let attached = world.call("ListAttachedRolePolicies", &[role]).unwrap();
    assert!(
        attached.contains("<PolicyName>AWSElasticBeanstalkWebTier</PolicyName>"),
        "{attached}"
    );
}

#[test]
fn what_is_in_use_is_not_deleted() {
    let mut world = world();
    let (profile, role) = (("InstanceProfileName", "p"), ("RoleName", "r"));
    let policy = ("PolicyArn", "arn:aws:iam::aws:policy/service-role/X");
    world.call("CreateInstanceProfile", &[profile]).unwrap();
    world
        .call("CreateRole", &[role, ("AssumeRolePolicyDocument", TRUST)])
        .unwrap();
    world.call("AttachRolePolicy", &[role, policy]).unwrap();
    world
        .call(
            "PutRolePolicy",
            &[role, ("PolicyName", "own"), ("PolicyDocument", "{}")],
        )
        .unwrap();
    world.call("AddRoleToInstanceProfile", &[profile, role]).unwrap();
    for undo in ["DetachRolePolicy", "DeleteRolePolicy", "RemoveRoleFromInstanceProfile"] {
        assert_eq!(world.code("DeleteRole", &[role]), (409, "DeleteConflict"));
        if undo == "RemoveRoleFromInstanceProfile" {
            assert_eq!(world.code("DeleteInstanceProfile", &[profile]), (409, "DeleteConflict"));
        }
        world
            .call(undo, &[role, profile, policy, ("PolicyName", "own")])
            .unwrap();
    }
    world.call("DeleteRole", &[role]).unwrap();
    world.call("DeleteInstanceProfile", &[profile]).unwrap();
    assert_eq!(world.code("GetRole", &[role]), (404, "NoSuchEntity"));
    assert_eq!(world.code("GetInstanceProfile", &[profile]), (404, "NoSuchEntity"));
}

#[test]
fn lists_come_in_pages() {
    let mut world = world();
    for name in ["a", "b", "c"] {
        world
            .call("CreateInstanceProfile", &[("InstanceProfileName", name)])
            .unwrap();
    }
    let first = world.call("ListInstanceProfiles", &[("MaxItems", "2")]).unwrap();
    assert!(
        first.starts_with("<IsTruncated>true</IsTruncated><Marker>b</Marker>"),
        "{first}"
    );
    let second = world
        .call("ListInstanceProfiles", &[("MaxItems", "2"), ("Marker", "b")])
        .unwrap();
    assert!(second.starts_with("<IsTruncated>false</IsTruncated>") && second.contains("<InstanceProfileName>c<"));
}

#[test]
fn policies_must_be_json_and_aws_own() {
    let mut world = world();
    let role = ("RoleName", "r");
    assert_eq!(
        world.code("CreateRole", &[role, ("AssumeRolePolicyDocument", "nothing")]),
        (400, "MalformedPolicyDocument")
    );
    world
        .call("CreateRole", &[role, ("AssumeRolePolicyDocument", TRUST)])
        .unwrap();
    let own = ("PolicyArn", "arn:aws:iam::123456789012:policy/mine");
    assert_eq!(world.code("AttachRolePolicy", &[role, own]), (404, "NoSuchEntity"));
    assert_eq!(world.code("CreateUser", &[("UserName", "u")]), (501, "NotImplemented"));
}

#[test]
fn what_a_role_was_made_with_is_told() {
    let mut world = world();
    let role = [("RoleName", "r"), ("AssumeRolePolicyDocument", TRUST)];
    let made = [
        role[0],
        role[1],
        ("MaxSessionDuration", "7200"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "shop"),
    ];
    let tags = "<Tags><member><Key>team</Key><Value>shop</Value></member></Tags>";
    let answers = [
        world.call("CreateRole", &made).unwrap(),
        world.call("GetRole", &role[..1]).unwrap(),
    ];
    for told in answers {
        assert!(
            told.contains("<MaxSessionDuration>7200</MaxSessionDuration>") && told.contains(tags),
            "{told}"
        );
    }
    assert!(
        !world.call("ListRoles", &[]).unwrap().contains("<Tags>"),
        "lists are without tags"
    );
    world.call("DeleteRole", &role[..1]).unwrap();
    let bounded = [
        role[0],
        role[1],
        ("PermissionsBoundary", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
    ];
    assert_eq!(world.code("CreateRole", &bounded), (501, "NotImplemented"));
    let twice = [made[0], made[1], made[3], made[4], ("Tags.member.2.Key", "team")];
    assert_eq!(world.code("CreateRole", &twice), (400, "InvalidInput"));
    let told = world.call("CreateRole", &role).unwrap();
    assert!(told.contains("<MaxSessionDuration>3600</MaxSessionDuration>"), "{told}");
}
