"""What `sam package` does: prints a SAM template as JSON in which each function's code is an object in a bucket.

    package.py TEMPLATE BUCKET

The object of a function is `<binary>.zip`, after the binary of its build properties. Nothing else is changed.
"""

import json
import sys

import yaml


class Template(yaml.SafeLoader):
    """YAML with the short forms of CloudFormation's functions (`!Ref x` is `{"Ref": "x"}`)."""


def long_form(loader: Template, suffix: str, node: yaml.Node) -> dict:
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


Template.add_multi_constructor("!", long_form)


def package(template: dict, bucket: str) -> dict:
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            binary = resource["Metadata"]["BuildProperties"]["Binary"]
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": f"{binary}.zip"}
    return template


if __name__ == "__main__":
    path, bucket = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        json.dump(package(yaml.load(file, Loader=Template), bucket), sys.stdout)
