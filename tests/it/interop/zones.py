"""Route 53 of a local cloud, as boto3 uses it, and what DNS then answers.

usage: zones.py ENDPOINT DNS_HOST DNS_PORT CNAME
"""

import sys
import time
from collections import Counter

import boto3
import dns.message
import dns.query
import dns.rcode
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT, DNS_HOST, DNS_PORT, CNAME = sys.argv[1:]
BEANSTALK = "Z1FRNW7UH4DEZJ"

route53 = boto3.client(
    "route53",
    endpoint_url=ENDPOINT,
    region_name="eu-central-1",
    aws_access_key_id="key",
    aws_secret_access_key="secret",
    config=Config(retries={"mode": "standard", "max_attempts": 8}),
)


def ask(name, kind="A"):
    question = dns.message.make_query(name, kind)
    return dns.query.udp(question, DNS_HOST, port=int(DNS_PORT), timeout=5)


def values(name, kind="A"):
    return [item.to_text() for answer in ask(name, kind).answer for item in answer]


def member(name, identifier, weight, address, ttl=60):
    return {
        "Name": name,
        "Type": "A",
        "SetIdentifier": identifier,
        "Weight": weight,
        "TTL": ttl,
        "ResourceRecords": [{"Value": address}],
    }


def change(*changes):
    batch = [{"Action": action, "ResourceRecordSet": record} for action, record in changes]
    answer = route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": batch})
    return answer["ChangeInfo"]


def refused(*changes):
    try:
        change(*changes)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError(f"{changes} was taken")


def in_sync(info):
    deadline = time.monotonic() + 20
    while route53.get_change(Id=info["Id"])["ChangeInfo"]["Status"] != "INSYNC":
        assert time.monotonic() < deadline, "it never became INSYNC"
        time.sleep(0.1)


made = route53.create_hosted_zone(Name="example.com", CallerReference="one")
assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
assert made["HostedZone"]["Name"] == "example.com."
assert len(made["DelegationSet"]["NameServers"]) == 4
zone = made["HostedZone"]["Id"].split("/")[-1]
found = route53.list_hosted_zones_by_name(DNSName="example.com")["HostedZones"]
assert [one["Id"] for one in found] == [made["HostedZone"]["Id"]], found

# A member for each environment, and a text beside them that says who wrote them last.
fence = {
    "Name": "_lock.www.example.com",
    "Type": "TXT",
    "TTL": 60,
    "ResourceRecords": [{"Value": '"release=1 sequence=7"'}],
}
blue, green = (member("www.example.com", *of) for of in [("blue", 75, "127.0.0.1"), ("green", 25, "127.0.0.2")])
info = change(("CREATE", blue), ("CREATE", green), ("CREATE", fence))
assert info["Status"] == "PENDING", info
assert ask("www.example.com").rcode() == dns.rcode.NXDOMAIN
in_sync(info)
shares = Counter(values("www.example.com")[0] for _ in range(2000))
assert set(shares) == {"127.0.0.1", "127.0.0.2"}, shares
assert 400 < shares["127.0.0.2"] < 600, shares
assert values("_lock.www.example.com", "TXT") == ['"release=1 sequence=7"']
assert ask("none.example.com").rcode() == dns.rcode.NXDOMAIN
assert ask("www.example.org").rcode() == dns.rcode.REFUSED

# Two who do not know of each other: the second one finds out, and changes nothing.
change(("DELETE", blue), ("DELETE", green), ("CREATE", {**blue, "Weight": 0}), ("CREATE", {**green, "Weight": 255}))
code, message = refused(("DELETE", blue), ("CREATE", {**blue, "Weight": 50}))
assert code == "InvalidChangeBatch", code
assert "but the values provided do not match the current values" in message, message
code, message = refused(("CREATE", member("www.example.com", "red", 1, "127.0.0.3", ttl=30)))
assert "weighted sets must contain the same TTL" in message, message
code, message = refused(("CREATE", {**green, "Weight": 256}))
assert code == "InvalidInput", code
weights = {
    record["SetIdentifier"]: record["Weight"]
    for page in route53.get_paginator("list_resource_record_sets").paginate(
        HostedZoneId=zone, PaginationConfig={"PageSize": 1}
    )
    for record in page["ResourceRecordSets"]
    if "SetIdentifier" in record
}
assert weights == {"blue": 0, "green": 255}, weights

# The zone's own name as an alias: no CNAME may stand there, and none shows.
apex = {
    "Name": "example.com",
    "Type": "A",
    "SetIdentifier": "blue",
    "Weight": 255,
    "AliasTarget": {"HostedZoneId": BEANSTALK, "DNSName": CNAME, "EvaluateTargetHealth": True},
}
in_sync(change(("CREATE", apex)))
answer = ask("example.com").answer
assert [(str(one.name), dns.rdatatype.to_text(one.rdtype)) for one in answer] == [("example.com.", "A")], answer
assert values("example.com") == values(CNAME)[-1:], (values("example.com"), values(CNAME))
wrong = {**apex, "AliasTarget": {**apex["AliasTarget"], "HostedZoneId": "Z117KPS5GTRQ2G"}}
code, message = refused(("UPSERT", wrong))
assert "does not lie within the target zone" in message, message

try:
    route53.delete_hosted_zone(Id=zone)
except route53.exceptions.HostedZoneNotEmpty:
    pass
else:
    raise AssertionError("a zone with records was deleted")
try:
    route53.list_resource_record_sets(HostedZoneId="ZNONE")
except route53.exceptions.NoSuchHostedZone:
    pass
else:
    raise AssertionError("there is no such zone")
print("everything was as it should be")
