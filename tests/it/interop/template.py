"""The template of the pipeline: clean under cfn-lint, and its policies are those that `cutover iam-policy` prints.

Arguments: the program, the template.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import cfnlint.decode
import cfnlint.api

PROGRAM, TEMPLATE = sys.argv[1:]
REGION, ACCOUNT = "eu-central-1", "123456789012"
STATE, PIPELINE = "state-bucket", "shop-releases"
RULES = [
    f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:listener-rule/app/front/1/2/{number}" for number in (3, 4)
]
NOTHING = object()

# What a stack is made with, and the settings that say the same.
SLOTS = [
    ({"Lever": "cname-swap"}, 'cname = "shop"'),
    ({"Lever": "cname-swap", "Slot": "eu", "NamePrefix": "web", "BundleBucket": "team-bundles"},
     'cname = "shop"\nslot = "eu"\ngreen.name_prefix = "web"\nartifact.bucket = "team-bundles"'),
    ({"Lever": "weighted-dns", "RecordName": "www.shop.example", "HostedZoneId": "Z1"},
     'lever = "weighted-dns"\nweighted_dns = { name = "www.shop.example", zone = "Z1" }\npublic_url = "https://www.shop.example"'),
    ({"Lever": "weighted-target-groups", "RuleArns": RULES},
     'lever = "weighted-target-groups"\npublic_url = "https://www.shop.example"\n'
     f"weighted_target_groups.rules = {json.dumps(RULES)}"),
    ({"Lever": "cname-swap", "MetricsSource": "target-groups", "ReadsAlarms": "true"},
     'cname = "shop"\nverdict = { source = "target-groups", alarms = ["orders"] }'),
]
DUTIES = {"read": "ReadPolicy", "stage": "StagePolicy", "switch": "SwitchPolicy", "terminate": "TerminatePolicy"}


class Stack:
    """A template with values for its parameters, as far as its policies need that."""

    def __init__(self, template, parameters):
        self.template = template
        self.values = {
            "AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::NoValue": NOTHING,
            "AWS::StackName": PIPELINE, "StateBucket": STATE, "StateBucket.Arn": f"arn:aws:s3:::{STATE}",
        }
        for name, parameter in template["Parameters"].items():
            value = parameters.get(name, parameter.get("Default"))
            if parameter["Type"] == "CommaDelimitedList" and isinstance(value, str):
                value = value.split(",")
            self.values[name] = value

    def sub(self, text, own):
        def value(found):
            name = found.group(1)
            return own[name] if name in own else self.values[name]
        return re.sub(r"\$\{([^}!]+)\}", value, text)

    def resolve(self, node):
        if isinstance(node, list):
            resolved = [self.resolve(item) for item in node]
            return [item for item in resolved if item is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (function, argument), = node.items()
            if function == "Ref":
                return self.values[argument]
            if function == "Fn::GetAtt":
                return self.values[argument if isinstance(argument, str) else ".".join(argument)]
            if function == "Fn::Sub":
                text, own = (argument, {}) if isinstance(argument, str) else argument
                return self.sub(text, self.resolve(own))
            if function == "Fn::Join":
                between, parts = argument
                return between.join(self.resolve(parts))
            if function == "Fn::If":
                condition, yes, no = argument
                return self.resolve(yes if self.holds(self.template["Conditions"][condition]) else no)
        resolved = {key: self.resolve(value) for key, value in node.items()}
        return {key: value for key, value in resolved.items() if value is not NOTHING}

    def holds(self, condition):
        (function, argument), = condition.items()
        if function == "Fn::Equals":
            one, other = self.resolve(argument)
            return one == other
        if function == "Fn::Or":
            return any(self.holds(one) for one in argument)
        if function == "Fn::Not":
            return not self.holds(argument[0])
        raise AssertionError(f"a condition with {function}")


def listed(value):
    return sorted(value) if isinstance(value, list) else [value]


def comparable(statements):
    """Statements by their id, with lists where IAM takes one value as well."""
    def one(statement):
        conditions = {
            operator: {key: listed(values) for key, values in keys.items()}
            for operator, keys in statement.get("Condition", {}).items()
        }
        return {
            "Effect": statement["Effect"], "Action": listed(statement["Action"]),
            "Resource": listed(statement["Resource"]), "Condition": conditions,
        }
    by_id = {statement["Sid"]: one(statement) for statement in statements}
    assert len(by_id) == len(statements), "an id is there twice"
    return by_id


def printed(settings, duty, *more):
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "cutover.toml"
        config.write_text(f'application = "shop"\n{settings}\n')
        ran = subprocess.run(
            [PROGRAM, "iam-policy", "--config", config, "--journal", f"s3://{STATE}/journal",
             "--account", ACCOUNT, "--region", REGION, "--duty", duty, *more],
            capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)["Statement"]


def main():
    found = cfnlint.api.lint_file(pathlib.Path(TEMPLATE))
    assert not found, "\n".join(str(match) for match in found)
    template, matches = cfnlint.decode.decode(TEMPLATE)
    assert not matches, matches
    # Directly, without a bucket for it, CloudFormation takes this much.
    assert pathlib.Path(TEMPLATE).stat().st_size <= 51_200
    for parameters, settings in SLOTS:
        stack = Stack(template, {"Application": "shop", **parameters})
        for duty, name in DUTIES.items():
            policy = stack.resolve(template["Resources"][name]["Properties"]["PolicyDocument"])
            ours, theirs = comparable(policy["Statement"]), comparable(printed(settings, duty))
            assert ours == theirs, f"{parameters}: {name} is\n{json.dumps(ours, indent=1)}\nand should be\n{json.dumps(theirs, indent=1)}"
    # What the function adds, because a pipeline calls it.
    stack = Stack(template, {"Application": "shop"})
    own = template["Resources"]["FunctionRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    own = [stack.resolve(statement) for statement in own if statement.get("Sid") in ("AnswerJobs", "SeeExecutions")]
    theirs = comparable(printed(SLOTS[0][1], "switch", "--pipeline", PIPELINE))
    theirs = {sid: statement for sid, statement in theirs.items() if sid not in ("SwitchNames", "WriteJournal")}
    assert comparable(own) == theirs, f"{own}\n{theirs}"
    # The function is in a VPC, and may be, where subnets are named, and only there.
    inside = Stack(template, {"Application": "shop", "SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"})
    (may_be,) = [statement for statement in template["Resources"]["FunctionRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
                 if "Fn::If" in statement]
    config = template["Resources"]["Function"]["Properties"]["VpcConfig"]
    assert inside.resolve(config) == {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    assert "ec2:CreateNetworkInterface" in inside.resolve(may_be)["Action"]
    assert stack.resolve(config) is NOTHING and stack.resolve(may_be) is NOTHING
    for role in ("FunctionRole", "CommandsRole"):
        attached = template["Resources"][role]["Properties"]["ManagedPolicyArns"]
        assert all({"Ref": name} in attached for name in DUTIES.values()), f"{role} lacks a duty"
    for role, duties in (("Observer", ["read"]), ("Operator", ["read", "switch"])):
        attached = template["Resources"][role]["Properties"]["ManagedPolicyArns"]
        wanted = [{"Ref": DUTIES[duty]} for duty in duties]
        assert attached == wanted, f"{role} has {attached}, not {wanted}"
    # A function that dies at any moment: its job is delivered again after a minute, and answered before the pipeline fails it.
    limit = template["Resources"]["Function"]["Properties"]["Timeout"]
    deliveries = template["Resources"]["FunctionDeliveries"]["Properties"]
    assert deliveries["MaximumRetryAttempts"] == 2
    assert limit + 60 < deliveries["MaximumEventAgeInSeconds"] <= 20 * 60 - limit


main()
