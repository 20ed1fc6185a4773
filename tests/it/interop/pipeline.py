"""CodePipeline and EventBridge Scheduler of a local cloud, as boto3 uses them: releases by a function that takes several
continuation tokens, failures and their reasons, approval, stop, retry, rollback, and processes that are killed on the way.

usage: pipeline.py ENDPOINT SEED
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
from botocore.exceptions import ClientError
from shapes import watch

ENDPOINT, SEED = sys.argv[1], int(sys.argv[2])
ROLE = "arn:aws:iam::123456789012:role/pipeline"

# Releases what it is given in four steps, one for each job. It knows the cloud from its environment only. Versions that are
# called bad fail in the third step. What it does is written down in the bucket `ledger`.
BOOTSTRAP = f"""#!{sys.executable}
import json, os, time, urllib.request
import boto3
from botocore.config import Config

base = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime"
config = Config(s3={{"addressing_style": "path"}})
pipelines, s3 = boto3.client("codepipeline"), boto3.client("s3", config=config)


def note(name, text=b""):
    s3.put_object(Bucket="ledger", Key=name, Body=text)


def release(job):
    data = job["data"]
    credentials = data["artifactCredentials"]
    artifacts = boto3.client(
        "s3", config=config, aws_access_key_id=credentials["accessKeyId"],
        aws_secret_access_key=credentials["secretAccessKey"], aws_session_token=credentials["sessionToken"],
    )
    place = data["inputArtifacts"][0]["location"]["s3Location"]
    version = artifacts.get_object(Bucket=place["bucketName"], Key=place["objectKey"])["Body"].read().decode()
    step = json.loads(data.get("continuationToken", "0"))
    execution = data["actionConfiguration"]["configuration"]["UserParameters"]
    note(f"{{execution}}/{{step}}/{{job['id']}}", str(os.getpid()).encode())
    time.sleep(0.2)
    if "bad" in version and step == 2:
        message = f"{{version}} was rolled back: its health was worse than before"
        details = {{"type": "JobFailed", "message": message, "externalExecutionId": version}}
        pipelines.put_job_failure_result(jobId=job["id"], failureDetails=details)
    elif step < 3:
        details = {{"summary": f"step {{step}} of {{version}}", "percentComplete": 25 * step, "externalExecutionId": version}}
        pipelines.put_job_success_result(jobId=job["id"], continuationToken=json.dumps(step + 1), executionDetails=details)
    else:
        details = {{"summary": f"released {{version}}", "percentComplete": 100}}
        pipelines.put_job_success_result(
            jobId=job["id"], executionDetails=details, outputVariables={{"version": version}}
        )


while True:
    with urllib.request.urlopen(base + "/invocation/next") as answer:
        event, id = json.load(answer), answer.headers["Lambda-Runtime-Aws-Request-Id"]
    if "CodePipeline.job" in event:
        try:
            release(event["CodePipeline.job"])
        except pipelines.exceptions.InvalidJobStateException:
            # An attempt before this one was killed after it had put its result.
            pass
    else:
        note("scheduled", json.dumps(event).encode())
    urllib.request.urlopen(urllib.request.Request(f"{{base}}/invocation/{{id}}/response", b"null", method="POST")).read()
"""


def client(service):
    return boto3.client(
        service,
        endpoint_url=ENDPOINT,
        region_name="eu-central-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=Config(retries={"mode": "standard", "max_attempts": 3}, s3={"addressing_style": "path"}),
    )


functions, pipelines, scheduler = (watch(client(service)) for service in ("lambda", "codepipeline", "scheduler"))
s3 = client("s3")


def refused(call, **parameters):
    try:
        call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError(f"{parameters} was accepted")


def until(what, look, seconds=90):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {what}: {json.dumps(state(), default=str)}")


def state():
    return pipelines.get_pipeline_state(name="shop")["stageStates"]


def action(stage):
    found = next(shown for shown in state() if shown["stageName"] == stage)
    return found["actionStates"][0].get("latestExecution", {})


def executions():
    return pipelines.list_pipeline_executions(pipelineName="shop")["pipelineExecutionSummaries"]


def ended(execution):
    found = pipelines.get_pipeline_execution(pipelineName="shop", pipelineExecutionId=execution)["pipelineExecution"]
    return found["status"] if found["status"] not in ("InProgress", "Stopping") else None


def put(version):
    """Uploads a version and waits for the pipeline to notice; gives the execution."""
    before = {execution["pipelineExecutionId"] for execution in executions()}
    s3.put_object(Bucket="source", Key="shop.zip", Body=version.encode())
    new = lambda: [found for found in executions() if found["pipelineExecutionId"] not in before]
    started = until("the pipeline to notice", new)[0]
    assert started["trigger"]["triggerType"] == "PollForSourceChanges", started
    return started["pipelineExecutionId"]


def approve(status="Approved"):
    token = until("the question", lambda: action("Approve").get("token"))
    pipelines.put_approval_result(
        pipelineName="shop", stageName="Approve", actionName="Sign",
        result={"summary": "seen", "status": status}, token=token,
    )


def jobs(execution):
    """How many jobs each step of a release has taken."""
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="ledger", Prefix=f"{execution}/").get("Contents", [])]
    return {step: {key.split("/")[2] for key in keys if key.split("/")[1] == str(step)} for step in range(4)}


def step(name, category, provider, configuration, **more):
    kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "actions": [{"name": more.pop("action"), "actionTypeId": kind, "configuration": configuration, **more}]}


content = io.BytesIO()
with zipfile.ZipFile(content, "w") as archive:
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o755 << 16
    archive.writestr(entry, BOOTSTRAP)
for bucket in ("source", "artifacts", "ledger"):
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
functions.create_function(
    FunctionName="release", Runtime="provided.al2023", Handler="bootstrap", Role=ROLE, Timeout=30,
    Code={"ZipFile": content.getvalue()},
)
functions.get_waiter("function_active_v2").wait(FunctionName="release", WaiterConfig={"Delay": 1})
s3.put_object(Bucket="source", Key="shop.zip", Body=b"version 1")
definition = {
    "name": "shop",
    "roleArn": ROLE,
    "artifactStore": {"type": "S3", "location": "artifacts"},
    "pipelineType": "V2",
    "executionMode": "QUEUED",
    "stages": [
        step("Source", "Source", "S3", {"S3Bucket": "source", "S3ObjectKey": "shop.zip"}, action="Bundle",
             outputArtifacts=[{"name": "Shop"}]),
        step("Deploy", "Invoke", "Lambda",
             {"FunctionName": "release", "UserParameters": "#{codepipeline.PipelineExecutionId}"}, action="Release",
             inputArtifacts=[{"name": "Shop"}], namespace="Released"),
        step("Approve", "Approval", "Manual", {"CustomData": "#{Released.version}"}, action="Sign"),
    ],
}
pipelines.create_pipeline(pipeline=definition)
assert refused(pipelines.create_pipeline, pipeline=definition) == "PipelineNameInUseException"
first = executions()[0]
assert first["trigger"]["triggerType"] == "CreatePipeline", first
first = first["pipelineExecutionId"]
approve()
until("version 1", lambda: ended(first) == "Succeeded")

# Version 2: four jobs, three tokens.
second = put("version 2")
approve()
until("version 2", lambda: ended(second) == "Succeeded")
taken = jobs(second)
assert all(len(ids) == 1 for ids in taken.values()), taken
assert len(set().union(*taken.values())) == 4, "each token comes back in a job of its own"
assert action("Deploy")["summary"] == "released version 2", action("Deploy")
job = next(iter(taken[3]))
assert refused(pipelines.put_job_success_result, jobId=job) == "InvalidJobStateException"
details = pipelines.get_job_details(jobId=job)["jobDetails"]["data"]
assert details["pipelineContext"]["pipelineExecutionId"] == second and details["continuationToken"] == "3", details
listed = pipelines.list_action_executions(pipelineName="shop", filter={"pipelineExecutionId": second})
signed = listed["actionExecutionDetails"][0]
assert signed["input"]["resolvedConfiguration"]["CustomData"] == "version 2", signed

# Version 3 is bad: the reason is in the action's details. A retry fails again.
third = put("version 3 (bad)")
until("version 3", lambda: ended(third) == "Failed")
failed = action("Deploy")
assert failed["errorDetails"]["code"] == "JobFailed", failed
assert "its health was worse" in failed["errorDetails"]["message"], failed
assert failed["externalExecutionId"] == "version 3 (bad)", failed
pipelines.retry_stage_execution(
    pipelineName="shop", stageName="Deploy", pipelineExecutionId=third, retryMode="FAILED_ACTIONS"
)
until("the retry", lambda: ended(third) == "Failed" and all(len(ids) == 2 for ids in list(jobs(third).values())[:3]))
assert refused(
    pipelines.retry_stage_execution,
    pipelineName="shop", stageName="Deploy", pipelineExecutionId=second, retryMode="FAILED_ACTIONS",
) == "NotLatestPipelineExecutionException"

# By hand, and by itself, back to the artifacts of version 2.
back = pipelines.rollback_stage(pipelineName="shop", stageName="Deploy", targetPipelineExecutionId=second)
back = back["pipelineExecutionId"]
until("the rollback", lambda: ended(back) == "Succeeded")
assert action("Deploy")["summary"] == "released version 2", action("Deploy")
shown = pipelines.get_pipeline_execution(pipelineName="shop", pipelineExecutionId=back)["pipelineExecution"]
assert shown["executionType"] == "ROLLBACK", shown
assert shown["rollbackMetadata"]["rollbackTargetPipelineExecutionId"] == second, shown
definition["stages"][1]["onFailure"] = {"result": "ROLLBACK"}
assert pipelines.update_pipeline(pipeline=definition)["pipeline"]["version"] == 2
good = put("version 4")
approve()
until("version 4", lambda: ended(good) == "Succeeded")
bad = put("version 5 (bad)")
until("version 5", lambda: ended(bad) == "Failed")
automatic = executions()[0]
assert automatic["trigger"] == {"triggerType": "AutomatedRollback", "triggerDetail": bad}, automatic
until("the automatic rollback", lambda: ended(automatic["pipelineExecutionId"]) == "Succeeded")
assert action("Deploy")["summary"] == "released version 4", action("Deploy")

# Stopped, and held before a stage.
pipelines.disable_stage_transition(
    pipelineName="shop", stageName="Deploy", transitionType="Inbound", reason="change freeze"
)
held = pipelines.start_pipeline_execution(name="shop", clientRequestToken="once")["pipelineExecutionId"]
assert pipelines.start_pipeline_execution(name="shop", clientRequestToken="once")["pipelineExecutionId"] == held
until("it to wait", lambda: next(s for s in state() if s["stageName"] == "Deploy").get("inboundExecution"))
pipelines.stop_pipeline_execution(pipelineName="shop", pipelineExecutionId=held, reason="not today")
until("the stop", lambda: ended(held) == "Stopped")
pipelines.enable_stage_transition(pipelineName="shop", stageName="Deploy", transitionType="Inbound")
refused_version = put("version 6")
approve("Rejected")
until("the rejection", lambda: ended(refused_version) == "Failed")

# The function's process is killed again and again: the release ends rightly all the same.
dice = random.Random(SEED)
done = threading.Event()
killed = []


def kill():
    """Twice in each step at most: three attempts are all that Lambda makes."""
    while not done.wait(dice.uniform(0.05, 0.6)):
        written = s3.list_objects_v2(Bucket="ledger", Prefix=f"{release}/").get("Contents", [])
        for item in sorted(written, key=lambda item: item["LastModified"])[-1:]:
            step = item["Key"].split("/")[1]
            if killed.count(step) == 2:
                continue
            pid = int(s3.get_object(Bucket="ledger", Key=item["Key"])["Body"].read())
            try:
                os.kill(pid, signal.SIGKILL)
                killed.append(step)
            except ProcessLookupError:
                pass


release = put("version 7")
killer = threading.Thread(target=kill)
killer.start()
until("version 7 in spite of kills", lambda: action("Approve").get("token") and ended(release) is None, 120)
done.set()
killer.join()
approve()
until("version 7", lambda: ended(release) == "Succeeded")
assert action("Deploy")["summary"] == "released version 7", action("Deploy")
assert killed, f"nobody was killed with seed {SEED}"

# Schedules: one for the function, one for the pipeline.
target = {"Arn": "arn:aws:lambda:eu-central-1:123456789012:function:release", "RoleArn": ROLE, "Input": '{"drill": "<aws.scheduler.execution-id>"}'}
off = {"Mode": "OFF"}
scheduler.create_schedule(Name="drill", ScheduleExpression="rate(1 minutes)", FlexibleTimeWindow=off, Target=target)
seen = until("the schedule", lambda: [o for o in s3.list_objects_v2(Bucket="ledger", Prefix="scheduled").get("Contents", [])])
event = json.load(s3.get_object(Bucket="ledger", Key=seen[0]["Key"])["Body"])
assert len(event["drill"]) == 36, event
assert scheduler.get_schedule(Name="drill")["State"] == "ENABLED"
assert [schedule["Name"] for schedule in scheduler.list_schedules()["Schedules"]] == ["drill"]
scheduler.delete_schedule(Name="drill")
assert refused(scheduler.get_schedule, Name="drill") == "ResourceNotFoundException"
before = len(executions())
start = {"Arn": "arn:aws:scheduler:::aws-sdk:codepipeline:startPipelineExecution", "RoleArn": ROLE, "Input": '{"Name": "shop"}'}
soon = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 100))
scheduler.create_schedule(
    Name="night", ScheduleExpression=f"at({soon})", FlexibleTimeWindow=off, Target=start, ActionAfterCompletion="DELETE"
)
until("the nightly start", lambda: len(executions()) > before)
assert refused(scheduler.get_schedule, Name="night") == "ResourceNotFoundException"
pipelines.delete_pipeline(name="shop")
assert refused(pipelines.get_pipeline_state, name="shop") == "PipelineNotFoundException"
