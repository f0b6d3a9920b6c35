#!/usr/bin/env python3
"""Prints the part of `template.yaml` that outlives a deleted stack, as a template by which CloudFormation takes it back in.

What outlives it is what has `DeletionPolicy: Retain`. Needs PyYAML, which the SAM CLI has: `target/ci/venv/bin/python infra/adopt.py`
after a run of `.ci/run`, or any Python with it.
"""

import pathlib
import sys

import yaml

TEMPLATE = pathlib.Path(__file__).resolve().parent / "template.yaml"


def main():
    # Nodes, not values: short forms like `!GetAtt` stay as they are written.
    template = yaml.compose(TEMPLATE.read_text(), Loader=yaml.SafeLoader)
    resources = section(template, "Resources")
    resources.value = [(name, one) for name, one in resources.value if is_kept(one)]
    template.value = [(name, one) for name, one in template.value if name.value in ("AWSTemplateFormatVersion", "Parameters", "Resources")]
    said = yaml.serialize(resources)
    parameters = section(template, "Parameters")
    parameters.value = [(name, one) for name, one in parameters.value if is_named(name.value, said)]
    template.value = [(name, one) for name, one in template.value if one.value]
    sys.stdout.write(yaml.serialize(template, Dumper=yaml.SafeDumper))


def section(template, wanted):
    return next(one for name, one in template.value if name.value == wanted)


def is_kept(resource):
    return any(name.value == "DeletionPolicy" and one.value == "Retain" for name, one in resource.value)


def is_named(parameter, text):
    return f"!Ref '{parameter}'" in text or f"!Ref {parameter}\n" in text or f"${{{parameter}}}" in text


if __name__ == "__main__":
    main()
