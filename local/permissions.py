#!/usr/bin/env python3
"""Takes each statement of each function's role away, one at a time, and shows that the function is then denied what it does.

Beside a kept stack with its simulators (`cargo local up`, then `cargo local simulators` in another terminal):

    target/local/venv/bin/python local/permissions.py [--only FUNCTION] [--json]

No stack is deployed again: the role's policy is put without the statement, the function is started anew (what it remembers would hide
that it may no longer ask), an event is sent to it, and the policy is put back. The queues do not start the functions meanwhile, so that
each event is sent here. "denied" is what the emulator, which runs with AUTH=true, answered the function, or what the function then
logged. A denial (`Effect: Deny`) that is taken away is seen by what the role may do then.

Fails if a statement is not seen that is not listed in UNSEEN with the reason, or if a whole role is denied anything.
"""

import argparse
import base64
import json
import pathlib
import re
import sys
import time
import urllib.error
import urllib.request

import boto3
from botocore.config import Config

ROOT = pathlib.Path(__file__).resolve().parent.parent
STACK = ROOT / "target/local/stack.json"
LOG = ROOT / "target/local/kept/ministack.log"
REGION = "us-east-1"
CONNECTION = "acme-netsuite-ups"
DESK = "acme-netsuite-shipstation"
DENIED = re.compile(r"AccessDenied|not authorized to perform|Access Denied")

# What cannot be seen here, and why. The rule in tests/rules/permissions.rs holds these to the code all the same.
UNSEEN = {
    ("*", "Log"): "the emulator takes a function's lines itself, without its role",
    ("*", "Trace"): "the emulator keeps no traces",
    ("*", "ReportFailure"): "the emulator sends what failed to the queue itself, without the function's role",
    ("*", "Audit"): "an entry of a story goes to the bucket only when its calls are longer than an item may be",
    ("shipment-worker", "WhichLabels"): "the emulator says that an object is not there, where S3 says that it is forbidden",
    ("shipment-worker", "Indexes"): "needs a purchase whose answer was lost and that the carrier does not show",
    ("token-refresher", "Credentials"): "needs a token that ends within minutes",
    ("token-refresher", "SealTokens"): "needs a token that ends within minutes",
    ("tracking-worker", "QueueJobs"): "needs a webhook of what people ship at a desk, or of an order",
    ("tracking-worker", "WhichWebhooks"): "the emulator says that an object is not there, where S3 says that it is forbidden",
    ("stock-worker", "Indexes"): "needs a level that was told under another SKU before",
    ("stock-worker", "Stock"): "needs a run that has to wait",
}

# What a denial keeps from a role: an action and the name of a secret that the role has no use for.
KEPT_BACK = {
    "NoKeysOfLabelLinks": ("secretsmanager:GetSecretValue", "label-links-{stack}-AbCdEf"),
    "KeysOfLabelLinksStay": ("secretsmanager:PutSecretValue", "label-links-{stack}-AbCdEf"),
    "NoKeysOfPortals": ("secretsmanager:GetSecretValue", "acme/portal-acme-netsuite-ups-AbCdEf"),
}


def post(url, body=None, headers=None):
    data = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    request = urllib.request.Request(url, data=data, headers={"content-type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


class Stack:
    def __init__(self):
        described = json.loads(STACK.read_text())
        self.endpoint, self.name = described["endpoint"], described["stack"]
        self.outputs, self.simulators = described["outputs"], described["simulators"]
        if not self.simulators:
            sys.exit("no simulators run: `cargo local simulators`")
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
        client = lambda service: boto3.client(
            service, endpoint_url=self.endpoint, config=Config(retries={"max_attempts": 1}, read_timeout=30), **keys
        )
        self.iam, self.functions, self.sqs, self.s3 = client("iam"), client("lambda"), client("sqs"), client("s3")
        self.secrets, self.cloudformation = client("secretsmanager"), client("cloudformation")
        self.timeouts = {}
        self.seed = 100

    def physical(self):
        found = self.cloudformation.describe_stack_resources(StackName=self.name)["StackResources"]
        return {one["LogicalResourceId"]: one for one in found}

    def roles(self):
        """The functions by the names of their binaries, each with its role and that role's policy."""
        resources = self.physical()
        for logical, one in sorted(resources.items()):
            role = resources.get(f"{logical}Role")
            if one["ResourceType"] != "AWS::Lambda::Function" or not role:
                continue
            role = role["PhysicalResourceId"]
            for policy in self.iam.list_role_policies(RoleName=role)["PolicyNames"]:
                yield policy, one["PhysicalResourceId"], role

    def policy(self, role, name):
        return self.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]

    def put(self, role, name, document):
        self.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))

    def start_anew(self, function):
        """A process that remembers nothing: a change of what it was started with ends the one before."""
        before = self.functions.get_function_configuration(FunctionName=function)["Timeout"]
        self.timeouts.setdefault(function, before)
        other = before + 1 if before == self.timeouts[function] else self.timeouts[function]
        self.functions.update_function_configuration(FunctionName=function, Timeout=other)
        while self.functions.get_function_configuration(FunctionName=function).get("LastUpdateStatus") == "InProgress":
            time.sleep(0.05)

    def invoke(self, function, event):
        """What the function answered and logged."""
        begins = LOG.stat().st_size
        answer = self.functions.invoke(FunctionName=function, Payload=json.dumps(event), LogType="Tail")
        text = answer["Payload"].read().decode() + base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
        time.sleep(0.15)
        with LOG.open("rb") as log:
            log.seek(begins)
            return text + log.read().decode(errors="replace")

    def pause_queues(self, paused):
        for mapping in self.functions.list_event_source_mappings()["EventSourceMappings"]:
            self.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=not paused)

    def take(self, output, most=10):
        """Messages of a queue, taken off it."""
        url, bodies = self.outputs[output], []
        while len(bodies) < most:
            found = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
            if not found:
                break
            for one in found:
                bodies.append(one["Body"])
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return bodies

    def enter(self, orders=1):
        self.seed += 1
        status, text = post(f"{self.simulators['netsuite']}/_control/seed", {"orders": orders, "seed": self.seed})
        assert status == 200, text


def batch(*bodies):
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "receiptHandle": "r",
                "body": body,
                "attributes": {},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:q",
                "awsRegion": REGION,
            }
            for number, body in enumerate(bodies)
        ]
    }


def api(name, **change):
    event = json.loads((ROOT / f"events/{name}.json").read_text())
    for field, value in change.items():
        event[field] = value
    return event


class Stories:
    """What is sent to each function: for a statement, else for the function as a whole."""

    def __init__(self, stack):
        self.stack = stack
        self.names = {name: function for name, function, _ in stack.roles()}
        self.jobs, self.parcels = [], []

    def invoke(self, name, event):
        return self.stack.invoke(self.names[name], event)

    def job(self):
        """A job that nobody has advanced yet."""
        while not self.jobs:
            self.stack.enter(8)
            self.invoke("erp-poller", {"connection": CONNECTION})
            self.jobs = [body for body in self.stack.take("ShipmentsQueue", 30) if "job" in body]
        return self.jobs.pop()

    def due_job(self):
        """A job that waits for whoever comes round."""
        self.stack.enter(1)
        self.invoke("erp-poller", {"connection": CONNECTION})
        self.jobs += [body for body in self.stack.take("ShipmentsQueue", 30) if "job" in body]

    def due_parcels(self):
        """What a shipment that was just bought has waiting at the tracking queue."""
        self.invoke("shipment-worker", batch(self.job()))
        self.invoke("tracking-poller", {})
        return [body for body in self.stack.take("TrackingQueue", 30) if "parcel" in body]

    def hook(self):
        """The hook of UPS: its id and its newest key."""
        for secret in self.stack.secrets.list_secrets(MaxResults=100)["SecretList"]:
            if secret["Name"].endswith("/ups-hook"):
                body = json.loads(self.stack.secrets.get_secret_value(SecretId=secret["Name"])["SecretString"])
                return body["id"], body["keys"][0]
        sys.exit("UPS has no hook")

    def push(self, padding=0):
        hook, key = self.hook()
        number = self.parcel()["number"]
        body = {"trackingNumber": number, "padding": "x" * padding}
        event = api("webhook-receiver", pathParameters={"hook": hook}, body=json.dumps(body))
        event["headers"]["credential"] = key
        event["requestContext"]["http"]["sourceIp"] = "127.0.0.1"
        return self.invoke("webhook-receiver", event)

    def parcel(self):
        """A parcel that is followed."""
        books = json.loads(get(f"{self.stack.simulators['ups']}/_control/books"))
        numbers = [parcel for shipment in books["shipments"] for parcel in re.findall(r"1Z[A-Z0-9]{16}", json.dumps(shipment))]
        number = numbers[-1 - len(self.parcels) % max(1, min(5, len(numbers)))]
        self.parcels.append(number)
        return {"connection": CONNECTION, "number": number}

    def run(self, name, sid):
        return getattr(self, name.replace("-", "_"))(sid)

    def erp_poller(self, sid):
        if sid == "QueueStock":
            return self.invoke("erp-poller", {"connection": DESK, "what": "stock"})
        self.stack.enter(1)
        return self.invoke("erp-poller", {"connection": CONNECTION})

    def shipment_worker(self, sid):
        return self.invoke("shipment-worker", batch("not a message" if sid == "DeadLetters" else self.job()))

    def token_refresher(self, _):
        return self.invoke("token-refresher", {})

    def job_sweeper(self, sid):
        if sid in ("Credentials", "SealTokens"):
            return self.invoke("job-sweeper", {"task": "reconcile", "connection": CONNECTION})
        self.due_job()
        return self.invoke("job-sweeper", {})

    def webhook_receiver(self, sid):
        return self.push(padding=400_000 if sid == "BigWebhooks" else 0)

    def tracking_worker(self, sid):
        if sid == "DeadLetters":
            return self.invoke("tracking-worker", batch("not a message"))
        if sid in ("BigWebhooks", "WhichWebhooks", "Tracking"):
            self.stack.take("TrackingQueue", 200)
            self.push(padding=400_000 if sid == "BigWebhooks" else 0)
            bodies = [body for body in self.stack.take("TrackingQueue") if "hook" in body]
            return self.invoke("tracking-worker", batch(*bodies))
        return self.invoke("tracking-worker", batch(*self.due_parcels()[:10]))

    def tracking_poller(self, sid):
        if sid == "QueueParcels":
            self.invoke("shipment-worker", batch(self.job()))
        return self.invoke("tracking-poller", {"lists": "now"} if sid in ("Credentials", "SealTokens") else {})

    def subscription_renewer(self, _):
        # A parcel that was looked at for the first time has no promise yet.
        self.invoke("tracking-worker", batch(*self.due_parcels()[:10]))
        return self.invoke("subscription-renewer", {})

    def stock_worker(self, sid):
        if sid == "DeadLetters":
            return self.invoke("stock-worker", batch("not a message"))
        self.invoke("erp-poller", {"connection": DESK, "what": "stock", "all": True})
        self.stack.take("StockQueue")
        return self.invoke("stock-worker", batch(json.dumps({"stock": DESK})))

    def order_status(self, _):
        name, key = f"waybill/local/acme/portal-{CONNECTION}", "a-portal-key-of-this-test"
        try:
            self.stack.secrets.create_secret(Name=name, SecretString=json.dumps({"keys": [key]}))
        except self.stack.secrets.exceptions.ResourceExistsException:
            pass
        books = json.loads(get(f"{self.stack.simulators['netsuite']}/_control/books"))
        number = next(iter(books["orders"]))
        event = api("order-status", pathParameters={"connection": CONNECTION, "number": number})
        event["headers"]["x-api-key"] = key
        return self.invoke("order-status", event)

    def label_link(self, _):
        books = get(f"{self.stack.simulators['netsuite-fedex']}/_control/books")
        links = re.findall(r"/labels/([A-Za-z0-9_-]{20,})", books)
        if not links:
            return ""
        text = self.invoke("label-link", api("label-link", pathParameters={"token": links[-1]}))
        place = re.search(r'"[Ll]ocation":\s*"([^"]+)"', text)
        if place:
            try:
                get(place.group(1).replace("\\u0026", "&"))
            except urllib.error.HTTPError as error:
                text += error.read().decode()
        return text


def without(document, sid):
    return {**document, "Statement": [one for one in document["Statement"] if one.get("Sid") != sid]}


def may(stack, role, action, secret):
    account = role_arn(stack, role).split(":")[4]
    name = secret.format(stack=stack.name)
    arn = f"arn:aws:secretsmanager:{REGION}:{account}:secret:waybill/local/{name}"
    answer = stack.iam.simulate_principal_policy(
        PolicySourceArn=role_arn(stack, role), ActionNames=[action], ResourceArns=[arn]
    )
    return answer["EvaluationResults"][0]["EvalDecision"] == "allowed"


def role_arn(stack, role):
    return stack.iam.get_role(RoleName=role)["Role"]["Arn"]


def reason(name, sid):
    return UNSEEN.get((name, sid)) or UNSEEN.get(("*", sid))


def look(stack, stories, name, function, role, statement):
    """Whether a role is denied something without a statement; for a denial, whether it is allowed something."""
    document, sid = stack.policy(role, name), statement["Sid"]
    stack.put(role, name, without(document, sid))
    try:
        if statement["Effect"] == "Deny":
            action, secret = KEPT_BACK[sid]
            return may(stack, role, action, secret)
        stack.start_anew(function)
        return bool(DENIED.search(stories.run(name, sid)))
    finally:
        stack.put(role, name, document)
        stack.start_anew(function)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--only", help="one function")
    arguments.add_argument("--json", action="store_true")
    arguments = arguments.parse_args()
    stack = Stack()
    stack.pause_queues(True)
    rows, wrong = [], []
    try:
        stories = Stories(stack)
        for name, function, role in list(stack.roles()):
            if arguments.only not in (None, name):
                continue
            whole = stories.run(name, None)
            if DENIED.search(whole):
                wrong.append(f"{name} is denied something under its whole role: {DENIED.search(whole).group(0)}")
            for statement in stack.policy(role, name)["Statement"]:
                seen = look(stack, stories, name, function, role, statement)
                why = "" if seen else reason(name, statement["Sid"]) or ""
                rows.append({"function": name, "statement": statement["Sid"], "seen": seen, "why": why})
                print(f"{name:22} {statement['Sid']:22} {'denied' if seen else 'not seen: ' + (why or 'NOBODY KNOWS WHY')}", file=sys.stderr)
                if not seen and not why:
                    wrong.append(f"{name} is not seen to need {statement['Sid']}")
    finally:
        stack.pause_queues(False)
    if arguments.json:
        print(json.dumps(rows))
    seen = sum(row["seen"] for row in rows)
    print(f"{seen} of {len(rows)} statements were seen to be needed", file=sys.stderr)
    for line in wrong:
        print(f"WRONG: {line}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
