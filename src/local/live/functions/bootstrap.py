"""Runs a Lambda handler written in Python: asks the Runtime API for invocations and answers them, one after the other."""

import http.client
import importlib
import json
import os
import sys
import time
import traceback
from types import SimpleNamespace

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
BASE = "/2018-06-01/runtime"


def client_context(header):
    """What the caller told of itself, with the three fields that handlers know. The header is UTF-8, and was read as Latin-1."""
    if not header:
        return None
    told = json.loads(header.encode("latin-1").decode("utf-8"))
    client = told.get("client")
    return SimpleNamespace(
        custom=told.get("custom"),
        env=told.get("env"),
        client=SimpleNamespace(**client) if isinstance(client, dict) else client,
    )


class Context:
    """What a handler is told of its invocation."""

    function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
    function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
    memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
    log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
    log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
    identity = None

    def __init__(self, headers):
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.client_context = client_context(headers.get("Lambda-Runtime-Client-Context"))
        self._deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline_ms - int(time.time() * 1000))


class Runtime:
    """One connection to the Runtime API."""

    def __init__(self):
        self.connection = http.client.HTTPConnection(API)

    def next(self):
        self.connection.request("GET", f"{BASE}/invocation/next")
        response = self.connection.getresponse()
        return response.headers, response.read()

    def post(self, path, body, kind=None):
        headers = {"Content-Type": "application/json"}
        if kind:
            headers["Lambda-Runtime-Function-Error-Type"] = kind
        self.connection.request("POST", BASE + path, body, headers)
        self.connection.getresponse().read()


def described(error):
    """An error as a document, without the frames of this file."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = traceback.format_list([frame for frame in frames if frame.filename != __file__])
    document = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": lines}
    print("[ERROR]", json.dumps(document), file=sys.stderr)
    return json.dumps(document)


def find_handler():
    root = os.environ["LAMBDA_TASK_ROOT"]
    sys.path.insert(0, root)
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    try:
        return getattr(importlib.import_module(module.replace("/", ".")), name)
    except ImportError as error:
        raise RuntimeError("Runtime.ImportModuleError", f"Unable to import module '{module}': {error}") from error
    except AttributeError as error:
        raise RuntimeError("Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module}'") from error


def main():
    runtime = Runtime()
    try:
        handler = find_handler()
    except BaseException as error:
        kind, message = type(error).__name__, str(error)
        if isinstance(error, RuntimeError) and len(error.args) == 2:
            kind, message = error.args
        document = json.dumps({"errorMessage": message, "errorType": kind, "requestId": "", "stackTrace": []})
        print("[ERROR]", document, file=sys.stderr)
        runtime.post("/init/error", document, kind)
        sys.exit(1)
    while True:
        headers, event = runtime.next()
        os.environ["_X_AMZN_TRACE_ID"] = headers.get("Lambda-Runtime-Trace-Id", "")
        place = f"/invocation/{headers['Lambda-Runtime-Aws-Request-Id']}"
        try:
            answer = json.dumps(handler(json.loads(event), Context(headers)))
        except Exception as error:
            runtime.post(f"{place}/error", described(error), type(error).__name__)
        else:
            runtime.post(f"{place}/response", answer)


main()
