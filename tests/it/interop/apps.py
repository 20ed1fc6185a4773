"""Applications of other people's frameworks on a local cloud: Flask with pip, Express with npm, several processes, option settings
in configuration files; and versions whose build or start fails, with AWS's events, causes and logs.

It needs package indexes for pip and npm, and Node.js for a part of it, and says what it leaves out.

usage: apps.py ENDPOINT EDGE
"""

import io
import shutil
import sys
import time
import urllib.error
import urllib.request
import zipfile

import boto3

ENDPOINT, EDGE = sys.argv[1:3]
AWS = dict(
    endpoint_url=ENDPOINT, region_name="eu-central-1", aws_access_key_id="key", aws_secret_access_key="secret"
)
EB, S3 = boto3.client("elasticbeanstalk", **AWS), boto3.client("s3", **AWS)
# A build downloads packages and compiles some.
PATIENCE = 240

FLASK = {
    "application.py": """
import os, flask
application = flask.Flask(__name__)

@application.route("/")
def home():
    return f"flask {flask.request.path} {os.environ['COLOR']} {os.environ['PLACE']} VERSION"
""",
    "requirements.txt": "flask>=3,<4\n",
    ".ebextensions/options.config": """
option_settings:
  aws:elasticbeanstalk:application:environment:
    COLOR: from the bundle
    PLACE: '`{"Ref" : "AWS::Region"}`'
  aws:autoscaling:asg:
    MinSize: 1
""",
}
# Not COLOR, which npm sets by itself.
EXPRESS = {
    "app.js": """
const app = require("express")();
app.get("/", (request, response) => response.send("express " + process.env.SHADE + " VERSION"));
app.listen(process.env.PORT);
""",
    "package.json": '{"name": "shop", "version": "1.0.0", "dependencies": {"express": "^4"}, "scripts": {"start": "node app.js"}}',
}
SEVERAL = {
    "Procfile": "web: python3 -m http.server --bind 127.0.0.1 8000\nworker: echo worker of $COLOR; sleep 600\n".replace(
        "8000", "$PORT"
    ),
    "index.html": "several VERSION",
}


def stack(word):
    return next(name for name in EB.list_available_solution_stacks()["SolutionStacks"] if word in name)


def publish(application, version, files):
    bucket = EB.create_storage_location()["S3Bucket"]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as bundle:
        for name, text in files.items():
            bundle.writestr(name, text.replace("VERSION", version))
    key = f"{application}/{version}.zip"
    S3.put_object(Bucket=bucket, Key=key, Body=content.getvalue())
    EB.create_application_version(
        ApplicationName=application,
        VersionLabel=version,
        SourceBundle={"S3Bucket": bucket, "S3Key": key},
        AutoCreateApplication=True,
    )


def settled(name):
    begun = time.monotonic()
    while time.monotonic() - begun < PATIENCE:
        environment = EB.describe_environments(EnvironmentNames=[name], IncludeDeleted=False)["Environments"][0]
        if environment["Status"] == "Ready":
            return environment
        time.sleep(0.3)
    raise SystemExit(f"{name} does not come to rest: {environment}\n" + "\n".join(messages(name)))


def messages(name):
    return [event["Message"] for event in EB.describe_events(EnvironmentName=name)["Events"]]


def create(application, version, platform, **options):
    name = f"{application}-env"
    settings = [
        {"Namespace": "aws:elasticbeanstalk:environment", "OptionName": "LoadBalancerType", "Value": "application"}
    ] + [
        {"Namespace": "aws:elasticbeanstalk:application:environment", "OptionName": option, "Value": value}
        for option, value in options.items()
    ]
    EB.create_environment(
        ApplicationName=application,
        EnvironmentName=name,
        VersionLabel=version,
        SolutionStackName=stack(platform),
        CNAMEPrefix=application,
        OptionSettings=settings,
    )
    return settled(name)


def deploy(application, version):
    EB.update_environment(EnvironmentName=f"{application}-env", VersionLabel=version)
    return settled(f"{application}-env")


def get(application):
    request = urllib.request.Request(
        f"http://{EDGE}/", headers={"Host": f"{application}.eu-central-1.elasticbeanstalk.com"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}"


def serves(application, text):
    begun = time.monotonic()
    while (told := get(application)) != text:
        assert time.monotonic() - begun < 30, f"{application} answers {told!r} and not {text!r}: {messages(application + '-env')}"
        time.sleep(0.2)


def logs(name):
    EB.request_environment_info(EnvironmentName=name, InfoType="tail")
    found = EB.retrieve_environment_info(EnvironmentName=name, InfoType="tail")["EnvironmentInfo"]
    with urllib.request.urlopen(found[0]["Message"], timeout=10) as answer:
        return answer.read().decode()


def says(name, *texts):
    told = messages(name)
    for text in texts:
        assert any(text in message for message in told), f"no event says {text!r}: {told}"


def flask():
    publish("flask", "v1", FLASK)
    create("flask", "v1", "Python 3.13")
    serves("flask", "flask / from the bundle eu-central-1 v1")
    settings = EB.describe_configuration_settings(ApplicationName="flask", EnvironmentName="flask-env")
    settings = settings["ConfigurationSettings"][0]["OptionSettings"]
    assert any(setting.get("Value") == "from the bundle" for setting in settings), "settings of the bundle are not shown"
    # A call weighs more than the bundle, also after the next deployment.
    EB.update_environment(
        EnvironmentName="flask-env",
        OptionSettings=[
            {"Namespace": "aws:elasticbeanstalk:application:environment", "OptionName": "COLOR", "Value": "from a call"}
        ],
    )
    settled("flask-env")
    serves("flask", "flask / from a call eu-central-1 v1")
    publish("flask", "v2", FLASK)
    deploy("flask", "v2")
    serves("flask", "flask / from a call eu-central-1 v2")

    broken = {**FLASK, "requirements.txt": "flask>=3,<4\nno-such-package-of-cutover==9.9\n"}
    publish("flask", "v3", broken)
    environment = deploy("flask", "v3")
    says(
        "flask-env",
        "Instance deployment failed to install application dependencies. The deployment failed.",
        "Instance deployment failed. For details, see 'eb-engine.log'.",
        "Failed to deploy application.",
    )
    assert environment["VersionLabel"] == "v2" and environment["Health"] == "Red", environment
    assert "no-such-package-of-cutover" in logs("flask-env"), "the log of the build is missing"
    health = EB.describe_environment_health(EnvironmentName="flask-env", AttributeNames=["All"])
    assert any("Incorrect application version" in cause for cause in health["Causes"]), health["Causes"]
    # What could not be built did not take the place of what ran.
    assert get("flask") == "flask / from a call eu-central-1 v2"

    publish("flask", "v4", {**FLASK, "application.py": "raise SystemExit('no database')"})
    deploy("flask", "v4")
    # Gunicorn goes on starting workers that end at once, so the instance is never well.
    says("flask-env", "have not responded in the allowed command timeout time")
    assert "no database" in logs("flask-env")
    publish("flask", "v5", {**FLASK, ".ebextensions/options.config": "option_settings: [\n"})
    try:
        deploy("flask", "v5")
        raise AssertionError("a configuration file that is none was accepted")
    except EB.exceptions.ClientError as error:
        assert "contains invalid YAML or JSON" in str(error), error
    deploy("flask", "v2")
    serves("flask", "flask / from a call eu-central-1 v2")


def express():
    if not shutil.which("npm"):
        print("left out: there is no npm")
        return
    publish("express", "v1", EXPRESS)
    create("express", "v1", "Node.js 20", SHADE="blue")
    serves("express", "express blue v1")
    publish("express", "v2", EXPRESS)
    deploy("express", "v2")
    serves("express", "express blue v2")
    broken = EXPRESS["package.json"].replace('"^4"', '"^4", "no-such-package-of-cutover": "9"')
    publish("express", "v3", {**EXPRESS, "package.json": broken})
    deploy("express", "v3")
    says("express-env", "'npm' failed to install dependencies that you defined in 'package.json'")
    assert get("express") == "express blue v2"


def several():
    publish("several", "v1", SEVERAL)
    create("several", "v1", "Go 1", COLOR="blue")
    serves("several", "several v1")
    told = logs("several-env")
    assert "/var/log/worker.stdout.log" in told and "worker of blue" in told, told


for part in (several, flask, express):
    begun = time.monotonic()
    part()
    print(f"{part.__name__}: {time.monotonic() - begun:.0f} s", flush=True)
