"""How long the function's cold start takes, through the Runtime API of AWS Lambda: the time from the start of its process until it
asks for an event, and until it has answered a first one that needs no call of AWS; and the memory that it has used by then.

usage: cold_start.py PROGRAM [STARTS]

PROGRAM is what `pipeline/package.sh --arch x86_64` builds on such a machine: target/lambda/bootstrap/bootstrap
"""

import os
import statistics
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Refused by its form alone, which is an answer.
EVENT = b'{"cutover": {}}'


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        # A process that is ended resets the connections that it has.
        if not isinstance(sys.exc_info()[1], ConnectionResetError):
            super().handle_error(request, client_address)


class Start:
    """One process and the Runtime API that it talks to."""

    def __init__(self, program):
        self.answered = threading.Event()
        self.asked_at = self.answered_at = None
        start = self

        class Api(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                if start.asked_at is not None:
                    # There is no second event.
                    start.over.wait()
                    return
                start.asked_at = time.monotonic()
                self.answer(200, EVENT)

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                start.answered_at = time.monotonic()
                self.answer(202, b"")
                start.answered.set()

            def answer(self, status, body):
                self.send_response(status)
                deadline = int(time.time() * 1000) + 900_000
                arn = "arn:aws:lambda:eu-central-1:123456789012:function:release"
                self.send_header("Lambda-Runtime-Aws-Request-Id", "00000000-0000-4000-8000-000000000001")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(deadline))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", arn)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.over = threading.Event()
        server = Server(("127.0.0.1", 0), Api)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "release",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/release",
            "AWS_LAMBDA_LOG_STREAM_NAME": "1",
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "PATH": os.environ["PATH"],
        }
        began = time.monotonic()
        child = subprocess.Popen([program], env=environment, stderr=subprocess.DEVNULL)
        try:
            if not self.answered.wait(20):
                sys.exit(f"{program} gave no answer within 20 s")
            self.asked_ms = (self.asked_at - began) * 1000
            self.answered_ms = (self.answered_at - began) * 1000
            with open(f"/proc/{child.pid}/status") as status:
                self.memory_mib = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
        finally:
            child.kill()
            child.wait()
            self.over.set()
            server.shutdown()


def told(values):
    return f"median {statistics.median(values):.0f}, at most {max(values):.0f}"


program = sys.argv[1]
starts = [Start(program) for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 20)]
print(f"{len(starts)} cold starts of {os.path.getsize(program) / 1e6:.1f} MB")
print(f"asks for an event after   {told([start.asked_ms for start in starts])} ms")
print(f"has answered it after     {told([start.answered_ms for start in starts])} ms")
print(f"memory                    {told([start.memory_mib for start in starts])} MiB")
