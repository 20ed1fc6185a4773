"""The commands of the eb CLI against a fresh local cloud: each must end by itself, with the right exit status.

The CLI waits for events by their exact words and for the id of the request that caused them, so a command that comes to its
end has seen what it would have seen on AWS.

usage: eb.py ENDPOINT
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FOLDER = Path(tempfile.mkdtemp(prefix="cutover-eb-"))
APPLICATION = FOLDER / "shop"
ENVIRONMENT = {
    **os.environ,
    # The CLI writes files below its home.
    "HOME": str(FOLDER),
    "AWS_ENDPOINT_URL": sys.argv[1],
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": os.environ.get("INTEROP_KEY", "key"),
    "AWS_SECRET_ACCESS_KEY": os.environ.get("INTEROP_SECRET", "secret"),
}
# Far more than any command takes: one that waits for an event that never comes is cut here.
PATIENCE = 150

SERVER = """
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = (os.environ.get("COLOR", "none") + " VERSION").encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        # The newest lines are what logs show, and health checks make many.
        print("serving VERSION", flush=True)

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def run(*command, folder=APPLICATION, fails=False, told=None):
    begun = time.monotonic()
    given = {"stdin": subprocess.DEVNULL} if told is None else {"input": told}
    try:
        ran = subprocess.run(
            command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE, **given
        )
    except subprocess.TimeoutExpired as late:
        raise SystemExit(f"{command} does not end: {late.stdout}")
    took = time.monotonic() - begun
    told = ran.stdout + ran.stderr
    assert (ran.returncode != 0) == fails, f"{command} ended with {ran.returncode}:\n{told}"
    print(f"{' '.join(command[1:]):60} {ran.returncode} {took:5.1f} s", flush=True)
    return told


def eb(*arguments, **how):
    return run(os.path.join(os.path.dirname(sys.executable), "eb"), *arguments, **how)


def says(told, *words):
    for word in words:
        assert word in told, f"{word!r} is not in:\n{told}"


def write(version, starts="python3 server.py"):
    (APPLICATION / "Procfile").write_text(f"web: exec {starts}\n")
    (APPLICATION / "server.py").write_text(SERVER.replace("VERSION", version))


APPLICATION.mkdir()
write("version 1")
says(eb("init", "shop", "--platform", "Go 1", "--region", "eu-central-1"), "Application shop has been created.")

told = eb("create", "shop-blue", "--cname", "shop", "--timeout", "2", "--envvars", "COLOR=blue")
says(told, "createEnvironment is starting.", "Successfully launched environment: shop-blue")
assert "privileges" not in told, told
says(eb("status"), "Status: Ready", "Health: Green", "CNAME: shop.eu-central-1.elasticbeanstalk.com")
says(eb("health"), "shop-blue", "Ok", "Deployed")
says(eb("events"), "createEnvironment is starting.", "Successfully launched environment: shop-blue")
says(eb("list"), "* shop-blue")
says(eb("printenv"), "COLOR = blue")

says(eb("setenv", "COLOR=teal", "SHAPE=round"), "Successfully deployed new configuration to environment.")
says(eb("printenv"), "COLOR = teal", "SHAPE = round")
says(eb("scale", "2"), "Successfully deployed new configuration to environment.")

write("version 2")
says(
    eb("deploy", "--label", "v2"),
    "New application version was deployed to running EC2 instances.",
    "Environment update completed successfully.",
)
says(eb("status"), "Deployed Version: v2")
says(eb("logs"), "/var/log/web.stdout.log", "serving version 2")
eb("logs", "--all")
assert list(APPLICATION.glob(".elasticbeanstalk/logs/*/*")), "no logs were saved"

says(eb("clone", "shop-blue", "-n", "shop-green", "-c", "shop-next", "--timeout", "2"), "Successfully launched environment")
says(eb("list", "-v"), "shop-blue : ['i-", "shop-green : ['i-")
says(eb("printenv", "shop-green"), "COLOR = teal")
says(eb("swap", "shop-blue", "-n", "shop-green"), "Completed swapping CNAMEs for environments 'shop-blue' and 'shop-green'.")
says(eb("status", "shop-green"), "CNAME: shop.eu-central-1.elasticbeanstalk.com")
says(eb("status", "shop-blue"), "CNAME: shop-next.eu-central-1.elasticbeanstalk.com")

write("version 3", "false")
told = eb("deploy", "--label", "v3", fails=True)
says(told, "Unsuccessful command execution on instance id(s)", "Failed to deploy application.")
says(eb("deploy", "--version", "nothing", fails=True), "nothing")
says(eb("tags", "--list"), "elasticbeanstalk:environment-name")
says(eb("config", "save", "shop-green", "--cfg", "kept"), "Configuration saved at: ")
assert list(APPLICATION.glob(".elasticbeanstalk/saved_configs/kept*")), "no configuration was saved"
says(eb("config", "list"), "kept")
# Whoever edits what was saved changes it, and whoever writes one by hand makes it.
kept = next(APPLICATION.glob(".elasticbeanstalk/saved_configs/kept*"))
kept.write_text(kept.read_text().replace("teal", "plum"))
eb("config", "put", "kept")
hand = APPLICATION / ".elasticbeanstalk" / "saved_configs" / "hand.cfg.yml"
hand.write_text("OptionSettings:\n  aws:elasticbeanstalk:application:environment:\n    SHAPE: square\n")
eb("config", "put", "hand")
says(eb("config", "list"), "hand", "kept")
says(eb("create", "shop-red", "--cfg", "kept", "--version", "v2", "--timeout", "2"), "Successfully launched environment: shop-red")
says(eb("printenv", "shop-red"), "COLOR = plum", "SHAPE = round")
says(eb("config", "shop-red", "--cfg", "hand"), "Successfully deployed new configuration to environment.")
says(eb("printenv", "shop-red"), "COLOR = plum", "SHAPE = square")
contents = hand.read_text().replace("square", "oval")
says(eb("config", "shop-red", told=contents), "Successfully deployed new configuration to environment.")
says(eb("printenv", "shop-red"), "SHAPE = oval")
says(eb("terminate", "shop-red", "--force"), "terminateEnvironment completed successfully.")
says(eb("platform", "list"), "python-3.13", "go-1")
says(eb("appversion", "--delete", "v2", fails=True), "Cannot delete Application version v2 as it is deployed to")

says(eb("terminate", "shop-blue", "--force"), "terminateEnvironment completed successfully.")
says(eb("terminate", "shop-green", "--force"), "terminateEnvironment completed successfully.")
says(eb("terminate", "shop-green", "--force", fails=True), "shop-green")
print(json.dumps({"folder": str(FOLDER)}))
