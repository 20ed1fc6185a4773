"""Who is let in by a local cloud that was given the keys AKIDONE and AKIDTWO, and what the others are told.

usage: signatures.py ENDPOINT
"""

import datetime
import io
import sys
import time
import urllib.error
import urllib.request
import zipfile

import boto3
import botocore.auth
import botocore.exceptions
from botocore import UNSIGNED
from botocore.config import Config

ENDPOINT = sys.argv[1]
ONE, TWO = ("AKIDONE", "secret-one"), ("AKIDTWO", "secret/two+")


def client(service, key=ONE, **config):
    return boto3.client(
        service,
        endpoint_url=ENDPOINT,
        region_name="eu-central-1",
        aws_access_key_id=key[0],
        aws_secret_access_key=key[1],
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


def code(call):
    try:
        call()
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return None


CALLS = {
    "elasticbeanstalk": lambda of: of.describe_environments(),
    "elbv2": lambda of: of.describe_load_balancers(),
    "autoscaling": lambda of: of.describe_auto_scaling_groups(),
    "iam": lambda of: of.list_roles(PathPrefix="/a b/ä/"),
    "sts": lambda of: of.get_caller_identity(),
    "route53": lambda of: of.list_hosted_zones_by_name(DNSName="a b.example.", MaxItems="5"),
    "cloudwatch": lambda of: of.list_metrics(),
    "lambda": lambda of: of.list_functions(),
    "codepipeline": lambda of: of.list_pipelines(),
    "scheduler": lambda of: of.list_schedules(),
    "s3": lambda of: of.list_buckets(),
}
DOCUMENTS = ("cloudwatch", "lambda", "codepipeline", "scheduler")
UNKNOWN = {"s3": "InvalidAccessKeyId", **dict.fromkeys(DOCUMENTS, "UnrecognizedClientException")}
WRONG = dict.fromkeys(DOCUMENTS, "InvalidSignatureException")
MISSING = {"s3": "AccessDenied", **dict.fromkeys(DOCUMENTS, "MissingAuthenticationTokenException")}
# Without a signature its paths are those of buckets, so that it is S3 that refuses: no code that JSON's clients find, but the status.
MISSING["scheduler"] = "403"

for service, call in CALLS.items():
    for key in (ONE, TWO):
        told = code(lambda: call(client(service, key)))
        assert told in (None, "ValidationError"), (service, told)
    told = code(lambda: call(client(service, ("AKIDNONE", "x"))))
    assert told == UNKNOWN.get(service, "InvalidClientTokenId"), (service, told)
    told = code(lambda: call(client(service, ("AKIDONE", "secret/two+"))))
    assert told == WRONG.get(service, "SignatureDoesNotMatch"), (service, told)
    told = code(lambda: call(client(service, signature_version=UNSIGNED)))
    assert told == MISSING.get(service, "MissingAuthenticationToken"), (service, told)

# Objects: names that are encoded, bodies in one piece, in chunks and in parts, and links.
for style in ("path", "virtual"):
    s3 = client("s3", TWO, s3={"addressing_style": "path"}) if style == "path" else client("s3", TWO)
    if style == "path":
        s3.create_bucket(Bucket="signed", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for name in ("plain", "a b/ä+c=d&e", "x//y", "tilde~'()*!"):
        s3.put_object(Bucket="signed", Key=name, Body=b"content", Metadata={"note": "two  spaces"})
        assert s3.get_object(Bucket="signed", Key=name)["Body"].read() == b"content", name
        link = s3.generate_presigned_url("get_object", Params={"Bucket": "signed", "Key": name}, ExpiresIn=60)
        if style == "path":
            assert urllib.request.urlopen(link, timeout=10).read() == b"content", name
    s3.upload_fileobj(io.BytesIO(b"x" * (9 << 20)), "signed", "parts")
    assert s3.head_object(Bucket="signed", Key="parts")["ContentLength"] == 9 << 20
    listed = s3.list_objects_v2(Bucket="signed", Prefix="a b/ä+", Delimiter="=")
    assert listed["KeyCount"] == 1, listed

s3 = client("s3", ONE, s3={"addressing_style": "path"}, signature_version="s3v4")
link = s3.generate_presigned_url("get_object", Params={"Bucket": "signed", "Key": "plain"}, ExpiresIn=60)
for changed in (link.replace("plain", "parts"), link.replace("X-Amz-Expires=60", "X-Amz-Expires=6000")):
    try:
        urllib.request.urlopen(changed, timeout=10)
        raise AssertionError(f"a link that was changed is good: {changed}")
    except urllib.error.HTTPError as error:
        assert error.code == 403 and b"<Error><Code>SignatureDoesNotMatch</Code>" in error.read()

# Logs come by a link without a signature, which is good for whoever has it, and for nothing else.
beanstalk = client("elasticbeanstalk")
beanstalk.create_application(ApplicationName="shop")
bundle = io.BytesIO()
with zipfile.ZipFile(bundle, "w") as archive:
    archive.writestr("Procfile", "web: exec python3 -m http.server --bind 127.0.0.1 $PORT\n")
s3.put_object(Bucket="signed", Key="shop/bundle.zip", Body=bundle.getvalue())
beanstalk.create_application_version(
    ApplicationName="shop", VersionLabel="v1", SourceBundle={"S3Bucket": "signed", "S3Key": "shop/bundle.zip"}
)
beanstalk.create_environment(
    ApplicationName="shop", EnvironmentName="blue", VersionLabel="v1", SolutionStackName="64bit Amazon Linux 2023 v4.0.0 running Go 1"
)
links = []
deadline = time.monotonic() + 60
while not links and time.monotonic() < deadline:
    beanstalk.request_environment_info(EnvironmentName="blue", InfoType="tail")
    links = beanstalk.retrieve_environment_info(EnvironmentName="blue", InfoType="tail")["EnvironmentInfo"]
    time.sleep(0.2)
link = links[0]["Message"]
assert urllib.request.urlopen(link, timeout=10).status == 200
for other in (link + "?tagging", f"{ENDPOINT}/signed/plain", f"{ENDPOINT}/signed/resources/environments/logs/x"):
    try:
        urllib.request.urlopen(other, timeout=10)
        raise AssertionError(f"nobody has signed it: {other}")
    except urllib.error.HTTPError as error:
        assert error.code == 403 and b"AccessDenied" in error.read(), other

# A clock that is wrong by an hour.
real = botocore.auth.get_current_datetime
botocore.auth.get_current_datetime = lambda *arguments, **named: real(*arguments, **named) - datetime.timedelta(hours=1)
assert code(lambda: client("s3").list_buckets()) == "RequestTimeTooSkewed"
assert code(lambda: client("sts").get_caller_identity()) == "SignatureDoesNotMatch"
