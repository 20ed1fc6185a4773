"""Who is let in by a local cloud that was given the keys AKIDONE and AKIDTWO, and what the others are told.

usage: signatures.py ENDPOINT
"""

import datetime
import io
import sys
import urllib.error
import urllib.request

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
    "s3": lambda of: of.list_buckets(),
}
UNKNOWN = {"s3": "InvalidAccessKeyId", "cloudwatch": "UnrecognizedClientException"}
WRONG = {"cloudwatch": "InvalidSignatureException"}
MISSING = {"s3": "AccessDenied", "cloudwatch": "MissingAuthenticationTokenException"}

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

# A clock that is wrong by an hour.
real = botocore.auth.get_current_datetime
botocore.auth.get_current_datetime = lambda *arguments, **named: real(*arguments, **named) - datetime.timedelta(hours=1)
assert code(lambda: client("s3").list_buckets()) == "RequestTimeTooSkewed"
assert code(lambda: client("sts").get_caller_identity()) == "SignatureDoesNotMatch"
