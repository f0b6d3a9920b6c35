"""A deployment of its own with its simulators, for as long as a check needs it: `with LocalStack("permissions") as stack`.

It is what `cargo local --name permissions up` and `simulators` run, under a name of its own, so that it stands beside whatever a person
keeps. The binaries are those that `cargo demo` has built.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import boto3
from botocore.config import Config

ROOT = pathlib.Path(__file__).resolve().parent.parent
REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
CONNECTED_WITHIN = 240

# Where people have things sent.
ADDRESS = {
    "addressee": "Hudson Supply Co", "attention": "Receiving", "addr1": "2311 York Road", "addr2": "", "addr3": "", "city": "Timonium",
    "state": "MD", "zip": "21093", "country": "US", "phone": "4105550142",
}


class Failed(Exception):
    """Something that had to be there or to happen was not, or did not."""


def until(patience, what, is_so):
    """What `is_so` says, once it says something."""
    ends = time.monotonic() + patience
    while time.monotonic() < ends:
        if found := is_so():
            return found
        time.sleep(0.2)
    raise Failed(f"it is not so within {patience} s: {what}")


# A busy machine takes its time.
PATIENCE = 60


class Simulator:
    """One simulated system, by its control routes (`tests/simulators/src/control.rs`)."""

    def __init__(self, url):
        self.url = url

    def get(self, route):
        with urllib.request.urlopen(f"{self.url}/_control/{route}", timeout=PATIENCE) as answer:
            return json.load(answer)

    def post(self, route, body=None):
        request = urllib.request.Request(
            f"{self.url}/_control/{route}", data=json.dumps(body or {}).encode(), headers={"content-type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Failed(f"{self.url}/_control/{route} {body}: {error.code} {error.read().decode()}") from error

    def order(self, lines=1):
        """Somebody enters an order of so many lines into this NetSuite; its number."""
        item = self.get("basics")["light"]
        return self.post("order", {"address": ADDRESS, "lines": [{"item": item, "quantity": "1"}] * lines})["number"]

    def fail(self, operation, kind, most=1, **more):
        """Has so many requests go wrong, and no others."""
        self.post("faults", {"faults": [{"operation": operation, "kind": kind, "max": most, **more}]})


class LocalStack:
    """The stack `waybill-local` on an emulator of its own, connected to simulators of its own."""

    def __init__(self, name, orders=60, binaries=ROOT / "target/debug"):
        self.name, self.orders, self.binaries = name, orders, pathlib.Path(binaries)
        self.folder = ROOT / "target/local" / name
        self.log = self.folder / "ministack.log"
        self.process = None

    def __enter__(self):
        for binary in ("local", "waybill"):
            if not (self.binaries / binary).exists():
                raise Failed(f"{self.binaries / binary} is not there: `cargo demo` builds it")
        self.local("down")
        try:
            self.local("up")
            self.connect()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def local(self, verb):
        command = [self.binaries / "local", "--name", self.name, verb]
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise Failed(f"cargo local --name {self.name} {verb} failed:\n{done.stdout[-4000:]}")

    def connect(self):
        said = open(self.folder / "simulators.log", "w+")
        command = [self.binaries / "local", "--name", self.name, "simulators", "--orders", str(self.orders)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True)

        def connected():
            text = (self.folder / "simulators.log").read_text()
            if self.process.poll() is not None:
                raise Failed(f"the simulators ended:\n{text[-4000:]}")
            return "Ctrl-C stops the simulators" in text

        until(CONNECTED_WITHIN, "the simulators are connected", connected)
        self.attached()

    def attached(self):
        """One that runs already."""
        described = json.loads((self.folder / "stack.json").read_text())
        self.endpoint, self.stack, self.outputs = described["endpoint"], described["stack"], described["outputs"]
        self.simulators = {name: Simulator(url) for name, url in described["simulators"].items()}
        self.environment = {
            "PATH": f"{self.binaries}:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": os.environ.get("HOME", "/"),
            "LANG": "C.UTF-8", "AWS_ENDPOINT_URL": self.endpoint, "WAYBILL_STACK": self.stack, "AWS_PAGER": "", "USER": "ci", **KEYS,
        }
        return self

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
        self.local("down")

    def client(self, service):
        config = Config(retries={"max_attempts": 1}, read_timeout=60)
        return boto3.client(
            service, endpoint_url=self.endpoint, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test", config=config
        )

    def waybill(self, *words):
        """What `waybill` prints; with `--json`, read."""
        command = [self.binaries / "waybill", *words]
        done = subprocess.run(command, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"waybill {' '.join(words)}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout) if "--json" in words else done.stdout

    def resources(self, kind):
        """Physical ids by logical ones."""
        found = self.client("cloudformation").describe_stack_resources(StackName=self.stack)["StackResources"]
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found if one["ResourceType"] == kind}

    def connection(self, *systems):
        """The connection of these two simulated systems, by the files that were applied."""
        for file in sorted((ROOT / "local/connections").glob("*.toml")):
            text = file.read_text()
            marks = re.findall(r'base_url = "@(\w+)_URL@"', text)
            if tuple(mark.lower().replace("_", "-") for mark in marks) == systems:
                return re.search(r'^id = "(.+)"', text, re.M)[1]
        raise Failed(f"no connection is of {systems}")
