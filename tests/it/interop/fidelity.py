"""Writes the table of operations in docs/local-cloud.md: what each does as AWS, and where it is known to differ.

The operations of the query protocol are those of the tables in `src/local/shapes/`, so that none can be forgotten.

usage: fidelity.py PROJECT            write the table
       fidelity.py PROJECT --check    exit with 1 where it is not what would be written
"""

import sys
import tomllib
from pathlib import Path

import botocore.session

BEGIN, END = "<!-- written by tests/it/interop/fidelity.py -->", "<!-- end of the table -->"
TITLES = {
    "elasticbeanstalk": "Elastic Beanstalk",
    "elbv2": "Elastic Load Balancing",
    "autoscaling": "Auto Scaling",
    "iam": "IAM",
    "sts": "STS",
    "route53": "Route 53",
    "cloudwatch": "CloudWatch",
    "s3": "S3",
    "lambda": "Lambda",
    "codepipeline": "CodePipeline",
    "scheduler": "EventBridge Scheduler",
}
PROJECT = Path(sys.argv[1])


def offered(service):
    table = PROJECT / "src" / "local" / "shapes" / f"{service}.txt"
    if not table.exists():
        return None
    return {line.split()[1] for line in table.read_text().splitlines() if line.startswith("operation ")}


def main():
    notes = tomllib.loads((PROJECT / "tests/it/interop/fidelity.toml").read_text())
    lines = ["| service | operation | as AWS | known differences |", "| --- | --- | --- | --- |"]
    session, count = botocore.session.get_session(), 0
    for service, title in TITLES.items():
        known = set(session.get_service_model(service).operation_names)
        missing = (offered(service) or set()) - set(notes[service])
        extra = set(notes[service]) - (offered(service) or known)
        assert not missing and not extra, f"{service}: without a line: {missing}; not offered: {extra}"
        for operation, told in sorted(notes[service].items()):
            behaviour, difference = told or ["", ""]
            lines.append(f"| {title} | `{operation}` | {behaviour or 'its model'} | {difference or 'none known'} |")
            count += 1
    table = "\n".join([BEGIN, "", f"{count} operations.", "", *lines, "", END])
    page = PROJECT / "docs" / "local-cloud.md"
    text = page.read_text()
    front, rest = text.split(BEGIN)
    written = front + table + rest.split(END)[1]
    if "--check" in sys.argv:
        assert written == text, "the table of docs/local-cloud.md is old; run tests/it/interop/fidelity.py ."
    else:
        page.write_text(written)


main()
