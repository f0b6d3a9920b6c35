"""Deploys a clean clone with `sam build` and `sam deploy`, nothing edited, against the emulator, over a stack of an earlier release.

What was in the table, the bucket and the secret before is there afterwards, everything that holds state is the same thing still, every
output says something, every alarm and the dashboard are there, and every curve is of a metric that some code or AWS counts.

The functions are taken from where `cargo build` has put them (`--binaries`): to build them for Lambda takes ten minutes and is not
what is tried here.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import boto3

ROOT = pathlib.Path(__file__).resolve().parent.parent
PREVIOUS = ROOT / "tests/fixtures/deployed/v1.yaml"
STACK = "waybill-local"
REGION = "us-east-1"
STATE = ROOT / "tests/fixtures/state"


def run(command, folder, **environment):
    done = subprocess.run(command, cwd=folder, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-4000:]}")
    return done.stdout


class Emulator:
    def __init__(self, python, folder):
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            port = listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8", "AUTH": "true",
            "LAMBDA_EXECUTOR": "local", "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "localhost",
            "MINISTACK_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": self.url,
            "STATE_DIR": str(folder / "state"), "S3_DATA_DIR": str(folder / "s3"),
        }
        self.log = open(folder / "ministack.log", "w")
        self.process = subprocess.Popen([python, ROOT / "local/ministack_start.py"], cwd=folder, env=environment,
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        self.await_health()

    def await_health(self):
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=2)
                return
            except OSError:
                time.sleep(0.1)
        sys.exit("the emulator does not answer")

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)

    def client(self, service):
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")


class Stack:
    def __init__(self, emulator):
        self.emulator = emulator
        cloudformation = emulator.client("cloudformation")
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        assert stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), stack["StackStatus"]
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
        resources = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
        self.resources = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources}
        self.kinds = {one["LogicalResourceId"]: one["ResourceType"] for one in resources}

    def items(self):
        pages = self.emulator.client("dynamodb").get_paginator("scan").paginate(TableName=self.outputs["Table"])
        return sorted((item for page in pages for item in page["Items"]), key=lambda item: (item["pk"]["S"], item["sk"]["S"]))

    def kept(self):
        """Everything that an upgrade must leave as it is."""
        label = self.emulator.client("s3").get_object(Bucket=self.outputs["Bucket"], Key="labels/one")["Body"].read()
        keys = self.emulator.client("secretsmanager").get_secret_value(SecretId=self.outputs["LabelKeys"])["SecretString"]
        holding = json.loads((ROOT / "local/tests/kept.json").read_text())
        return {"items": self.items(), "label": label, "keys": keys, "ids": {name: self.resources[name] for name in holding}}


def clean_clone(folder):
    """What is committed; where a checkout has no history, what is there but for what was built."""
    if (ROOT / ".git").exists():
        run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, folder], ROOT)
    else:
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns("target", ".aws-sam"))


def parameters():
    arm = platform.machine() in ("aarch64", "arm64")
    return ["Stage=local", f"Architecture={'arm64' if arm else 'x86_64'}"]


def deploy_previous(sam, folder, binaries, environment):
    """The template of the earlier release as it is, its functions taken from a folder each."""
    template = PREVIOUS.read_text()
    for binary in set(re.findall(r"CodeUri: \.\./functions/(\S+)", template)):
        place = folder / "functions" / binary
        place.mkdir(parents=True)
        shutil.copy(binaries / binary, place / "bootstrap")
    template = re.sub(r"CodeUri: \.\./functions/(\S+)", lambda found: f"CodeUri: {folder}/functions/{found[1]}", template)
    (folder / "template.yaml").write_text(template)
    run([sam, "deploy", "--template-file", "template.yaml", "--stack-name", STACK, "--resolve-s3", "--capabilities", "CAPABILITY_IAM",
         "--no-confirm-changeset", "--parameter-overrides", *parameters()], folder, **environment)


def fill(stack):
    """Leaves in the table, as work under way, what the earlier release wrote."""
    moments = sorted(STATE.glob("*/*.json"))
    assert moments, "there is no state of an earlier release"
    table = stack.emulator.client("dynamodb")
    for item in json.loads(moments[len(moments) // 2].read_text())["items"]:
        table.put_item(TableName=stack.outputs["Table"], Item=item)
    stack.emulator.client("s3").put_object(Bucket=stack.outputs["Bucket"], Key="labels/one", Body=b"a label")


def check_outputs(stack):
    empty = [name for name, value in stack.outputs.items() if not value]
    assert not empty, f"these outputs say nothing: {empty}"


def check_alarms(stack):
    wanted = {stack.resources[name] for name, kind in stack.kinds.items() if kind == "AWS::CloudWatch::Alarm"}
    pages = stack.emulator.client("cloudwatch").get_paginator("describe_alarms").paginate()
    alarms = {alarm["AlarmName"]: alarm for page in pages for alarm in page["MetricAlarms"]}
    missing = wanted - set(alarms)
    assert not missing, f"these alarms are not there: {missing}"
    silent = [name for name in wanted if alarms[name]["AlarmActions"] != [stack.outputs["AlarmTopic"]]]
    assert not silent, f"these alarms tell nobody: {silent}"
    unsaid = [name for name in wanted if not alarms[name].get("AlarmDescription")]
    assert not unsaid, f"these alarms do not say what they mean: {unsaid}"
    return len(wanted)


def code():
    sources = [*(ROOT / "shared/src").rglob("*.rs"), *(ROOT / "functions").rglob("*.rs")]
    return "\n".join(source.read_text() for source in sources)


def check_dashboard(stack):
    """Whatever it shows of ours is counted by some code; what it shows of AWS's belongs to something that this stack has."""
    answer = stack.emulator.client("cloudwatch").get_dashboard(DashboardName=stack.outputs["Dashboard"])
    widgets = json.loads(answer["DashboardBody"])["widgets"]
    counted, own, theirs = code(), set(), 0
    text = json.dumps(widgets)
    assert "${" not in text, "something was not put in"
    things = set(stack.resources.values()) | {thing.rsplit("/", 1)[-1] for thing in stack.resources.values()}
    for row in (row for widget in widgets for row in widget["properties"].get("metrics", [])):
        if isinstance(row[0], dict):
            own.update(re.findall(r'MetricName="(\w+)"', row[0]["expression"]))
        elif row[0].startswith("Waybill/"):
            assert row[0] == f"Waybill/{STACK}", row
            own.add(row[1])
        else:
            assert row[3] in things, f"{row} is of nothing in this stack"
            theirs += 1
    nobody = [metric for metric in own if f'"{metric}"' not in counted]
    assert own and not nobody, f"these metrics are counted nowhere: {nobody}"
    return len(own), theirs


def check_versions(stack):
    """Every function has its alias, and what calls it calls that."""
    client = stack.emulator.client("lambda")
    functions = [name for name, kind in stack.kinds.items() if kind == "AWS::Lambda::Function"]
    for name in functions:
        version = client.get_alias(FunctionName=stack.resources[name], Name="live")["FunctionVersion"]
        assert version.isdigit(), f"{name}: {version}"
    for mapping in client.list_event_source_mappings()["EventSourceMappings"]:
        assert mapping["FunctionArn"].endswith(":live"), mapping["FunctionArn"]
    scheduler = stack.emulator.client("scheduler")
    for schedule in scheduler.list_schedules()["Schedules"]:
        assert schedule["Target"]["Arn"].endswith(":live"), schedule
    return len(functions)


def check_parameter(stack, before):
    """A parameter that changed is in force: the alias leads to a version that has it."""
    client = stack.emulator.client("lambda")
    for name, was in before.items():
        now = client.get_function_configuration(FunctionName=stack.resources[name], Qualifier="live")
        assert now["Version"] != was, f"{name} is in force as it was"
        level = now["Environment"]["Variables"]["WAYBILL_LOG_LEVEL"]
        assert level == "warn", f"{name} logs {level}"


def in_force(stack):
    client = stack.emulator.client("lambda")
    functions = [name for name, kind in stack.kinds.items() if kind == "AWS::Lambda::Function"]
    return {name: client.get_alias(FunctionName=stack.resources[name], Name="live")["FunctionVersion"] for name in functions}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", type=pathlib.Path, default=ROOT / "target/debug")
    parser.add_argument("--sam", default=ROOT / "target/ci/venv/bin/sam")
    parser.add_argument("--emulator", default=ROOT / "target/local/venv/bin/python", help="a Python that has MiniStack")
    arguments = parser.parse_args()
    binaries = arguments.binaries.resolve()
    folder = ROOT / "target/ci/sam_deploy"
    shutil.rmtree(folder, ignore_errors=True)
    emulator = Emulator(arguments.emulator, folder / "emulator")
    environment = {
        "AWS_ENDPOINT_URL": emulator.url, "AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "SAM_CLI_TELEMETRY": "0", "WAYBILL_BINARIES": str(binaries),
    }
    try:
        previous = folder / "previous"
        previous.mkdir()
        deploy_previous(arguments.sam, previous, binaries, environment)
        before = Stack(emulator)
        fill(before)
        kept = before.kept()
        print(f"the stack of {PREVIOUS.name} stands, with {len(kept['items'])} items")
        clone = folder / "clone"
        clean_clone(clone)
        run([arguments.sam, "build"], clone, **environment)
        run([arguments.sam, "deploy", "--stack-name", STACK, "--parameter-overrides", *parameters()], clone, **environment)
        after = Stack(emulator)
        now = after.kept()
        for name in kept:
            assert kept[name] == now[name], f"the upgrade changed {name}: {kept[name]} is now {now[name]}"
        print(f"upgraded: {len(now['items'])} items, the label, the keys and {len(now['ids'])} things that hold state are the same")
        check_outputs(after)
        own, theirs = check_dashboard(after)
        print(f"{len(after.outputs)} outputs, {check_alarms(after)} alarms, a dashboard of {own} metrics of ours and {theirs} of AWS's, "
              f"{check_versions(after)} functions called by their alias")
        versions = in_force(after)
        run([arguments.sam, "deploy", "--stack-name", STACK, "--parameter-overrides", *parameters(), "LogLevel=warn"], clone, **environment)
        check_parameter(Stack(emulator), versions)
        print(f"another log level: {len(versions)} functions are in force with it")
    finally:
        emulator.stop()


if __name__ == "__main__":
    main()
