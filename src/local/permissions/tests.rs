//! What calls need: a table for each service.

mod roles;

use super::asked::{Asked, Call, Inventory, Place, Target};
use super::{Permissions, Policy, operations};
use crate::local::metrics::Document;
use std::sync::Arc;

/// One application with two environments.
struct Shop;

impl Inventory for Shop {
    fn environment(&self, id: Option<&str>, name: Option<&str>) -> Option<(String, String)> {
        let name = match (id, name) {
            (Some("e-blue"), _) | (None, Some("blue")) => "blue",
            (Some("e-green"), _) | (None, Some("green")) => "green",
            _ => return None,
        };
        Some(("shop".to_owned(), name.to_owned()))
    }

    fn group(&self, instance: &str) -> Option<String> {
        (instance == "i-1").then(|| place().arn("autoscaling", "autoScalingGroup:1:autoScalingGroupName/awseb-e-1"))
    }

    fn role_path(&self, name: &str) -> Option<String> {
        (name == "deep").then(|| "/service-role/".to_owned())
    }

    fn profile_path(&self, _name: &str) -> Option<String> {
        None
    }
}

fn place() -> Place {
    Place {
        region: "eu-central-1".to_owned(),
        account: "123456789012".to_owned(),
    }
}

/// Action and resource of each, without what all of the account's ARNs begin with.
fn told(asked: &[Asked]) -> Vec<String> {
    let short = |asked: &Asked| {
        let resource = match &asked.target {
            Target::Resource(arn) => arn.replace("arn:aws:elasticbeanstalk:eu-central-1:123456789012:", ""),
            Target::Nothing => "nothing".to_owned(),
        };
        format!("{} {resource}", asked.action)
    };
    asked.iter().map(short).collect()
}

fn query(version: &str, form: &str) -> Vec<Asked> {
    let mut parameters: Vec<(String, String)> = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    parameters.push(("Version".to_owned(), version.to_owned()));
    operations::asked(Call::Query(&parameters), &place(), &Shop)
}

#[test]
fn a_call_is_judged_by_what_it_does_whatever_version_it_names() {
    for version in ["2010-12-01", "2011-06-15", "2020-01-01", ""] {
        let asked = query(version, "Action=TerminateEnvironment&EnvironmentId=e-blue");
        assert_eq!(asked.len(), 1, "version {version:?} lets it through");
        assert_eq!(asked[0].action, "elasticbeanstalk:TerminateEnvironment");
    }
    assert_eq!(
        query("2010-05-08", "Action=CreateRole&RoleName=a")[0].action,
        "iam:CreateRole"
    );
    for (form, wanted) in [
        (
            "Action=DescribeAutoScalingGroups",
            "autoscaling:DescribeAutoScalingGroups *",
        ),
        (
            "Action=TerminateInstanceInAutoScalingGroup&InstanceId=i-1",
            "autoscaling:TerminateInstanceInAutoScalingGroup \
             arn:aws:autoscaling:eu-central-1:123456789012:autoScalingGroup:1:autoScalingGroupName/awseb-e-1",
        ),
        (
            "Action=TerminateInstanceInAutoScalingGroup&InstanceId=i-2",
            "autoscaling:TerminateInstanceInAutoScalingGroup nothing",
        ),
    ] {
        assert_eq!(told(&query("2011-01-01", form)), [wanted]);
    }
    assert!(
        query("2011-06-15", "Action=GetCallerIdentity").is_empty(),
        "everybody may ask that"
    );
}

#[test]
fn calls_of_elastic_beanstalk_are_about_what_they_name() {
    for (form, wanted) in [
        (
            "Action=CheckDNSAvailability&CNAMEPrefix=x",
            vec!["CheckDNSAvailability *"],
        ),
        ("Action=CreateStorageLocation", vec!["CreateStorageLocation *"]),
        (
            "Action=DescribeApplications",
            vec!["DescribeApplications application/*"],
        ),
        (
            "Action=DescribeApplications&ApplicationNames.member.1=shop",
            vec!["DescribeApplications application/shop"],
        ),
        (
            "Action=DescribeApplicationVersions",
            vec!["DescribeApplicationVersions applicationversion/*/*"],
        ),
        (
            "Action=DescribeApplicationVersions&ApplicationName=shop&VersionLabels.member.1=v2",
            vec!["DescribeApplicationVersions applicationversion/shop/v2"],
        ),
        (
            "Action=DescribeEnvironments",
            vec!["DescribeEnvironments environment/*/*"],
        ),
        (
            "Action=DescribeEnvironments&ApplicationName=shop",
            vec!["DescribeEnvironments environment/shop/*"],
        ),
        (
            "Action=DescribeEnvironments&EnvironmentIds.member.1=e-blue&EnvironmentNames.member.1=green",
            vec![
                "DescribeEnvironments environment/shop/blue",
                "DescribeEnvironments environment/shop/green",
            ],
        ),
        (
            "Action=TerminateEnvironment&EnvironmentId=e-blue",
            vec!["TerminateEnvironment environment/shop/blue"],
        ),
        (
            "Action=TerminateEnvironment&EnvironmentName=gone",
            vec!["TerminateEnvironment nothing"],
        ),
        (
            "Action=SwapEnvironmentCNAMEs&SourceEnvironmentId=e-blue&DestinationEnvironmentName=green",
            vec![
                "SwapEnvironmentCNAMEs environment/shop/blue",
                "SwapEnvironmentCNAMEs environment/shop/green",
            ],
        ),
        (
            "Action=CreateEnvironment&ApplicationName=shop&EnvironmentName=new&Tags.member.1.Key=a&Tags.member.1.Value=b",
            vec!["CreateEnvironment environment/shop/new", "AddTags environment/shop/new"],
        ),
        (
            "Action=CreateApplicationVersion&ApplicationName=shop&VersionLabel=v2&SourceBundle.S3Key=k&SourceBundle.S3Bucket=elasticbeanstalk-eu-central-1-123456789012",
            vec![
                "CreateApplicationVersion applicationversion/shop/v2",
                "CreateApplicationVersion application/shop",
            ],
        ),
        (
            "Action=CreateApplicationVersion&ApplicationName=shop&VersionLabel=v2&SourceBundle.S3Bucket=b&SourceBundle.S3Key=a/k",
            vec![
                "CreateApplicationVersion applicationversion/shop/v2",
                "CreateApplicationVersion application/shop",
                "s3:GetObject arn:aws:s3:::b/a/k",
            ],
        ),
        (
            "Action=CreateConfigurationTemplate&ApplicationName=shop&TemplateName=t&EnvironmentId=e-blue",
            vec!["CreateConfigurationTemplate configurationtemplate/shop/t"],
        ),
        (
            "Action=CreateApplication&ApplicationName=shop&Tags.member.1.Key=a&Tags.member.1.Value=b",
            vec!["CreateApplication application/shop", "AddTags application/shop"],
        ),
        (
            "Action=CreateConfigurationTemplate&ApplicationName=shop&TemplateName=t&Tags.member.1.Key=a&Tags.member.1.Value=b",
            vec![
                "CreateConfigurationTemplate configurationtemplate/shop/t",
                "AddTags configurationtemplate/shop/t",
            ],
        ),
        (
            "Action=DescribeConfigurationSettings&ApplicationName=shop&EnvironmentName=blue",
            vec!["DescribeConfigurationSettings environment/shop/blue"],
        ),
        (
            "Action=DescribeConfigurationOptions&SolutionStackName=x",
            vec!["DescribeConfigurationOptions arn:aws:elasticbeanstalk:eu-central-1::solutionstack/x"],
        ),
        ("Action=DescribeEvents", vec!["DescribeEvents application/*"]),
        (
            "Action=DescribeEvents&EnvironmentId=e-green",
            vec!["DescribeEvents environment/shop/green"],
        ),
        (
            "Action=UpdateTagsForResource&ResourceArn=arn:x&TagsToAdd.member.1.Key=a&TagsToRemove.member.1=b",
            vec!["AddTags arn:x", "RemoveTags arn:x"],
        ),
    ] {
        let told = told(&query("2010-12-01", form));
        let wanted: Vec<String> = wanted
            .into_iter()
            .map(|wanted| {
                if wanted.starts_with("s3:") {
                    wanted.to_owned()
                } else {
                    format!("elasticbeanstalk:{wanted}")
                }
            })
            .collect();
        assert_eq!(told, wanted, "{form}");
    }
}

#[test]
fn conditions_know_application_version_template_and_tags() {
    let asked = query(
        "2010-12-01",
        "Action=CreateEnvironment&ApplicationName=shop&EnvironmentName=new&VersionLabel=v2&TemplateName=t&Tags.member.1.Key=team&Tags.member.1.Value=a",
    );
    let arn = |name: &str| format!("arn:aws:elasticbeanstalk:eu-central-1:123456789012:{name}");
    for (key, wanted) in [
        ("elasticbeanstalk:InApplication", arn("application/shop")),
        (
            "elasticbeanstalk:FromApplicationVersion",
            arn("applicationversion/shop/v2"),
        ),
        (
            "elasticbeanstalk:FromConfigurationTemplate",
            arn("configurationtemplate/shop/t"),
        ),
        ("aws:RequestTag/team", "a".to_owned()),
        ("aws:TagKeys", "team".to_owned()),
    ] {
        assert_eq!(asked[0].context.values(key), Some(&[wanted][..]), "{key}");
    }
    for (form, application) in [
        ("EnvironmentId=e-blue", "shop"),
        ("EnvironmentName=green&ApplicationName=other", "shop"),
        ("EnvironmentName=gone&ApplicationName=other", "other"),
        ("EnvironmentName=gone", "*"),
    ] {
        let update = query(
            "2010-12-01",
            &format!("Action=UpdateEnvironment&{form}&VersionLabel=v2"),
        );
        let version = update[0].context.values("elasticbeanstalk:FromApplicationVersion");
        let wanted = arn(&format!("applicationversion/{application}/v2"));
        assert_eq!(version, Some(&[wanted][..]), "{form}");
    }
    let key = "elasticbeanstalk:FromPlatform";
    for form in [
        "Action=CreateEnvironment&ApplicationName=shop&EnvironmentName=new",
        "Action=CreateConfigurationTemplate&ApplicationName=shop&TemplateName=t",
        "Action=UpdateEnvironment&EnvironmentName=blue",
    ] {
        let asked = query("2010-12-01", &format!("{form}&PlatformArn=arn:p"));
        assert_eq!(asked[0].context.values(key), Some(&["arn:p".to_owned()][..]), "{form}");
    }
    let update = query(
        "2010-12-01",
        "Action=UpdateEnvironment&EnvironmentName=blue&TemplateName=t",
    );
    let values = update[0].context.values("elasticbeanstalk:FromConfigurationTemplate");
    assert_eq!(values, Some(&[arn("configurationtemplate/shop/t")][..]));
    let swap = query("2010-12-01", "Action=TerminateEnvironment&EnvironmentId=e-blue");
    let values = swap[0].context.values("elasticbeanstalk:InApplication");
    assert_eq!(values, Some(&[arn("application/shop")][..]));
}

#[test]
fn other_services_of_the_query_protocol_are_known_by_their_version() {
    let rule = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener-rule/app/front/1/2/3";
    for (version, form, wanted) in [
        ("2015-12-01", "Action=DescribeRules".to_owned(), vec!["elasticloadbalancing:DescribeRules *".to_owned()]),
        (
            "2015-12-01",
            format!("Action=ModifyRule&RuleArn={rule}"),
            vec![format!("elasticloadbalancing:ModifyRule {rule}")],
        ),
        (
            "2015-12-01",
            format!("Action=SetRulePriorities&RulePriorities.member.1.RuleArn={rule}&RulePriorities.member.1.Priority=1"),
            vec![format!("elasticloadbalancing:SetRulePriorities {rule}")],
        ),
        (
            "2015-12-01",
            "Action=CreateTargetGroup&Name=g".to_owned(),
            vec![
                "elasticloadbalancing:CreateTargetGroup arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/g/*"
                    .to_owned(),
            ],
        ),
        (
            "2011-01-01",
            "Action=DescribeAutoScalingGroups".to_owned(),
            vec!["autoscaling:DescribeAutoScalingGroups *".to_owned()],
        ),
        // Everybody may ask who they are.
        ("2011-06-15", "Action=GetCallerIdentity".to_owned(), Vec::new()),
    ] {
        assert_eq!(told(&query(version, &form)), wanted, "{form}");
    }
}

#[test]
fn calls_of_route_53_are_about_zones_changes_and_names() {
    let asked = |method: &str, path: &str, body: &str| {
        let call = Call::Zones {
            method,
            path,
            body: body.as_bytes(),
        };
        operations::asked(call, &place(), &Shop)
    };
    for (method, path, wanted) in [
        (
            "GET",
            "/2013-04-01/hostedzonesbyname",
            "route53:ListHostedZonesByName *",
        ),
        ("POST", "/2013-04-01/hostedzone", "route53:CreateHostedZone *"),
        (
            "GET",
            "/2013-04-01/hostedzone/Z1/rrset",
            "route53:ListResourceRecordSets arn:aws:route53:::hostedzone/Z1",
        ),
        (
            "GET",
            "/2013-04-01/change/C1",
            "route53:GetChange arn:aws:route53:::change/C1",
        ),
    ] {
        assert_eq!(told(&asked(method, path, "")), [wanted]);
    }
    let record = |action: &str, name: &str| {
        format!(
            "<Change><Action>{action}</Action><ResourceRecordSet><Name>{name}</Name><Type>TXT</Type><TTL>60</TTL><ResourceRecords>\
             <ResourceRecord><Value>\"x\"</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change>"
        )
    };
    let body = format!(
        "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes>{}{}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>",
        record("DELETE", "WWW.Shop.example."),
        record("CREATE", "*.shop.example")
    );
    let changes = asked("POST", "/2013-04-01/hostedzone/Z1/rrset", &body);
    assert_eq!(
        told(&changes),
        ["route53:ChangeResourceRecordSets arn:aws:route53:::hostedzone/Z1"]
    );
    for (key, wanted) in [
        ("route53:ChangeResourceRecordSetsActions", ["DELETE", "CREATE"]),
        (
            "route53:ChangeResourceRecordSetsNormalizedRecordNames",
            ["www.shop.example", "\\052.shop.example"],
        ),
        ("route53:ChangeResourceRecordSetsRecordTypes", ["TXT", "TXT"]),
    ] {
        assert_eq!(changes[0].context.values(key).unwrap(), wanted, "{key}");
    }
    let unreadable = asked("POST", "/2013-04-01/hostedzone/Z1/rrset", "<what>");
    assert_eq!(
        unreadable[0].context.values("route53:ChangeResourceRecordSetsActions"),
        None
    );
}

#[test]
fn requests_to_s3_are_about_buckets_and_objects() {
    let asked = |method: &str, uri: &str, headers: &[(&str, &str)]| {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        operations::asked(Call::Objects(&head), &place(), &Shop)
    };
    let copied = [("x-amz-copy-source", "/other/a%20b?versionId=1")];
    for (method, uri, headers, wanted) in [
        ("GET", "/", &[][..], vec!["s3:ListAllMyBuckets *"]),
        ("HEAD", "/b", &[], vec!["s3:ListBucket arn:aws:s3:::b"]),
        (
            "GET",
            "/b?list-type=2&prefix=x",
            &[],
            vec!["s3:ListBucket arn:aws:s3:::b"],
        ),
        ("GET", "/b?location", &[], vec!["s3:GetBucketLocation arn:aws:s3:::b"]),
        ("PUT", "/b/", &[], vec!["s3:CreateBucket arn:aws:s3:::b"]),
        (
            "PUT",
            "/b?versioning",
            &[],
            vec!["s3:PutBucketVersioning arn:aws:s3:::b"],
        ),
        (
            "GET",
            "/b?versioning",
            &[],
            vec!["s3:GetBucketVersioning arn:aws:s3:::b"],
        ),
        (
            "GET",
            "/b/k?versionId=1",
            &[],
            vec!["s3:GetObjectVersion arn:aws:s3:::b/k"],
        ),
        ("HEAD", "/b/k", &[], vec!["s3:GetObject arn:aws:s3:::b/k"]),
        (
            "GET",
            "/b/a%2Fk%20%C3%A4",
            &[],
            vec!["s3:GetObject arn:aws:s3:::b/a/k ä"],
        ),
        ("PUT", "/b/k", &[], vec!["s3:PutObject arn:aws:s3:::b/k"]),
        (
            "PUT",
            "/b/k",
            &copied[..],
            vec!["s3:PutObject arn:aws:s3:::b/k", "s3:GetObject arn:aws:s3:::other/a b"],
        ),
        ("POST", "/b/k?uploads", &[], vec!["s3:PutObject arn:aws:s3:::b/k"]),
        (
            "DELETE",
            "/b/k?uploadId=1",
            &[],
            vec!["s3:AbortMultipartUpload arn:aws:s3:::b/k"],
        ),
        ("DELETE", "/b/k", &[], vec!["s3:DeleteObject arn:aws:s3:::b/k"]),
        // Its keys are asked about one by one.
        ("POST", "/b?delete", &[], vec![]),
        (
            "GET",
            "/k",
            &[("host", "b.s3.eu-central-1.amazonaws.com")],
            vec!["s3:GetObject arn:aws:s3:::b/k"],
        ),
    ] {
        assert_eq!(told(&asked(method, uri, headers)), wanted, "{method} {uri}");
    }
    let value = |asked: &[Asked], key: &str| asked[0].context.values(key).map(<[String]>::to_vec);
    let put = asked("PUT", "/b/k", &[("if-none-match", "*")]);
    assert_eq!(value(&put, "s3:if-none-match"), Some(vec!["*".to_owned()]));
    assert_eq!(value(&put, "s3:ObjectCreationOperation"), Some(vec!["true".to_owned()]));
    let part = asked("PUT", "/b/k?partNumber=1&uploadId=u", &[]);
    assert_eq!(
        value(&part, "s3:ObjectCreationOperation"),
        Some(vec!["false".to_owned()])
    );
    let list = asked("GET", "/b?list-type=2&prefix=journal%2F", &[]);
    assert_eq!(value(&list, "s3:prefix"), Some(vec!["journal/".to_owned()]));
}

#[test]
fn calls_of_pipelines_functions_and_schedules_are_about_what_they_name() {
    use crate::local::automation::Service::{Functions, Pipelines, Schedules};
    let job = "codepipeline:PutJobSuccessResult *";
    for (service, method, uri, body, wanted) in [
        (Pipelines, "PutJobSuccessResult", "/", "{\"jobId\": \"1\"}", job),
        (
            Pipelines,
            "GetPipelineExecution",
            "/",
            "{\"pipelineName\": \"shop\", \"pipelineExecutionId\": \"1\"}",
            "codepipeline:GetPipelineExecution arn:aws:codepipeline:eu-central-1:123456789012:shop",
        ),
        (
            Pipelines,
            "PutApprovalResult",
            "/",
            "{\"pipelineName\": \"shop\", \"stageName\": \"Approve\", \"actionName\": \"Person\"}",
            "codepipeline:PutApprovalResult arn:aws:codepipeline:eu-central-1:123456789012:shop/Approve/Person",
        ),
        (
            Functions,
            "POST",
            "/2015-03-31/functions/release/invocations",
            "",
            "lambda:InvokeFunction arn:aws:lambda:eu-central-1:123456789012:function:release",
        ),
        (
            Functions,
            "POST",
            "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Arelease/invocations",
            "",
            "lambda:InvokeFunction arn:aws:lambda:eu-central-1:123456789012:function:release",
        ),
        (
            Functions,
            "POST",
            "/2015-03-31/functions/release:live/invocations",
            "",
            "lambda:InvokeFunction arn:aws:lambda:eu-central-1:123456789012:function:release:live",
        ),
        (
            Functions,
            "GET",
            "/2015-03-31/functions/release?Qualifier=%24LATEST",
            "",
            "lambda:GetFunction arn:aws:lambda:eu-central-1:123456789012:function:release:$LATEST",
        ),
        (
            Schedules,
            "GET",
            "/schedules/drill",
            "",
            "scheduler:GetSchedule arn:aws:scheduler:eu-central-1:123456789012:schedule/default/drill",
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
        let call = Call::Automation {
            service,
            head: &head,
            body: body.as_bytes(),
        };
        assert_eq!(told(&operations::asked(call, &place(), &Shop)), [wanted], "{method}");
    }
}

#[test]
fn calls_of_cloudwatch_are_about_the_alarms_that_they_name() {
    let alarm = |action: &str, name: &str| {
        format!("cloudwatch:{action} arn:aws:cloudwatch:eu-central-1:123456789012:alarm:{name}")
    };
    let all = |action: &str| format!("cloudwatch:{action} *");
    for (operation, text, wanted) in [
        ("GetMetricData", "{}", vec![all("GetMetricData")]),
        ("ListMetrics", "{}", vec![all("ListMetrics")]),
        ("PutMetricData", "{}", vec![all("PutMetricData")]),
        ("DescribeAlarms", "{}", vec![alarm("DescribeAlarms", "*")]),
        (
            "DescribeAlarms",
            r#"{"AlarmNames": ["errors", "slow"], "AlarmTypes": ["MetricAlarm"]}"#,
            vec![alarm("DescribeAlarms", "errors"), alarm("DescribeAlarms", "slow")],
        ),
        (
            "DescribeAlarms",
            r#"{"AlarmNames": ["errors"], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}"#,
            vec![all("DescribeAlarms")],
        ),
        (
            "PutMetricAlarm",
            r#"{"AlarmName": "errors"}"#,
            vec![alarm("PutMetricAlarm", "errors")],
        ),
        (
            "PutMetricAlarm",
            r#"{"AlarmName": "errors", "Tags": [{"Key": "a", "Value": "b"}]}"#,
            vec![alarm("PutMetricAlarm", "errors"), alarm("TagResource", "errors")],
        ),
        (
            "PutCompositeAlarm",
            r#"{"AlarmName": "both"}"#,
            vec![all("PutCompositeAlarm")],
        ),
        (
            "SetAlarmState",
            r#"{"AlarmName": "errors"}"#,
            vec![alarm("SetAlarmState", "errors")],
        ),
        (
            "DeleteAlarms",
            r#"{"AlarmNames": ["errors", "slow"]}"#,
            vec![alarm("DeleteAlarms", "errors"), alarm("DeleteAlarms", "slow")],
        ),
        (
            "DisableAlarmActions",
            r#"{"AlarmNames": ["errors"]}"#,
            vec![alarm("DisableAlarmActions", "errors")],
        ),
    ] {
        let input = Document::from_json(text.as_bytes()).unwrap();
        let call = Call::Metrics {
            operation,
            input: &input,
        };
        assert_eq!(
            told(&operations::asked(call, &place(), &Shop)),
            wanted,
            "{operation} {text}"
        );
    }
}

#[test]
fn a_denial_names_action_and_resource_and_keys_without_a_policy_may_everything() {
    let permissions = Permissions::new(place(), Arc::new(Shop));
    assert!(permissions.policy(Some("anybody")).is_none());
    let policy = |effect: &str| {
        let text = format!(
            "{{\"Version\": \"2012-10-17\", \"Statement\": {{\"Effect\": \"{effect}\", \"Action\": \"elasticbeanstalk:Describe*\", \"Resource\": \"*\"}}}}"
        );
        Policy::parse(&text).unwrap()
    };
    permissions.hold(Some("team/key"), policy("Allow"));
    assert!(permissions.policy(Some("anybody")).is_none());
    permissions.hold(None, policy("Deny"));
    let check = |key: &str, action: &str| {
        let parameters = [
            ("Action", action),
            ("EnvironmentId", "e-blue"),
            ("Version", "2010-12-01"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let policy = permissions.policy(Some(key)).unwrap();
        permissions
            .check(&policy, Call::Query(&parameters))
            .map_err(|denial| denial.to_string())
    };
    assert_eq!(check("team/key", "DescribeEnvironmentHealth"), Ok(()));
    assert_eq!(
        check("team/key", "TerminateEnvironment").unwrap_err(),
        "User: arn:aws:iam::123456789012:user/local is not authorized to perform: elasticbeanstalk:TerminateEnvironment on resource: \
         arn:aws:elasticbeanstalk:eu-central-1:123456789012:environment/shop/blue because no identity-based policy allows the \
         elasticbeanstalk:TerminateEnvironment action"
    );
    let forbidden = check("anybody", "DescribeEnvironmentHealth").unwrap_err();
    assert!(
        forbidden.ends_with("with an explicit deny in an identity-based policy"),
        "{forbidden}"
    );
    assert_eq!(
        permissions.used().into_iter().collect::<Vec<_>>(),
        ["elasticbeanstalk:DescribeEnvironmentHealth"]
    );
}
