"""Checks every answer against botocore's model of the service: no field that the model does not know, none of another type."""

import json
import numbers

TYPES = {
    "string": str,
    "integer": int,
    "long": int,
    "float": numbers.Real,
    "double": numbers.Real,
    "boolean": bool,
    "timestamp": (numbers.Real, str),
    "blob": str,
}


def differences(shape, value, place):
    """What of a document is not as its shape says."""
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            return [f"{place} is {value!r}, not a structure"]
        names = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        found = [f"{place} has no {name}" for name in shape.required_members if name not in value and name in names]
        for name, item in value.items():
            if name in names:
                found += differences(names[name], item, f"{place}.{name}")
            else:
                found.append(f"{place}.{name} is not in the model")
        return found
    if kind == "list":
        return [text for number, item in enumerate(value) for text in differences(shape.member, item, f"{place}[{number}]")]
    if kind == "map":
        return [text for name, item in value.items() for text in differences(shape.value, item, f"{place}[{name}]")]
    good = isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
    if not good:
        return [f"{place} is {value!r}, not of type {kind}"]
    if kind == "string" and shape.enum and value not in shape.enum:
        return [f"{place} is {value!r}, not one of {shape.enum}"]
    return []


def watch(client):
    """Lets each answer of a client be checked."""

    def check(http_response, model, **_):
        shape = model.output_shape
        if http_response.status_code >= 300 or shape is None or "payload" in shape.serialization or not http_response.content:
            return
        found = differences(shape, json.loads(http_response.content), model.name)
        assert not found, found

    client.meta.events.register("after-call", check)
    return client
