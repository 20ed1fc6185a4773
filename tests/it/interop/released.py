"""Releases by a pipeline on a local cloud, driven by boto3 alone: cutover's own function, a version that is good, one that is bad,
one whose function is killed, a stage that is rolled back, and a drill.

usage: released.py ENDPOINT DNS_SERVER HTTP_PORT PROGRAM BOOTSTRAP SETTINGS SEED GOOD_1 GOOD_2 BAD GOOD_3
"""

import io
import json
import os
import random
import signal
import sys
import threading
import time
import zipfile

import boto3
from botocore.config import Config

ENDPOINT, DNS_SERVER, HTTP_PORT, PROGRAM, BOOTSTRAP, SETTINGS, SEED, *BUNDLES = sys.argv[1:]
REGION = "eu-central-1"
ROLE = "arn:aws:iam::123456789012:role/pipeline"
# Shorter than a release, so that each takes several jobs.
TIMEOUT = 9


def client(service):
    return boto3.client(
        service,
        endpoint_url=ENDPOINT,
        region_name=REGION,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=Config(retries={"mode": "standard", "max_attempts": 8}, s3={"addressing_style": "path"}, read_timeout=90),
    )


beanstalk, s3, functions, pipelines = map(client, ("elasticbeanstalk", "s3", "lambda", "codepipeline"))


def until(what, look, seconds=240):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    states = pipelines.get_pipeline_state(name="shop")["stageStates"]
    raise AssertionError(f"waited in vain for {what}: {json.dumps(states, default=str)}")


def live():
    """The version that serves, and how many environments there are."""
    found = beanstalk.describe_environments(ApplicationName="shop", IncludeDeleted=False)["Environments"]
    found = [e for e in found if not e["Status"].startswith("Terminat")]
    holders = [e for e in found if e["CNAME"].startswith("shop.")]
    return holders[0]["VersionLabel"] if holders else None, len(found)


def journal(release):
    prefix = f"releases/shop/production/{release}/0"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="state", Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    return [json.load(s3.get_object(Bucket="state", Key=key)["Body"])["event"] for key in keys]


def executions():
    return pipelines.list_pipeline_executions(pipelineName="shop")["pipelineExecutionSummaries"]


def action():
    stages = pipelines.get_pipeline_state(name="shop")["stageStates"]
    release = next(stage for stage in stages if stage["stageName"] == "Release")
    return release["actionStates"][0].get("latestExecution", {})


def put(bundle):
    """Uploads a source and waits for its execution to end. Gives its id and status."""
    before = {execution["pipelineExecutionId"] for execution in executions()}
    s3.upload_file(bundle, "source", "shop.zip")
    started = until("the pipeline to notice", lambda: [e for e in executions() if e["pipelineExecutionId"] not in before])
    return started[-1]["pipelineExecutionId"]


def ended(execution):
    shown = pipelines.get_pipeline_execution(pipelineName="shop", pipelineExecutionId=execution)["pipelineExecution"]
    return shown["status"] if shown["status"] not in ("InProgress", "Stopping") else None


def output(execution):
    listed = pipelines.list_action_executions(pipelineName="shop", filter={"pipelineExecutionId": execution})
    found = next(a for a in listed["actionExecutionDetails"] if a["stageName"] == "Release")
    return found["output"].get("outputVariables", {})


# What is live before.
for bucket in ("source", "artifacts", "state"):
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
beanstalk.create_application(ApplicationName="shop")
own = beanstalk.create_storage_location()["S3Bucket"]
s3.upload_file(BUNDLES[0], own, "first.zip")
beanstalk.create_application_version(
    ApplicationName="shop", VersionLabel="first", SourceBundle={"S3Bucket": own, "S3Key": "first.zip"}
)
stacks = beanstalk.list_available_solution_stacks()["SolutionStacks"]
options = [
    ("aws:autoscaling:asg", "MinSize", "2"),
    ("aws:elasticbeanstalk:environment:process:default", "HealthCheckPath", "/health"),
    ("aws:elasticbeanstalk:application:environment", "CUTOVER_BIN", PROGRAM),
]
beanstalk.create_environment(
    ApplicationName="shop",
    EnvironmentName="shop-first",
    CNAMEPrefix="shop",
    VersionLabel="first",
    SolutionStackName=[stack for stack in stacks if "Go" in stack][0],
    OptionSettings=[{"Namespace": n, "OptionName": o, "Value": v} for n, o, v in options],
)

# The function and the pipeline.
s3.upload_file(SETTINGS, "state", "cutover.toml")
content = io.BytesIO()
with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with open(BOOTSTRAP, "rb") as program:
        archive.writestr(entry, program.read())
s3.put_object(Bucket="state", Key="function.zip", Body=content.getvalue())
functions.create_function(
    FunctionName="release",
    Runtime="provided.al2023",
    Handler="bootstrap",
    Role=ROLE,
    Timeout=TIMEOUT,
    MemorySize=256,
    Code={"S3Bucket": "state", "S3Key": "function.zip"},
    Environment={"Variables": {"CUTOVER_DNS_SERVER": DNS_SERVER, "CUTOVER_HTTP_PORT": HTTP_PORT}},
)
functions.get_waiter("function_active_v2").wait(FunctionName="release", WaiterConfig={"Delay": 1})
until(
    "the first environment",
    lambda: [
        e
        for e in beanstalk.describe_environments(EnvironmentNames=["shop-first"])["Environments"]
        if e["Status"] == "Ready" and e.get("HealthStatus") == "Ok"
    ],
)


def invoke(event):
    answer = functions.invoke(FunctionName="release", Payload=json.dumps(event).encode())
    text = answer["Payload"].read().decode()
    return answer.get("FunctionError"), json.loads(text)


# Unpacking a program that was built for tests takes a while, which counts for the first invocation.
watch = {"cutover": {"watch": {"config": "s3://state/cutover.toml"}}}
assert invoke(watch) == (None, {"release": None})
parameters = json.dumps(
    {"config": "s3://state/cutover.toml", "pipeline": "shop", "execution": "#{codepipeline.PipelineExecutionId}"}
)
kind = lambda category, provider: {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
definition = {
    "name": "shop",
    "roleArn": ROLE,
    "artifactStore": {"type": "S3", "location": "artifacts"},
    "pipelineType": "V2",
    "executionMode": "QUEUED",
    "stages": [
        {
            "name": "Source",
            "actions": [
                {
                    "name": "Bundle",
                    "actionTypeId": kind("Source", "S3"),
                    "configuration": {"S3Bucket": "source", "S3ObjectKey": "shop.zip"},
                    "outputArtifacts": [{"name": "Shop"}],
                }
            ],
        },
        {
            "name": "Release",
            "actions": [
                {
                    "name": "Cutover",
                    "actionTypeId": kind("Invoke", "Lambda"),
                    "configuration": {"FunctionName": "release", "UserParameters": parameters},
                    "inputArtifacts": [{"name": "Shop"}],
                    "namespace": "Released",
                }
            ],
        },
    ],
}
s3.upload_file(BUNDLES[1], "source", "shop.zip")
pipelines.create_pipeline(pipeline=definition)

# Version 2 is released, through several jobs.
second = executions()[0]["pipelineExecutionId"]
assert until("version 2", lambda: ended(second)) == "Succeeded", action()
tokens = sum(event["event"] == "handed_over" for event in journal(1))
assert tokens >= 3, f"it took {tokens} continuation tokens: {[event['event'] for event in journal(1)]}"
said = output(second)
assert said["Outcome"] == "promoted" and said["Release"] == "shop/production/1", said
assert set(said) == {"Release", "Outcome", "EnvironmentId", "EnvironmentName", "VersionLabel", "Url", "Verdict"}, said
assert live() == (said["VersionLabel"], 1), live()
good = said["VersionLabel"]

# Version 3 is bad: it is taken back, and the action says why and where to look.
third = put(BUNDLES[2])
assert until("version 3", lambda: ended(third)) == "Failed", action()
failure = action()["errorDetails"]
assert failure["code"] == "JobFailed", failure
for word in ("shop/production/2 was rolled back", "s3://state/releases", "cutover status"):
    assert word in failure["message"], failure
assert live() == (good, 1), live()

# A stage that is rolled back to version 2 finds it live: nothing is released.
back = pipelines.rollback_stage(pipelineName="shop", stageName="Release", targetPipelineExecutionId=second)
back = back["pipelineExecutionId"]
assert until("the stage to go back", lambda: ended(back)) == "Succeeded", action()
assert output(back)["Outcome"] == "unchanged" and output(back)["VersionLabel"] == good, output(back)
assert not journal(3), "nothing was released"

# The function is killed at random moments: it is invoked again, and the pipeline ends rightly all the same. Who drove the release
# was killed without a word, so each time the next one watches for a minute before it goes on.
dice = random.Random(int(SEED))
done = threading.Event()
killed = []


def processes():
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.readlink(f"/proc/{name}/exe").endswith("/bootstrap"):
                with open(f"/proc/{name}/environ", "rb") as file:
                    if f"AWS_ENDPOINT_URL={ENDPOINT}".encode() in file.read():
                        yield int(name)
        except OSError:
            pass


def kill():
    while not done.wait(dice.uniform(2, 6)):
        for process in processes():
            # So that of three attempts of one job one is left alone.
            if len(killed) < 2 and journal(3):
                try:
                    os.kill(process, signal.SIGKILL)
                    killed.append(process)
                except ProcessLookupError:
                    pass


fourth = put(BUNDLES[3])
killer = threading.Thread(target=kill)
killer.start()
status = until("version 4 in spite of kills", lambda: ended(fourth), 400)
done.set()
killer.join()
assert killed, "nobody was killed"
assert status == "Succeeded" and output(fourth)["Outcome"] == "promoted", (status, action())
newest = [event for event in journal(3) if event["event"] == "finished"]
assert [event["outcome"] for event in newest] == ["promoted"], newest
assert not journal(4), "it was released once"
assert live()[1] == 1, live()
good = live()[0]

# A drill: everything is as before.
error, said = invoke({"cutover": {"drill": {"kind": "rollback", "config": "s3://state/cutover.toml", "max_share": "100%"}}})
assert error is None and said["drill"]["kind"] == "rollback", said
assert until("the drill to end", lambda: invoke(watch)[1].get("outcome")) == "rolled_back"
assert live() == (good, 1), live()

# The version that is live is released no second time, a drill in between or not.
again = pipelines.start_pipeline_execution(name="shop")["pipelineExecutionId"]
assert until("the same version", lambda: ended(again)) == "Succeeded", action()
assert output(again)["Outcome"] == "unchanged" and output(again)["VersionLabel"] == good, output(again)
assert not journal(5), "nothing was released"

# What is wrong with the settings of an action is said by the field.
definition["stages"][1]["actions"][0]["configuration"]["UserParameters"] = json.dumps({"confg": "s3://state/cutover.toml"})
pipelines.update_pipeline(pipeline=definition)
wrong = pipelines.start_pipeline_execution(name="shop")["pipelineExecutionId"]
assert until("the refusal", lambda: ended(wrong)) == "Failed"
failure = action()["errorDetails"]
assert failure["code"] == "ConfigurationError" and "confg" in failure["message"], failure

# Stopped and abandoned in the middle: the next look at the slot takes the release back.
definition["stages"][1]["actions"][0]["configuration"]["UserParameters"] = parameters
pipelines.update_pipeline(pipeline=definition)
releases = 4
s3.upload_file(BUNDLES[1], "source", "shop.zip")
started = until("an execution", lambda: [e for e in executions() if e["status"] == "InProgress"])[0]["pipelineExecutionId"]
until("its release to begin", lambda: journal(releases + 1))
pipelines.stop_pipeline_execution(pipelineName="shop", pipelineExecutionId=started, abandon=True, reason="not today")
until("the stop", lambda: ended(started) == "Stopped")
outcome = until("the release to be taken back", lambda: invoke(watch)[1].get("outcome"))
assert outcome in ("aborted", "rolled_back"), outcome
assert live() == (good, 1), live()
print(f"{tokens} tokens, {len(killed)} processes killed")
