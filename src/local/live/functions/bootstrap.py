"""Runs a Lambda handler written in Python: asks the Runtime API for invocations and answers them, one after the other."""

import http.client
import importlib
import json
import logging
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


class Failed(Exception):
    """What the runtime itself has to tell: the kind of error, and a message."""


class Log(logging.StreamHandler):
    """The handler that the root logger has: the level, the time, the invocation and the message of each record."""

    request_id = ""

    def __init__(self):
        super().__init__(sys.stderr)
        told = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
        self.setFormatter(logging.Formatter(told, "%Y-%m-%dT%H:%M:%S"))
        self.formatter.converter = time.gmtime

    def emit(self, record):
        record.aws_request_id = self.request_id
        super().emit(record)


def described(error, request_id):
    """An error's kind, and the document that tells of it, without the frames of this file."""
    if isinstance(error, Failed):
        (kind, message), lines = error.args, []
    else:
        frames = traceback.extract_tb(error.__traceback__)
        lines = traceback.format_list([frame for frame in frames if frame.filename != __file__])
        kind, message = type(error).__name__, str(error)
    document = {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": lines}
    print("[ERROR]", json.dumps(document), file=sys.stderr)
    return kind, json.dumps(document)


def find_handler():
    root = os.environ["LAMBDA_TASK_ROOT"]
    sys.path.insert(0, root)
    module, dot, name = os.environ["_HANDLER"].rpartition(".")
    if not dot:
        raise Failed("Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)")
    try:
        return getattr(importlib.import_module(module.replace("/", ".")), name)
    except SyntaxError as error:
        raise Failed("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module}': {error}") from error
    except ImportError as error:
        raise Failed("Runtime.ImportModuleError", f"Unable to import module '{module}': {error}") from error
    except AttributeError as error:
        raise Failed("Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module}'") from error


def marshalled(answer):
    try:
        return json.dumps(answer)
    except (TypeError, ValueError) as error:
        raise Failed("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def main():
    runtime = Runtime()
    log = Log()
    logging.getLogger().addHandler(log)
    try:
        handler = find_handler()
    except BaseException as error:
        kind, document = described(error, "")
        runtime.post("/init/error", document, kind)
        sys.exit(1)
    while True:
        headers, event = runtime.next()
        os.environ["_X_AMZN_TRACE_ID"] = headers.get("Lambda-Runtime-Trace-Id", "")
        log.request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        place = f"/invocation/{log.request_id}"
        try:
            answer = marshalled(handler(json.loads(event), Context(headers)))
        except Exception as error:
            kind, document = described(error, log.request_id)
            runtime.post(f"{place}/error", document, kind)
        else:
            runtime.post(f"{place}/response", answer)


main()
