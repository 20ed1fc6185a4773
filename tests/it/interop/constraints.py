"""Writes what AWS's service models demand of requests as the tables in `src/local/shapes/`.

Read from botocore's models and, for the parameters that only the eb CLI knows, from the CLI's own. Only facts are taken over:
names, types, lengths, patterns; no text. One line for each shape:

    operation!  NAME member:shape...     an operation; a member with `!` must be there
    structure   NAME member:shape...
    list        NAME shape least..most
    map         NAME key value
    text        NAME least..most [=choice|choice] [/pattern/]
    number      NAME least..most
    real, boolean, timestamp, blob   NAME

For a service that speaks REST there is another line for each operation:

    request     NAME METHOD path/{member} [query=member]... [@header=member]... [root namespace]

Members that come neither from the path, nor from the query, nor from headers are in the document, which is `body json` for services
that speak JSON. Where a service speaks XML, a list ends with the name of its elements:

    list        NAME shape least..most element

usage: constraints.py FOLDER       write the tables
       constraints.py FOLDER --check   exit with 1 where a table is not what would be written
"""

import json
import re
import sys
from pathlib import Path

import botocore
import botocore.session

# The operations that the local cloud offers.
SERVICES = {
    "elasticbeanstalk": """AbortEnvironmentUpdate CheckDNSAvailability CreateApplication CreateApplicationVersion
        CreateConfigurationTemplate CreateEnvironment CreateStorageLocation DeleteApplication DeleteApplicationVersion
        DeleteConfigurationTemplate DeleteEnvironmentConfiguration DescribeAccountAttributes DescribeApplicationVersions
        DescribeApplications DescribeConfigurationOptions DescribeConfigurationSettings DescribeEnvironmentHealth
        DescribeEnvironmentManagedActionHistory DescribeEnvironmentManagedActions DescribeEnvironmentResources
        DescribeEnvironments DescribeEvents DescribeInstancesHealth DescribePlatformVersion ListAvailableSolutionStacks
        ListPlatformBranches ListPlatformVersions ListTagsForResource RequestEnvironmentInfo RetrieveEnvironmentInfo
        SwapEnvironmentCNAMEs TerminateEnvironment UpdateApplication UpdateApplicationVersion UpdateEnvironment
        UpdateTagsForResource ValidateConfigurationSettings""",
    "elbv2": """AddTags CreateListener CreateLoadBalancer CreateRule CreateTargetGroup DeleteListener DeleteLoadBalancer
        DeleteRule DeleteTargetGroup DescribeListeners DescribeLoadBalancerAttributes DescribeLoadBalancers DescribeRules
        DescribeTags DescribeTargetGroupAttributes DescribeTargetGroups DescribeTargetHealth ModifyListener
        ModifyLoadBalancerAttributes ModifyRule ModifyTargetGroup ModifyTargetGroupAttributes RemoveTags
        SetRulePriorities""",
    "autoscaling": "DescribeAutoScalingGroups TerminateInstanceInAutoScalingGroup",
    "cloudwatch": """DeleteAlarms DescribeAlarms DisableAlarmActions EnableAlarmActions GetMetricData ListMetrics
        PutCompositeAlarm PutMetricAlarm SetAlarmState""",
    "iam": """AddRoleToInstanceProfile AttachRolePolicy CreateInstanceProfile CreateRole DeleteInstanceProfile DeleteRole
        DeleteRolePolicy DetachRolePolicy GetInstanceProfile GetRole GetUser ListAttachedRolePolicies
        ListInstanceProfiles ListRoles PutRolePolicy RemoveRoleFromInstanceProfile""",
    "sts": "GetCallerIdentity",
    "route53": """ChangeResourceRecordSets CreateHealthCheck CreateHostedZone DeleteHealthCheck DeleteHostedZone GetChange
        GetHealthCheck GetHealthCheckStatus GetHostedZone GetHostedZoneCount ListHealthChecks ListHostedZones
        ListHostedZonesByName ListResourceRecordSets""",
    "codepipeline": """CreatePipeline DeletePipeline DisableStageTransition EnableStageTransition GetJobDetails GetPipeline
        GetPipelineExecution GetPipelineState ListActionExecutions ListPipelineExecutions ListPipelines ListTagsForResource
        PutApprovalResult PutJobFailureResult PutJobSuccessResult RetryStageExecution RollbackStage
        StartPipelineExecution StopPipelineExecution TagResource UntagResource UpdatePipeline""",
    "lambda": """AddPermission CreateFunction DeleteFunction DeleteFunctionConcurrency DeleteFunctionEventInvokeConfig
        GetFunction GetFunctionConcurrency GetFunctionConfiguration GetFunctionEventInvokeConfig GetPolicy Invoke
        ListFunctions ListTags PutFunctionConcurrency PutFunctionEventInvokeConfig RemovePermission TagResource
        UntagResource UpdateFunctionCode UpdateFunctionConfiguration UpdateFunctionEventInvokeConfig""",
    "scheduler": "CreateSchedule DeleteSchedule GetSchedule GetScheduleGroup ListScheduleGroups ListSchedules UpdateSchedule",
}

NUMBERS = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}


def eb_model():
    """What the eb CLI adds to the model of Elastic Beanstalk, if the CLI is installed."""
    try:
        import ebcli
    except ImportError:
        return None
    models = Path(ebcli.__file__).parent / "lib" / "botocoredata" / "elasticbeanstalk"
    return json.loads(next(models.glob("*/service-2.json")).read_text())


def pattern(text):
    """A pattern as Rust's `regex` has it, or none: surrogates are no characters there, and it does not look around."""
    text = re.sub(r"\\u([0-9A-Fa-f]{4})", lambda found: "\\u{%s}" % found[1], text)
    if re.search(r"\\u\{[dD][89a-fA-F]|\(\?<?[!=]", text):
        return None
    return text.replace("\n", "")


class Table:
    def __init__(self, shapes, more, is_xml):
        self.shapes = shapes
        self.more = more
        self.is_xml = is_xml
        self.lines = {}

    def members(self, name):
        shape = self.shapes[name]
        members = dict(shape.get("members", {}))
        for extra, member in (self.more or {}).get(name, {}).get("members", {}).items():
            members.setdefault(extra, member)
        needed = set(shape.get("required", []))
        # What the CLI leaves out is not needed, whatever the other model says: its commands work.
        if name in (self.more or {}):
            needed &= set(self.more[name].get("required", []))
        words = []
        for member, of in sorted(members.items()):
            self.shape(of["shape"])
            renamed = of.get("locationName", member) != member and "location" not in of
            if self.is_xml and (renamed or of.get("flattened") or of.get("xmlAttribute")):
                raise SystemExit(f"{name}.{member} has another form in XML, which has no line yet")
            words.append(f"{member}{'!' if member in needed else ''}:{of['shape']}")
        return words

    def shape(self, name):
        if name in self.lines:
            return
        self.lines[name] = None
        if name not in self.shapes:
            self.shapes[name] = self.more[name]
        shape = self.shapes[name]
        kind = shape["type"]
        span = lambda least, most: f"{shape.get('min', least)}..{shape.get('max', most)}"
        if kind == "structure":
            line = ["structure", name, *self.members(name)]
        elif kind == "list":
            self.shape(shape["member"]["shape"])
            line = ["list", name, shape["member"]["shape"], span(0, "")]
            if self.is_xml:
                if shape.get("flattened"):
                    raise SystemExit(f"{name} has no element of its own, which has no line yet")
                line.append(shape["member"].get("locationName", "member"))
        elif kind == "map":
            self.shape(shape["key"]["shape"])
            self.shape(shape["value"]["shape"])
            line = ["map", name, shape["key"]["shape"], shape["value"]["shape"]]
        elif kind == "string":
            line = ["text", name, span(0, "")]
            if "enum" in shape:
                line.append("=" + "|".join(shape["enum"]))
            if shape.get("pattern") and pattern(shape["pattern"]):
                line.append(f"/{pattern(shape['pattern'])}/")
        elif kind in NUMBERS:
            line = ["number", name, span(*NUMBERS[kind])]
        elif kind in ("float", "double"):
            line = ["real", name]
        elif kind in ("boolean", "timestamp", "blob"):
            line = [kind, name]
        else:
            raise SystemExit(f"{name} is a {kind}, which has no line yet")
        self.lines[name] = " ".join(line)


def request(operation, shapes, version, is_xml):
    """Where the members of an operation come from."""
    given = operation.get("input", {})
    path = operation["http"]["requestUri"].strip("/")
    if is_xml:
        path = path.removeprefix(version + "/")
    query, in_document = [], False
    for member, of in sorted(shapes[given["shape"]].get("members", {}).items()):
        place, name = of.get("location"), of.get("locationName", member)
        if place == "uri":
            path = path.replace("{%s}" % name, "{%s}" % member)
        elif place == "querystring":
            query.append(f"{name}={member}")
        elif place == "header" and not is_xml:
            query.append(f"@{name.lower()}={member}")
        elif member == shapes[given["shape"]].get("payload") and not is_xml:
            pass  # All of the body, whatever it is.
        elif place:
            raise SystemExit(f"{member} is a {place}, which has no line yet")
        else:
            in_document = True
    root = ([given["locationName"], given["xmlNamespace"]["uri"]] if is_xml else ["body", "json"]) if in_document else []
    return [operation["http"]["method"], path, *query, *root]


def table(service, operations):
    model = botocore.session.get_session().get_component("data_loader").load_service_model(service, "service-2")
    more = eb_model()["shapes"] if service == "elasticbeanstalk" and eb_model() else None
    protocol = model["metadata"]["protocol"]
    is_xml = protocol == "rest-xml"
    made = Table(model["shapes"], more, is_xml)
    version = model["metadata"]["apiVersion"]
    lines = []
    for operation in sorted(operations.split()):
        shape = model["operations"][operation].get("input")
        words = made.members(shape["shape"]) if shape else []
        lines.append(" ".join(["operation", operation, *words]))
        if protocol.startswith("rest-"):
            asked = request(model["operations"][operation], model["shapes"], version, is_xml)
            lines.append(" ".join(["request", operation, *asked]))
    lines += sorted(line for line in made.lines.values())
    head = f"# {model['metadata']['serviceId']} {version}: written by tests/it/interop/constraints.py from botocore {botocore.__version__}"
    return "\n".join([head, *lines]) + "\n"


def main():
    folder, check = Path(sys.argv[1]), "--check" in sys.argv
    wrong = []
    for service, operations in SERVICES.items():
        file, text = folder / f"{service}.txt", table(service, operations)
        if not check:
            file.write_text(text)
        elif file.read_text().split("\n", 1)[0] != text.split("\n", 1)[0]:
            print(f"{file} was written from another botocore: not compared")
        elif file.read_text() != text:
            wrong.append(str(file))
    if wrong:
        raise SystemExit(f"not what the models say: {wrong}; run tests/it/interop/constraints.py src/local/shapes")


main()
