//! IAM.

use super::super::asked::{Asked, Query};
use crate::local::identities::USER;

/// What a call needs. A role or an instance profile that is there has its path in its ARN.
pub(super) fn asked(query: &Query<'_>) -> Vec<Asked> {
    let action = format!("iam:{}", query.action);
    let arn = |resource: &str| format!("arn:aws:iam::{}:{resource}", query.place.account);
    let prefix = query.text("PathPrefix").unwrap_or("/");
    let name = |parameter: &str| query.text(parameter).unwrap_or("*").to_owned();
    let made = |kind: &str, name: &str| arn(&format!("{kind}{}{name}", query.text("Path").unwrap_or("/")));
    let role = || {
        let name = name("RoleName");
        let path = query.inventory.role_path(&name).unwrap_or_else(|| "/".to_owned());
        arn(&format!("role{path}{name}"))
    };
    let profile = || {
        let name = name("InstanceProfileName");
        let path = query.inventory.profile_path(&name).unwrap_or_else(|| "/".to_owned());
        arn(&format!("instance-profile{path}{name}"))
    };
    let resource = match query.action {
        "CreateRole" => {
            let asked = Asked::of(action, made("role", &name("RoleName"))).with_tags(query.tags("Tags"));
            let tagging = asked.tagging("iam:TagRole");
            return std::iter::once(asked).chain(tagging).collect();
        }
        "CreateInstanceProfile" => made("instance-profile", &name("InstanceProfileName")),
        "AddRoleToInstanceProfile" => {
            let passed = Asked::pass_role(role(), "ec2.amazonaws.com");
            return vec![Asked::of(action, profile()), passed];
        }
        "DeleteInstanceProfile" | "GetInstanceProfile" | "RemoveRoleFromInstanceProfile" => profile(),
        "ListInstanceProfiles" => arn(&format!("instance-profile{prefix}")),
        "ListRoles" => arn(&format!("role{prefix}")),
        "GetUser" => arn(&format!("user/{}", query.text("UserName").unwrap_or(USER))),
        _ if query.text("RoleName").is_some() => role(),
        _ => "*".to_owned(),
    };
    vec![Asked::of(action, resource)]
}
