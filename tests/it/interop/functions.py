"""Lambda of a local cloud, as boto3 uses it: functions that speak the Runtime API themselves, and handlers in Python.

usage: functions.py ENDPOINT
"""

import base64
import io
import json
import sys
import time
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from shapes import watch

ENDPOINT = sys.argv[1]
ROLE = "arn:aws:iam::123456789012:role/function"

# Does what its event says, over the bare Runtime API.
BOOTSTRAP = f"""#!{sys.executable}
import json, os, sys, time, urllib.request

base = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime"
count = 0


def post(path, document):
    urllib.request.urlopen(urllib.request.Request(base + path, json.dumps(document).encode(), method="POST")).read()


if os.environ.get("START") == "badly":
    post("/init/error", {{"errorType": "Bad.Start", "errorMessage": "no luck"}})
    sys.exit(1)
while True:
    with urllib.request.urlopen(base + "/invocation/next") as answer:
        event, headers = json.load(answer), answer.headers
    count += 1
    id = headers["Lambda-Runtime-Aws-Request-Id"]
    left = int(headers["Lambda-Runtime-Deadline-Ms"]) - time.time() * 1000
    print("event", json.dumps(event), flush=True)
    if event.get("exit") is not None:
        os._exit(event["exit"])
    time.sleep(event.get("sleep", 0))
    if event.get("error"):
        post(f"/invocation/{{id}}/error", {{"errorType": "Asked", "errorMessage": event["error"]}})
        continue
    post(f"/invocation/{{id}}/response", {{
        "count": count, "pid": os.getpid(), "left": left, "arn": headers["Lambda-Runtime-Invoked-Function-Arn"],
        "environment": dict(os.environ), "files": sorted(os.listdir(".")),
    }})
"""

HANDLER = """
import logging
import os

def handle(event, context):
    if event.get("raise"):
        raise ValueError(event["raise"])
    if event.get("odd"):
        return {1, 2}
    if event.get("id"):
        return [context.aws_request_id, len(logging.getLogger().handlers)]
    client = context.client_context
    return {"sum": sum(event["numbers"]), "left": context.get_remaining_time_in_millis(), "name": context.function_name,
            "region": os.environ["AWS_REGION"], "client": client and client.custom, "title": client and client.client.app_title}
"""


def client(service):
    return boto3.client(
        service,
        endpoint_url=ENDPOINT,
        region_name="eu-central-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=Config(retries={"mode": "standard", "max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=60),
    )


functions, s3 = watch(client("lambda")), client("s3")


def package(name, text):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, text)
    return content.getvalue()


def make(name, runtime="provided.al2023", handler="bootstrap", code=None, **more):
    code = code or {"ZipFile": package("bootstrap", BOOTSTRAP)}
    made = functions.create_function(FunctionName=name, Runtime=runtime, Handler=handler, Role=ROLE, Code=code, **more)
    assert made["State"] == "Pending", made
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})


def invoke(name, event, **more):
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(event), **more)
    return answer.get("FunctionError"), json.loads(answer["Payload"].read() or "null")


def refused(call, **parameters):
    try:
        call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError(f"{parameters} was accepted")


def until(what, look):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {what}")


make("plain", Timeout=10, MemorySize=256, Environment={"Variables": {"COLOUR": "blue"}})
error, first = invoke("plain", {})
assert error is None and first["count"] == 1, first
environment = first["environment"]
assert environment["COLOUR"] == "blue" and environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256", environment
assert environment["AWS_ENDPOINT_URL"] == ENDPOINT and environment["_HANDLER"] == "bootstrap", environment
assert first["files"] == ["bootstrap"] and 0 < first["left"] <= 10_000, first
assert first["arn"] == "arn:aws:lambda:eu-central-1:123456789012:function:plain", first
error, second = invoke("plain", {})
assert (second["count"], second["pid"]) == (2, first["pid"]), "a warm process is used again"
assert invoke("plain", {"error": "on purpose"}) == ("Unhandled", {"errorType": "Asked", "errorMessage": "on purpose"})
assert invoke("plain", {})[1]["pid"] == first["pid"], "an error leaves the process"

error, died = invoke("plain", {"exit": 3})
assert error == "Unhandled" and died["errorType"] == "Runtime.ExitError", died
assert died["errorMessage"].endswith("Error: Runtime exited with error: exit status 3"), died
error, anew = invoke("plain", {})
assert error is None and anew["count"] == 1 and anew["pid"] != first["pid"], anew

assert functions.invoke(FunctionName="plain", InvocationType="DryRun")["StatusCode"] == 204
assert refused(functions.invoke, FunctionName="nobody") == "ResourceNotFoundException"
assert refused(functions.invoke, FunctionName="plain", Payload=b"{") == "InvalidRequestContentException"

functions.update_function_configuration(FunctionName="plain", Timeout=1, Environment={"Variables": {"COLOUR": "green"}})
functions.get_waiter("function_updated_v2").wait(FunctionName="plain", WaiterConfig={"Delay": 1})
error, late = invoke("plain", {"sleep": 30})
assert error == "Unhandled" and "Task timed out after 1.00 seconds" in late["errorMessage"], late
assert invoke("plain", {})[1]["environment"]["COLOUR"] == "green"

# An event is tried again until it works; what never does lands in the bucket.
s3.create_bucket(Bucket="letters", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
functions.put_function_event_invoke_config(
    FunctionName="plain",
    MaximumRetryAttempts=1,
    DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::letters"}},
)
assert functions.invoke(FunctionName="plain", InvocationType="Event", Payload='{"exit": 1}')["StatusCode"] == 202
letter = until("the dead letter", lambda: s3.list_objects_v2(Bucket="letters").get("Contents"))[0]["Key"]
record = json.load(s3.get_object(Bucket="letters", Key=letter)["Body"])
assert record["requestContext"]["condition"] == "RetriesExhausted", record
assert record["requestContext"]["approximateInvokeCount"] == 2 and record["requestPayload"] == {"exit": 1}, record

make("badly", Environment={"Variables": {"START": "badly"}})
assert invoke("badly", {}) == ("Unhandled", {"errorType": "Bad.Start", "errorMessage": "no luck"})
make("hollow", code={"ZipFile": package("readme", "nothing to run")})
assert invoke("hollow", {})[1]["errorType"] == "Runtime.InvalidEntrypoint"

# A handler in Python, from an object.
s3.put_object(Bucket="letters", Key="code.zip", Body=package("app.py", HANDLER))
make("handler", "python3.12", "app.handle", {"S3Bucket": "letters", "S3Key": "code.zip"})
error, answer = invoke("handler", {"numbers": [1, 2, 3]})
assert error is None and answer["sum"] == 6 and answer["name"] == "handler" and answer["region"] == "eu-central-1", answer
assert answer["client"] is None, answer
told = base64.b64encode('{"custom": {"name": "Jörg"}, "client": {"app_title": "shop"}}'.encode()).decode()
error, answer = invoke("handler", {"numbers": []}, ClientContext=told)
assert error is None and answer["client"] == {"name": "Jörg"} and answer["title"] == "shop", answer
assert refused(functions.invoke, FunctionName="handler", ClientContext="{}") == "InvalidRequestContentException"
error, raised = invoke("handler", {"raise": "no"})
assert error == "Unhandled" and raised["errorType"] == "ValueError" and raised["errorMessage"] == "no", raised
assert raised["requestId"] and raised["stackTrace"], raised
error, raised = invoke("handler", {"odd": True})
assert error == "Unhandled" and raised["errorType"] == "Runtime.MarshalError" and raised["stackTrace"] == [], raised
assert raised["errorMessage"] == "Unable to marshal response: Object of type set is not JSON serializable", raised
# By the id of the answer an operator finds the log.
answer = functions.invoke(FunctionName="handler", Payload=json.dumps({"id": True}))
assert json.loads(answer["Payload"].read()) == [answer["ResponseMetadata"]["RequestId"], 1], answer
for code, kind in [
    (package("other.py", HANDLER), "Runtime.ImportModuleError"),
    (package("app.py", "def handle(:\n"), "Runtime.UserCodeSyntaxError"),
]:
    functions.update_function_code(FunctionName="handler", ZipFile=code)
    functions.get_waiter("function_updated_v2").wait(FunctionName="handler", WaiterConfig={"Delay": 1})
    assert invoke("handler", {})[1]["errorType"] == kind
arn = functions.get_function_configuration(FunctionName="plain")["FunctionArn"]
assert refused(functions.invoke, FunctionName=arn.replace("central", "west")) == "ResourceNotFoundException"
assert refused(functions.invoke, FunctionName=arn.replace("123456789012", "210987654321")) == "AccessDeniedException"
assert refused(functions.update_function_configuration, FunctionName="plain", Timeout=901) == "ValidationException"
assert refused(functions.update_function_configuration, FunctionName="plain", Description="x" * 257) == "ValidationException"

names = [function["FunctionName"] for function in functions.list_functions()["Functions"]]
assert names == ["badly", "handler", "hollow", "plain"], names
functions.add_permission(
    FunctionName="plain", StatementId="events", Action="lambda:InvokeFunction", Principal="scheduler.amazonaws.com"
)
assert "scheduler.amazonaws.com" in functions.get_policy(FunctionName="plain")["Policy"]
for name in names:
    functions.delete_function(FunctionName=name)
assert refused(functions.get_function, FunctionName="plain") == "ResourceNotFoundException"
