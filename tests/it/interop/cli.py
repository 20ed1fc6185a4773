"""Hosted zones, records, rules and target groups of a local cloud, as the AWS CLI manages them.

usage: cli.py ENDPOINT
"""

import json
import os
import subprocess
import sys

ENVIRONMENT = {
    **os.environ,
    "AWS_ENDPOINT_URL": sys.argv[1],
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    # Throttled calls are made again.
    "AWS_RETRY_MODE": "standard",
    "AWS_MAX_ATTEMPTS": "8",
}


def aws(*arguments):
    ran = subprocess.run(
        [sys.executable, "-m", "awscli", *arguments, "--output", "json"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, f"{arguments}: {ran.stderr}"
    return json.loads(ran.stdout) if ran.stdout.strip() else None


def records():
    zone = aws("route53", "create-hosted-zone", "--name", "cli.example", "--caller-reference", "cli")
    zone = zone["HostedZone"]["Id"]
    change = lambda action, name, weight: {
        "Action": action,
        "ResourceRecordSet": {
            "Name": "www.cli.example",
            "Type": "CNAME",
            "SetIdentifier": name,
            "Weight": weight,
            "TTL": 60,
            "ResourceRecords": [{"Value": f"{name}.example.net"}],
        },
    }
    batch = lambda *changes: aws(
        "route53",
        "change-resource-record-sets",
        "--hosted-zone-id",
        zone,
        "--change-batch",
        json.dumps({"Changes": changes}),
    )
    batch(change("CREATE", "blue", 200), change("CREATE", "green", 0))
    made = batch(change("DELETE", "blue", 200), change("CREATE", "blue", 19), change("UPSERT", "green", 1))
    listed = aws("route53", "list-resource-record-sets", "--hosted-zone-id", zone)["ResourceRecordSets"]
    weights = {record["SetIdentifier"]: record["Weight"] for record in listed if "Weight" in record}
    assert weights == {"blue": 19, "green": 1}, weights
    aws("route53", "wait", "resource-record-sets-changed", "--id", made["ChangeInfo"]["Id"])


def rules():
    balancer = aws("elbv2", "create-load-balancer", "--name", "cli", "--subnets", "subnet-1", "subnet-2")
    balancer = balancer["LoadBalancers"][0]["LoadBalancerArn"]
    group = lambda name: aws(
        *("elbv2", "create-target-group", "--name", name, "--protocol", "HTTP", "--port", "80", "--vpc-id", "vpc-1")
    )["TargetGroups"][0]["TargetGroupArn"]
    blue, green = group("cli-blue"), group("cli-green")
    listener = aws(
        *("elbv2", "create-listener", "--load-balancer-arn", balancer, "--protocol", "HTTP", "--port", "80"),
        *("--default-actions", "Type=fixed-response,FixedResponseConfig={StatusCode=404}"),
    )["Listeners"][0]["ListenerArn"]
    forward = lambda of_blue, of_green: json.dumps(
        [
            {
                "Type": "forward",
                "ForwardConfig": {
                    "TargetGroups": [
                        {"TargetGroupArn": blue, "Weight": of_blue},
                        {"TargetGroupArn": green, "Weight": of_green},
                    ],
                    "TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": 60},
                },
            }
        ]
    )
    rule = lambda priority, host: aws(
        *("elbv2", "create-rule", "--listener-arn", listener, "--priority", str(priority)),
        *("--conditions", f"Field=host-header,Values={host}", "--actions", forward(1, 0)),
    )["Rules"][0]["RuleArn"]
    first, second = rule(101, "one.example"), rule(102, "two.example")
    aws("elbv2", "modify-rule", "--rule-arn", first, "--actions", forward(19, 1))
    swapped = [f"RuleArn={first},Priority=102", f"RuleArn={second},Priority=101"]
    aws("elbv2", "set-rule-priorities", "--rule-priorities", *swapped)
    listed = aws("elbv2", "describe-rules", "--listener-arn", listener)["Rules"]
    shown = {
        found["Priority"]: [group["Weight"] for group in found["Actions"][0]["ForwardConfig"]["TargetGroups"]]
        for found in listed
        if not found["IsDefault"]
    }
    assert shown == {"101": [1, 0], "102": [19, 1]}, shown
    health = aws("elbv2", "describe-target-health", "--target-group-arn", green)
    assert health["TargetHealthDescriptions"] == [], health


records()
rules()
