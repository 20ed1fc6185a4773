"""CloudWatch alarms of a local cloud, as boto3 and the AWS CLI use them, on the metrics of an environment that runs.

usage: alarms.py ENDPOINT PROGRAM BUNDLE
"""

import datetime
import json
import os
import subprocess
import sys
import time

import boto3
import botocore.model
from botocore.exceptions import ClientError

ENDPOINT, PROGRAM, BUNDLE = sys.argv[1:]
REGION = "eu-central-1"


def client(service):
    return boto3.client(
        service, endpoint_url=ENDPOINT, region_name=REGION, aws_access_key_id="key", aws_secret_access_key="secret"
    )


def refused(call, **parameters):
    try:
        call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError(f"{parameters} was accepted")


def until(what, look):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {what}")


def launch():
    """An environment with a load balancer of its own."""
    beanstalk, s3 = client("elasticbeanstalk"), client("s3")
    beanstalk.create_application(ApplicationName="shop")
    bucket = beanstalk.create_storage_location()["S3Bucket"]
    s3.upload_file(BUNDLE, bucket, "1.zip")
    beanstalk.create_application_version(
        ApplicationName="shop", VersionLabel="v1", SourceBundle={"S3Bucket": bucket, "S3Key": "1.zip"}
    )
    stacks = beanstalk.list_available_solution_stacks()["SolutionStacks"]
    options = [
        ("aws:elasticbeanstalk:environment", "LoadBalancerType", "application"),
        ("aws:elasticbeanstalk:environment:process:default", "HealthCheckPath", "/health"),
        ("aws:elasticbeanstalk:application:environment", "CUTOVER_BIN", PROGRAM),
    ]
    beanstalk.create_environment(
        ApplicationName="shop",
        EnvironmentName="blue",
        VersionLabel="v1",
        SolutionStackName=[stack for stack in stacks if "Go" in stack][0],
        OptionSettings=[{"Namespace": n, "OptionName": o, "Value": v} for n, o, v in options],
    )

    def ready():
        (found,) = beanstalk.describe_environments(EnvironmentNames=["blue"])["Environments"]
        return found["Status"] == "Ready" and found.get("HealthStatus") == "Ok"

    until("the environment", ready)


def drive(protocols):
    botocore.model.PRIORITY_ORDERED_SUPPORTED_PROTOCOLS = protocols
    cloudwatch = client("cloudwatch")
    kinds = set()
    cloudwatch.meta.events.register("before-send.*", lambda request, **_: kinds.add(str(request.headers["Content-Type"])))
    listed = until(
        "the first minute",
        lambda: cloudwatch.list_metrics(Namespace="AWS/ApplicationELB", MetricName="HealthyHostCount")["Metrics"],
    )
    began = datetime.datetime.now(datetime.timezone.utc)
    hosts = dict(
        Namespace="AWS/ApplicationELB",
        MetricName="HealthyHostCount",
        Dimensions=listed[0]["Dimensions"],
        Statistic="Minimum",
        Period=60,
        EvaluationPeriods=1,
    )
    cloudwatch.put_metric_alarm(
        AlarmName="no-hosts", Threshold=1, ComparisonOperator="LessThanThreshold", TreatMissingData="breaching", **hosts
    )
    cloudwatch.put_metric_alarm(
        AlarmName="hosts",
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        DatapointsToAlarm=1,
        AlarmActions=[f"arn:aws:sns:{REGION}:123456789012:alarms"],
        **hosts,
    )
    rule = 'ALARM("hosts") AND NOT (ALARM(no-hosts) OR INSUFFICIENT_DATA(no-hosts))'
    cloudwatch.put_composite_alarm(AlarmName="release", AlarmRule=rule)
    cloudwatch.get_waiter("alarm_exists").wait(AlarmNames=["hosts"])
    both = ["MetricAlarm", "CompositeAlarm"]

    def state(name):
        found = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=both)
        (alarm,) = found["MetricAlarms"] + found["CompositeAlarms"]
        return alarm["StateValue"]

    until("the alarms", lambda: (state("no-hosts"), state("hosts"), state("release")) == ("OK", "ALARM", "ALARM"))
    (alarm,) = cloudwatch.describe_alarms(AlarmNamePrefix="hos", StateValue="ALARM")["MetricAlarms"]
    assert alarm["Period"] == 60 and isinstance(alarm["Period"], int) and alarm["Threshold"] == 1.0, alarm
    assert alarm["Dimensions"] == listed[0]["Dimensions"] and alarm["ActionsEnabled"] is True, alarm
    assert alarm["StateTransitionedTimestamp"] >= began - datetime.timedelta(seconds=1), alarm
    assert alarm["StateTransitionedTimestamp"] == alarm["StateUpdatedTimestamp"], alarm
    assert json.loads(alarm["StateReasonData"])["recentDatapoints"] == [1.0], alarm
    assert alarm["AlarmArn"].endswith(":alarm:hosts"), alarm

    # By types and pages.
    assert cloudwatch.describe_alarms()["CompositeAlarms"] == []
    (composite,) = cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    # On a slow machine what it rests on may be on before it is made.
    reasons = ("hosts transitioned to", "was created and its alarm rule evaluates to ALARM")
    assert composite["AlarmRule"] == rule and any(why in composite["StateReason"] for why in reasons), composite
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=both, PaginationConfig={"PageSize": 1})
    names = [alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"] + page["CompositeAlarms"]]
    assert names == ["hosts", "no-hosts", "release"], names

    # What tests set: here until data says otherwise, there until the next minute.
    cloudwatch.put_metric_alarm(
        AlarmName="waiting",
        Namespace="Shop",
        MetricName="Waiting",
        ExtendedStatistic="p99",
        Period=300,
        EvaluationPeriods=2,
        Threshold=1000,
        ComparisonOperator="GreaterThanThreshold",
    )
    assert state("waiting") == "INSUFFICIENT_DATA"
    cloudwatch.set_alarm_state(AlarmName="waiting", StateValue="ALARM", StateReason="a test")
    cloudwatch.set_alarm_state(AlarmName="no-hosts", StateValue="ALARM", StateReason="a test", StateReasonData="{}")
    until("the actual state", lambda: state("no-hosts") == "OK")
    until("the rule to follow", lambda: state("release") == "ALARM")
    assert state("waiting") == "ALARM"
    try:
        cloudwatch.set_alarm_state(AlarmName="nobody", StateValue="OK", StateReason="a test")
        raise AssertionError("an alarm that is not there was set")
    except cloudwatch.exceptions.ResourceNotFound as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    for code, call, parameters in [
        ("InvalidNextToken", cloudwatch.describe_alarms, {"NextToken": "x"}),
        ("ValidationError", cloudwatch.delete_alarms, {"AlarmNames": ["hosts"]}),
        ("ValidationError", cloudwatch.put_composite_alarm, {"AlarmName": "c", "AlarmRule": "ALARM(nobody)"}),
        ("ValidationError", cloudwatch.put_composite_alarm, {"AlarmName": "c", "AlarmRule": "ALARM(hosts"}),
        ("MissingParameter", cloudwatch.put_metric_alarm, {"AlarmName": "c"}),
        (
            "InvalidFormat",
            cloudwatch.set_alarm_state,
            {"AlarmName": "hosts", "StateValue": "OK", "StateReason": "", "StateReasonData": "{"},
        ),
        ("NotImplemented", cloudwatch.describe_alarm_history, {}),
    ]:
        assert refused(call, **parameters) == code, (code, parameters)
    cloudwatch.disable_alarm_actions(AlarmNames=["hosts"])
    assert cloudwatch.describe_alarms(AlarmNames=["hosts"])["MetricAlarms"][0]["ActionsEnabled"] is False
    cloudwatch.delete_alarms(AlarmNames=["waiting", "hosts", "release", "no-hosts"])
    assert cloudwatch.describe_alarms(AlarmTypes=both)["MetricAlarms"] == []
    kind = "cbor" if "cbor" in protocols[0] else "json"
    assert kinds and all(kind in sent for sent in kinds), kinds


def aws(*arguments):
    settings = {
        "AWS_ENDPOINT_URL": ENDPOINT,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "awscli", "cloudwatch", *arguments, "--output", "json"],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, f"{arguments}: {ran.stderr}"
    return json.loads(ran.stdout) if ran.stdout.strip() else None


def by_the_cli():
    watched = "--namespace Shop --metric-name Waiting --statistic Sum --period 60 --evaluation-periods 3"
    compared = "--threshold 5 --comparison-operator GreaterThanThreshold --treat-missing-data ignore"
    aws("put-metric-alarm", "--alarm-name", "by hand", *watched.split(), *compared.split())
    aws("set-alarm-state", "--alarm-name", "by hand", "--state-value", "OK", "--state-reason", "a test")
    (alarm,) = aws("describe-alarms", "--alarm-names", "by hand")["MetricAlarms"]
    assert (alarm["StateValue"], alarm["EvaluationPeriods"]) == ("OK", 3), alarm
    aws("delete-alarms", "--alarm-names", "by hand")


launch()
for wire in (["smithy-rpc-v2-cbor"], ["json"]):
    drive(wire)
by_the_cli()
