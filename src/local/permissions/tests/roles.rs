//! Roles: calls of IAM, and calls that give a role to a service.

use super::*;

#[test]
fn calls_of_iam_are_about_roles_and_profiles() {
    for (form, wanted) in [
        ("Action=GetRole&RoleName=release", vec!["GetRole role/release"]),
        (
            "Action=PutRolePolicy&RoleName=deep&PolicyName=p",
            vec!["PutRolePolicy role/service-role/deep"],
        ),
        (
            "Action=CreateRole&RoleName=new&Path=/apps/&Tags.member.1.Key=a&Tags.member.1.Value=b",
            vec!["CreateRole role/apps/new", "TagRole role/apps/new"],
        ),
        ("Action=ListRoles", vec!["ListRoles role/"]),
        (
            "Action=AddRoleToInstanceProfile&InstanceProfileName=web&RoleName=deep",
            vec![
                "AddRoleToInstanceProfile instance-profile/web",
                "PassRole role/service-role/deep",
            ],
        ),
        ("Action=GetUser", vec!["GetUser user/local"]),
    ] {
        let wanted: Vec<String> = wanted
            .into_iter()
            .map(|wanted| format!("iam:{}", wanted.replacen(' ', " arn:aws:iam::123456789012:", 1)))
            .collect();
        assert_eq!(told(&query("2010-05-08", form)), wanted, "{form}");
    }
}

#[test]
fn who_gives_a_service_a_role_must_be_allowed_to_pass_it() {
    use crate::local::automation::Service::{Functions, Pipelines, Schedules};
    let role = "arn:aws:iam::123456789012:role/release";
    let pass = format!("iam:PassRole {role}");
    let of = |action: &str, rest: &str| format!("{action} arn:aws:{rest}");
    for (service, method, uri, body, wanted) in [
        (
            Functions,
            "POST",
            "/2015-03-31/functions",
            format!(r#"{{"FunctionName": "release", "Role": "{role}", "Tags": {{"a": "b"}}}}"#),
            vec![
                of(
                    "lambda:CreateFunction",
                    "lambda:eu-central-1:123456789012:function:release",
                ),
                of(
                    "lambda:TagResource",
                    "lambda:eu-central-1:123456789012:function:release",
                ),
                pass.clone(),
            ],
        ),
        (
            Functions,
            "PUT",
            "/2015-03-31/functions/release/configuration",
            r#"{"Timeout": 3}"#.to_owned(),
            vec![of(
                "lambda:UpdateFunctionConfiguration",
                "lambda:eu-central-1:123456789012:function:release",
            )],
        ),
        (
            Functions,
            "GET",
            "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Arelease",
            String::new(),
            vec![of(
                "lambda:ListTags",
                "lambda:eu-central-1:123456789012:function:release",
            )],
        ),
        (
            Schedules,
            "PUT",
            "/schedules/drill",
            format!(r#"{{"Target": {{"RoleArn": "{role}"}}}}"#),
            vec![
                of(
                    "scheduler:UpdateSchedule",
                    "scheduler:eu-central-1:123456789012:schedule/default/drill",
                ),
                pass.clone(),
            ],
        ),
        (
            Pipelines,
            "CreatePipeline",
            "/",
            format!(
                r#"{{"pipeline": {{"name": "shop", "roleArn": "{role}"}}, "tags": [{{"key": "a", "value": "b"}}]}}"#
            ),
            vec![
                of(
                    "codepipeline:CreatePipeline",
                    "codepipeline:eu-central-1:123456789012:shop",
                ),
                of(
                    "codepipeline:TagResource",
                    "codepipeline:eu-central-1:123456789012:shop",
                ),
                pass.clone(),
            ],
        ),
    ] {
        let request = http::Request::builder().uri(uri);
        let request = match service {
            Pipelines => request
                .method("POST")
                .header("x-amz-target", format!("CodePipeline_20150709.{method}")),
            Functions | Schedules => request.method(method),
        };
        let (head, ()) = request.body(()).unwrap().into_parts();
        let body = body.as_bytes();
        let call = Call::Automation {
            service,
            head: &head,
            body,
        };
        let asked = operations::asked(call, &place(), &Shop);
        assert_eq!(told(&asked), wanted, "{method} {uri}");
        let passed = asked
            .last()
            .and_then(|asked| asked.context.values("iam:PassedToService"));
        assert_eq!(passed.is_some(), wanted.contains(&pass), "{method} {uri}");
    }
}
