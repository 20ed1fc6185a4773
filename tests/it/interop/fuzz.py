"""Requests derived from AWS's service models, valid and broken, against a local cloud.

Each is written by botocore, from values drawn from its shapes, and half of them are broken in one place: something missing,
something unknown, another type, another length. Every answer must come in time and parse; every refusal must carry a code; and
what the model forbids must be refused. Before that, each operation of S3 and Route 53 that is not offered is asked for once: it
must be told from those that are, and do nothing.

usage: fuzz.py ENDPOINT [COUNT [SEED]]
"""

import base64
import collections
import datetime
import http.client
import random
import string
import sys
import time
import tomllib
import urllib.parse
from pathlib import Path

import botocore.config
import botocore.exceptions
import botocore.serialize
import botocore.session

ENDPOINT = sys.argv[1]
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(10**6)
# No answer takes so long, whatever is asked.
TIMEOUT = 10
# Answers that say that the cloud itself is at a loss.
LOST = {"InternalFailure", "InternalError", "InternalServerError", "ServiceUnavailable"}

SESSION = botocore.session.get_session()
SESSION.set_credentials("key", "secret")
# Not validated on the way out: that is what the cloud is asked to do.
CONFIG = botocore.config.Config(
    parameter_validation=False,
    retries={"total_max_attempts": 1},
    read_timeout=TIMEOUT,
    connect_timeout=TIMEOUT,
    s3={"addressing_style": "path"},
)
SERVICES = [
    *("elasticbeanstalk", "elbv2", "route53", "s3", "cloudwatch", "autoscaling", "iam", "sts"),
    *("codepipeline", "lambda", "scheduler"),
]
CLIENTS = {
    name: SESSION.create_client(name, endpoint_url=ENDPOINT, region_name="eu-central-1", config=CONFIG) for name in SERVICES
}
# S3 streams answers, and what it would wait for is not asked.
LEFT_OUT = {"SelectObjectContent", "WriteGetObjectResponse", "CreateSession"}
# Names that may be there, so that some calls get beyond "not found".
NAMES = ["shop", "shop-blue", "shop-green", "v1", "bucket-one", "key", "prefix", "e-abcdefghij", "local"]

OFFERED = {
    service: sorted(operations)
    for service, operations in tomllib.loads(Path(__file__).with_name("fidelity.toml").read_text()).items()
}

draw = random.Random(SEED)


def text(shape):
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", 40)
    if shape.enum:
        return draw.choice(shape.enum)
    if draw.random() < 0.5:
        name = draw.choice(NAMES)
        if least <= len(name) <= most:
            return name
    alphabet = string.ascii_letters + string.digits + draw.choice(["-", "-_.", " /:=@", "äß€😀\t\n<&>\"'%"])
    return "".join(draw.choice(alphabet) for _ in range(draw.randint(max(least, 0), max(least, min(most, 40)))))


def value(shape, depth=0):
    kind = shape.type_name
    if shape.serialization.get("location") in ("header", "headers"):
        # What is no header is no HTTP, whatever the service.
        if kind == "string":
            return " ".join(text(shape).split())
        if kind == "map":
            return {f"note-{number}": " ".join(text(shape.value).split()) for number in range(draw.randint(0, 2))}
    if kind == "structure":
        members = {}
        for name, member in shape.members.items():
            if name in shape.required_members or (draw.random() < 0.4 and depth < 3):
                members[name] = value(member, depth + 1)
        return members
    if kind == "list":
        count = draw.randint(0 if depth < 3 else 0, 2)
        return [value(shape.member, depth + 1) for _ in range(max(count, shape.metadata.get("min", 0)))]
    if kind == "map":
        return {text(shape.key): value(shape.value, depth + 1) for _ in range(draw.randint(0, 2))}
    if kind == "string":
        return text(shape)
    if kind in ("integer", "long"):
        least, most = shape.metadata.get("min", 0), shape.metadata.get("max", 1000)
        return draw.randint(least, max(least, most))
    if kind in ("float", "double"):
        return draw.random() * 100
    if kind == "boolean":
        return draw.random() < 0.5
    if kind == "timestamp":
        return datetime.datetime.fromtimestamp(draw.randrange(1_700_000_000, 1_900_000_000), datetime.timezone.utc)
    if kind == "blob":
        return base64.b64encode(draw.randbytes(8))
    raise SystemExit(f"a shape of an unknown kind: {kind}")


def places(shape, given):
    """Everything that can be broken: the container, the key, and the shape of what stands there."""
    if shape.type_name == "structure" and isinstance(given, dict):
        for name, member in shape.members.items():
            if name in given:
                yield given, name, member, name in shape.required_members
                yield from places(member, given[name])
    elif shape.type_name == "list" and isinstance(given, list):
        for index, item in enumerate(given):
            yield from places(shape.member, item)


def spoil(shape, given):
    """Breaks one place; tells whether the model forbids what it has become."""
    found = list(places(shape, given))
    if not found:
        return "nothing", False
    container, name, member, required = draw.choice(found)
    kind = member.type_name
    how = draw.choice(["missing", "long", "short", "range", "enum", "type", "strange"])
    least, most = member.metadata.get("min"), member.metadata.get("max")
    if how == "missing" and required:
        del container[name]
        return how, True
    if how == "long" and kind == "string" and most and most <= 5000 and not member.enum:
        container[name] = "x" * (most + 1)
        return how, True
    if how == "short" and kind == "string" and least and not member.enum:
        container[name] = "x" * (least - 1)
        # No text at all counts as not given.
        return how, least > 1
    if how == "range" and kind in ("integer", "long") and most is not None:
        container[name] = most + 1
        return how, True
    if how == "enum" and kind == "string" and member.enum:
        container[name] = "NoSuchChoice"
        return how, True
    if how == "strange" and kind == "string":
        container[name] = draw.choice(["\x00", "\ud7ff", "../../etc/passwd", "%00", "a" * 3000, "💥" * 10, "-1", "{}", "]]>"])
        return how, False
    return "nothing", False


# Rules that the models state and the services do not keep, or that depend on what is there.
def is_checked(service):
    return service in ("elasticbeanstalk", "elbv2", "autoscaling", "iam", "cloudwatch", "route53")


# Services that speak in JSON pass over what their model does not know.
def knows_all_parameters(service):
    return is_checked(service) and service != "cloudwatch"


def unknown_parameter(params, **_):
    """Adds a parameter that no model knows, where one can be: a query that XML's services do not know is passed over."""
    body = params.get("body")
    if isinstance(body, dict):
        body["NoSuchParameter"] = "x"
    elif body:
        front, end = body.rsplit(b"</", 1)
        params["body"] = front + b"<NoSuchParameter>x</NoSuchParameter></" + end
    else:
        return
    ADDED.append(True)


# Whether the request at hand has such a parameter.
ADDED = []


def least(shape):
    """A value with nothing in it but what must be there."""
    kind = shape.type_name
    if kind == "structure":
        return {name: least(shape.members[name]) for name in shape.required_members}
    if kind == "string":
        return shape.enum[0] if shape.enum else "x"
    return {"list": [], "map": {}, "boolean": True, "blob": b"x"}.get(kind, 1)


def ask_plainly(service, operation, given):
    """Asks without a client, which would wait, sign, look things up or go to another host."""
    model = CLIENTS[service].meta.service_model.operation_model(operation)
    made = botocore.serialize.create_serializer("rest-xml", include_validation=False).serialize_to_request(given, model)
    path, query = made["url_path"], urllib.parse.urlencode(made["query_string"], doseq=True)
    if query:
        path += ("&" if "?" in path else "?") + query
    scope = f"key/20260101/eu-central-1/{service}/aws4_request"
    signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"
    headers = {name: str(value) for name, value in made["headers"].items()}
    while True:
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(ENDPOINT).netloc, timeout=TIMEOUT)
        connection.request(made["method"], path, made["body"] or None, {**headers, "Authorization": signed})
        answer = connection.getresponse()
        told = answer.read()
        connection.close()
        if b"<Code>Throttling</Code>" not in told:
            return answer.status, told
        time.sleep(0.2)


def ask_for_what_is_not_offered():
    """Asks for all operations that the cloud does not have. Nothing may come of it."""
    s3, count = CLIENTS["s3"], 0
    place = {"LocationConstraint": "eu-central-1"}
    there = {"Bucket": "not-offered", "Key": "key", "CopySource": "not-offered/key"}
    s3.create_bucket(Bucket="not-offered", CreateBucketConfiguration=place)
    s3.put_object(Bucket="not-offered", Key="key", Body=b"kept")
    for service in ("s3", "route53"):
        model = CLIENTS[service].meta.service_model
        # That one is told from ListBuckets by its host alone.
        for operation in sorted(set(model.operation_names) - set(OFFERED[service]) - {"ListDirectoryBuckets"}):
            shape = model.operation_model(operation).input_shape
            given = least(shape) if shape else {}
            given |= {name: value for name, value in there.items() if name in given}
            status, told = ask_plainly(service, operation, given)
            assert status == 501 and b"NotImplemented" in told, f"{service} {operation}: {status} {told}"
            kept = s3.get_object(Bucket="not-offered", Key="key")["Body"].read()
            listed = s3.list_objects_v2(Bucket="not-offered")["KeyCount"]
            assert (kept, listed) == (b"kept", 1), f"{operation} has done something: {kept}, {listed} objects"
            count += 1
    print(f"{count} operations that are not offered were refused")


# Services of which some parameters are headers.
IN_HEADERS = ("s3", "lambda")


def main():
    ask_for_what_is_not_offered()
    sent = []
    for client in CLIENTS.values():
        client.meta.events.register("before-send", lambda **_: sent.append(True))
    outcomes, slowest = collections.Counter(), (0, "")
    refused = collections.Counter()
    for number in range(COUNT):
        service = draw.choice(SERVICES)
        client = CLIENTS[service]
        model = client.meta.service_model
        names = OFFERED[service] if draw.random() < 0.9 else model.operation_names
        operation = draw.choice([name for name in names if name not in LEFT_OUT])
        shape = model.operation_model(operation).input_shape
        given = value(shape) if shape else {}
        # A length that is not that of the body is a request that never ends.
        given.pop("ContentLength", None)
        how, forbidden = spoil(shape, given) if shape and draw.random() < 0.5 else ("whole", False)
        method = botocore.xform_name(operation)
        event = f"before-call.{model.service_id.hyphenize()}.{operation}"
        unknown = knows_all_parameters(service) and draw.random() < 0.05
        if unknown:
            client.meta.events.register(event, unknown_parameter)
        begun = time.monotonic()
        sent.clear()
        ADDED.clear()
        told = f"request {number} of seed {SEED}: {service} {operation} ({how}): {str(given)[:600]}"
        try:
            answer = getattr(client, method)(**given)
            if hasattr(answer.get("Body"), "read"):
                answer["Body"].read()
            outcome, code = "accepted", None
        except botocore.exceptions.ClientError as error:
            code = error.response["Error"].get("Code", "")
            outcome = "refused"
            # An answer without a body can only tell its status; and a broken header is no HTTP, which no service ever sees.
            bare = operation.startswith("Head") or (service in IN_HEADERS and how == "strange")
            assert code and (not code.isdigit() or bare), f"{told}: a refusal without a code: {error.response}"
            assert code not in LOST, f"{told}: {error}"
            refused[code] += 1
        except Exception as error:
            # What the client itself cannot write is no request.
            assert not sent or "Invalid header" in repr(error), f"{told}: {error!r}"
            outcome, code = "not sent", None
        finally:
            if unknown:
                client.meta.events.unregister(event, unknown_parameter)
        took = time.monotonic() - begun
        if outcome != "not sent":
            slowest = max(slowest, (took, f"{service} {operation}"))
        if outcome == "accepted" and (ADDED or (forbidden and is_checked(service))):
            raise SystemExit(f"{told}: was accepted{' with an unknown parameter' if ADDED else ''}")
        outcomes[outcome] += 1
    print(f"seed {SEED}: {dict(outcomes)}; slowest {slowest[1]} in {slowest[0]:.2f} s")
    print(dict(refused.most_common(25)))


main()
