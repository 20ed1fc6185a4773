"""Elastic Load Balancing and Auto Scaling of a local cloud, as boto3 uses them, and where requests then go.

usage: balancers.py ENDPOINT DNS_HOST DNS_PORT HTTP_PORT PROGRAM BUNDLE_1 BUNDLE_2
"""

import datetime
import http.client
import sys
import time
from collections import Counter

import boto3
import botocore.model
import dns.message
import dns.query
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT, DNS_HOST, DNS_PORT, HTTP_PORT, PROGRAM, *BUNDLES = sys.argv[1:]
REGION = "eu-central-1"
SITE = "shop.example"


def client(service):
    return boto3.client(
        service,
        endpoint_url=ENDPOINT,
        region_name=REGION,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=Config(retries={"mode": "standard", "max_attempts": 8}, s3={"addressing_style": "path"}),
    )


elb, scaling, beanstalk, s3 = map(client, ("elbv2", "autoscaling", "elasticbeanstalk", "s3"))


def refused(call, **parameters):
    try:
        call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError(f"{parameters} was accepted")


def address(name):
    question = dns.message.make_query(name, "A")
    answer = dns.query.udp(question, DNS_HOST, port=int(DNS_PORT), timeout=5).answer
    return [item.to_text() for rrset in answer for item in rrset if rrset.rdtype == 1][0]


def until(what, look):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {what}")


# A load balancer with a listener.
front = elb.create_load_balancer(Name="front", Subnets=["subnet-a", "subnet-b"], Type="application")["LoadBalancers"][0]
ARN = front["LoadBalancerArn"]
assert front["State"]["Code"] == "provisioning", front
elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[ARN], WaiterConfig={"Delay": 1})
assert elb.describe_load_balancers(Names=["front"])["LoadBalancers"][0]["DNSName"] == front["DNSName"]
assert refused(elb.describe_load_balancers, Names=["none"]) == "LoadBalancerNotFound"
NOTHING = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
LISTENER = elb.create_listener(LoadBalancerArn=ARN, Protocol="HTTP", Port=80, DefaultActions=NOTHING)["Listeners"][0][
    "ListenerArn"
]
# The same once more is no other one.
again = elb.create_listener(LoadBalancerArn=ARN, Protocol="HTTP", Port=80, DefaultActions=NOTHING)["Listeners"]
assert len(again) == 1 and len(elb.describe_listeners(LoadBalancerArn=ARN)["Listeners"]) == 1, again
OTHER = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}]
assert refused(elb.create_listener, LoadBalancerArn=ARN, Protocol="HTTP", Port=80, DefaultActions=OTHER) == "DuplicateListener"

# Two environments that share it.
beanstalk.create_application(ApplicationName="shop")
bucket = beanstalk.create_storage_location()["S3Bucket"]
for number, bundle in enumerate(BUNDLES, 1):
    s3.upload_file(bundle, bucket, f"{number}.zip")
    beanstalk.create_application_version(
        ApplicationName="shop", VersionLabel=f"v{number}", SourceBundle={"S3Bucket": bucket, "S3Key": f"{number}.zip"}
    )
stacks = beanstalk.list_available_solution_stacks()["SolutionStacks"]
OPTIONS = [
    ("aws:autoscaling:asg", "MinSize", "1"),
    ("aws:elasticbeanstalk:environment", "LoadBalancerType", "application"),
    ("aws:elasticbeanstalk:environment", "LoadBalancerIsShared", "true"),
    ("aws:elbv2:loadbalancer", "SharedLoadBalancer", ARN),
    ("aws:elasticbeanstalk:environment:process:default", "HealthCheckPath", "/health"),
    ("aws:elasticbeanstalk:application:environment", "CUTOVER_BIN", PROGRAM),
]
NAMES = ["blue", "green"]
for number, name in enumerate(NAMES, 1):
    beanstalk.create_environment(
        ApplicationName="shop",
        EnvironmentName=name,
        CNAMEPrefix=f"shop-{name}",
        VersionLabel=f"v{number}",
        SolutionStackName=[stack for stack in stacks if "Go" in stack][0],
        OptionSettings=[{"Namespace": n, "OptionName": o, "Value": v} for n, o, v in OPTIONS],
    )


def ready():
    found = beanstalk.describe_environments(EnvironmentNames=NAMES)["Environments"]
    return all(e["Status"] == "Ready" and e.get("HealthStatus") == "Ok" for e in found) and found


environments = until("the environments", ready)
assert {e["EndpointURL"] for e in environments} == {front["DNSName"]}, environments
resources = beanstalk.describe_environment_resources(EnvironmentName="blue")["EnvironmentResources"]
assert resources["LoadBalancers"] == [{"Name": ARN}], resources

# Their target groups, by the groups of instances and by tags.
groups = {}
for name in NAMES:
    resources = beanstalk.describe_environment_resources(EnvironmentName=name)["EnvironmentResources"]
    wanted = [group["Name"] for group in resources["AutoScalingGroups"]]
    (group,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=wanted)["AutoScalingGroups"]
    assert group["DesiredCapacity"] == 1 and group["Instances"][0]["LifecycleState"] == "InService", group
    (groups[name],) = group["TargetGroupARNs"]
behind = elb.describe_target_groups(LoadBalancerArn=ARN)["TargetGroups"]
assert {group["TargetGroupArn"] for group in behind} == set(groups.values()), behind
for described in elb.describe_tags(ResourceArns=list(groups.values()))["TagDescriptions"]:
    tags = {tag["Key"]: tag["Value"] for tag in described["Tags"]}
    assert groups[tags["elasticbeanstalk:environment-name"]] == described["ResourceArn"], tags
BLUE, GREEN = groups["blue"], groups["green"]


def health(group):
    return [
        (target["TargetHealth"]["State"], target["TargetHealth"].get("Reason"))
        for target in elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    ]


until("healthy targets", lambda: health(BLUE) == health(GREEN) == [("healthy", None)])
# Its own rule is deleted: nobody checks the targets any more.
rules = elb.describe_rules(ListenerArn=LISTENER)["Rules"]
(own,) = [rule for rule in rules if rule["Actions"][0].get("TargetGroupArn") == GREEN]
assert own["Conditions"][0]["HostHeaderConfig"]["Values"] == [f"shop-green.{REGION}.elasticbeanstalk.com"], own
elb.delete_rule(RuleArn=own["RuleArn"])
assert health(GREEN) == [("unused", "Target.NotInUse")], health(GREEN)


# A rule with weights.
def forward(blue, green, sticky=None):
    weighted = [(BLUE, blue), (GREEN, green)]
    config = {"TargetGroups": [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weighted if weight is not None]}
    if sticky:
        config["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": sticky}
    return [{"Type": "forward", "ForwardConfig": config}]


def host(*names):
    return [{"Field": "host-header", "HostHeaderConfig": {"Values": list(names)}}]


rule = elb.create_rule(ListenerArn=LISTENER, Priority=100, Conditions=host(SITE), Actions=forward(100, 0))["Rules"][0]
RULE = rule["RuleArn"]
assert "TargetGroupArn" not in rule["Actions"][0], rule
assert health(GREEN) in ([("initial", "Elb.InitialHealthChecking")], [("healthy", None)]), health(GREEN)
until("green to be checked", lambda: health(GREEN) == [("healthy", None)])

connection = http.client.HTTPConnection(address(front["DNSName"]), int(HTTP_PORT), timeout=10)


def get(name=SITE, path="/", **headers):
    connection.request("GET", path, headers={"Host": name, **headers})
    answer = connection.getresponse()
    answer.read()
    return answer


def versions(requests, **headers):
    counts = Counter()
    for _ in range(requests):
        answer = get(**headers)
        assert answer.status == 200, answer.status
        counts[answer.headers["x-app-version"]] += 1
    return counts


assert versions(50) == {"1": 50}
elb.modify_rule(RuleArn=RULE, Actions=forward(75, 25))
counts = versions(1000)
assert 180 < counts["2"] < 320, counts
assert get("elsewhere.example").status == 404

# Conditions and priorities: two rules change places in one call.
test = elb.create_rule(
    ListenerArn=LISTENER,
    Priority=110,
    Conditions=[
        *host(SITE),
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Test", "Values": ["green"]}},
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/*", "/"]}},
    ],
    Actions=[{"Type": "forward", "TargetGroupArn": GREEN}],
)["Rules"][0]
assert test["Actions"][0]["TargetGroupArn"] == GREEN and test["Actions"][0]["ForwardConfig"]["TargetGroups"], test
elb.modify_rule(RuleArn=RULE, Actions=forward(1, 0))
assert versions(20, **{"X-Test": "green"}) == {"1": 20}, "the weights come first"
TEST = test["RuleArn"]
assert refused(elb.set_rule_priorities, RulePriorities=[{"RuleArn": TEST, "Priority": 100}]) == "PriorityInUse"
elb.set_rule_priorities(RulePriorities=[{"RuleArn": TEST, "Priority": 100}, {"RuleArn": RULE, "Priority": 110}])
assert versions(20, **{"X-Test": "green"}) == {"2": 20}, "now the header does"
assert versions(20) == {"1": 20}
elb.delete_rule(RuleArn=TEST)

# Stickiness.
elb.modify_rule(RuleArn=RULE, Actions=forward(1, 0, sticky=6000))
cookies = get().headers.get_all("set-cookie")
assert [cookie.split("=")[0] for cookie in cookies] == ["AWSALBTG", "AWSALBTGCORS"], cookies
mine = {"Cookie": cookies[0].split(";")[0]}
elb.modify_rule(RuleArn=RULE, Actions=forward(0, 1, sticky=6000))
assert versions(20, **mine) == {"1": 20} and versions(20) == {"2": 20}
elb.modify_rule(RuleArn=RULE, Actions=forward(None, 1, sticky=6000))
assert versions(20, **mine) == {"2": 20}

# A group of one's own, without targets.
EMPTY = elb.create_target_group(Name="empty", Protocol="HTTP", Port=80, VpcId="vpc-1")["TargetGroups"][0]["TargetGroupArn"]
assert health(EMPTY) == []
elb.modify_rule(RuleArn=RULE, Actions=[{"Type": "forward", "TargetGroupArn": EMPTY}])
assert get().status == 503
assert refused(elb.delete_target_group, TargetGroupArn=EMPTY) == "ResourceInUse"
attributes = [{"Key": "deregistration_delay.timeout_seconds", "Value": "60"}]
changed = elb.modify_target_group_attributes(TargetGroupArn=EMPTY, Attributes=attributes)["Attributes"]
assert attributes[0] in changed, changed
redirect = [{"Type": "redirect", "RedirectConfig": {"Host": "www.example", "Port": "80", "StatusCode": "HTTP_302"}}]
elb.modify_rule(RuleArn=RULE, Actions=redirect)
answer = get(path="/?a=b")
assert (answer.status, answer.headers["location"]) == (302, "http://www.example:80/?a=b"), answer.headers
elb.delete_target_group(TargetGroupArn=EMPTY)

# What is refused.
for code, call, parameters in [
    ("ValidationError", elb.modify_rule, {"RuleArn": RULE, "Actions": forward(1, 1000)}),
    ("TargetGroupNotFound", elb.modify_rule, {"RuleArn": RULE, "Actions": [{"Type": "forward", "TargetGroupArn": EMPTY}]}),
    ("RuleNotFound", elb.modify_rule, {"RuleArn": TEST, "Actions": forward(1, 1)}),
    ("ListenerNotFound", elb.modify_listener, {"ListenerArn": LISTENER + "0", "Port": 80}),
    ("PriorityInUse", elb.create_rule, {"ListenerArn": LISTENER, "Priority": 110, "Conditions": host("a"), "Actions": NOTHING}),
    ("ResourceInUse", elb.delete_load_balancer, {"LoadBalancerArn": ARN}),
    ("NotImplemented", elb.describe_ssl_policies, {}),
]:
    assert refused(call, **parameters) == code, (code, parameters)

# What CloudWatch says of it: in JSON, and in CBOR as SDKs of other languages ask.
def measured(protocols, group, metric, statistic):
    botocore.model.PRIORITY_ORDERED_SUPPORTED_PROTOCOLS = protocols
    dimensions = {"TargetGroup": group.split(":")[-1]} if group else {}
    dimensions["LoadBalancer"] = ARN.split(":loadbalancer/")[1]
    cloudwatch = client("cloudwatch")
    seen = []
    cloudwatch.meta.events.register("before-send.*", lambda request, **_: seen.append(request.headers["Content-Type"]))
    query = {
        "Id": "q",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/ApplicationELB",
                "MetricName": metric,
                "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
            },
            "Period": 60,
            "Stat": statistic,
        },
    }
    now = datetime.datetime.now(datetime.timezone.utc)
    hour = datetime.timedelta(hours=1)
    answer = cloudwatch.get_metric_data(MetricDataQueries=[query], StartTime=now - hour, EndTime=now + hour)
    (result,) = answer["MetricDataResults"]
    assert all(abs(at - now) < hour for at in result["Timestamps"]), result
    assert refused(cloudwatch.get_metric_data, MetricDataQueries=[query], StartTime=now, EndTime=now) == "InvalidParameterValue"
    listed = cloudwatch.list_metrics(Namespace="AWS/ApplicationELB", MetricName=metric)["Metrics"]
    # Each group, and what is not counted by group alone also for the load balancer as a whole.
    wanted = {"HealthyHostCount": 2, "HTTPCode_ELB_5XX_Count": 1}.get(metric, 3)
    assert len(listed) == wanted, listed
    kind = b"cbor" if "cbor" in protocols[0] else b"json"
    assert all(kind in (sent if isinstance(sent, bytes) else sent.encode()) for sent in seen), seen
    return result["Values"]


for protocols in (["json"], ["smithy-rpc-v2-cbor"]):
    until("the last minute to be told", lambda: sum(measured(protocols, GREEN, "RequestCount", "Sum")) > 250)
    assert sum(measured(protocols, BLUE, "HTTPCode_Target_2XX_Count", "Sum")) > 700
    assert measured(protocols, BLUE, "HTTPCode_Target_5XX_Count", "Sum") == []
    assert 0 < measured(protocols, BLUE, "TargetResponseTime", "p99")[0] < 5
    assert measured(protocols, BLUE, "HealthyHostCount", "Maximum")[0] == 1
    # The answer for the group without targets.
    until("it to be told", lambda: sum(measured(protocols, None, "HTTPCode_ELB_5XX_Count", "Sum")) == 1)

# The end: the environments' own rules and groups go with them.
elb.delete_rule(RuleArn=RULE)
for name in NAMES:
    beanstalk.terminate_environment(EnvironmentName=name)
until("the groups to go", lambda: not elb.describe_target_groups()["TargetGroups"])
assert len(elb.describe_rules(ListenerArn=LISTENER)["Rules"]) == 1
until(
    "the environments to be terminated",
    lambda: all(e["Status"] == "Terminated" for e in beanstalk.describe_environments(EnvironmentNames=NAMES)["Environments"]),
)
elb.delete_load_balancer(LoadBalancerArn=ARN)
assert elb.describe_load_balancers()["LoadBalancers"] == []
