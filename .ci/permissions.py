"""Takes each statement of each function's role away, one at a time, and shows that something is then refused that a story needs.

    target/ci/venv/bin/python .ci/permissions.py [--only FUNCTION] [--beside NAME]

One stack is deployed, under an emulator that holds every function to its role (`AUTH=true`). Roles and statements are read from what was
deployed; nothing of them is listed here. For a statement the role's policy is put without it, the function is started anew (what it
remembers would hide that it may no longer ask), and the function's stories are played until one is refused something.

Fails when a statement is taken away and every story goes well, when a function has no stories, and when a story does not go well under the
whole role. What AWS itself does with a role (logs, traces, failed runs) the emulator does without asking: that, and what a denial keeps
back, is put to its policy engine instead, with the resources as they were deployed.
"""

import argparse
import base64
import datetime
import fnmatch
import json
import re
import sys
import time
import urllib.error
import urllib.request
import zlib

from local_stack import ROOT, Failed, LocalStack, until

REFUSED = re.compile(r"AccessDenied\w*|not authorized to perform|Access Denied")
WRONG = re.compile(r'"errorMessage"|"itemIdentifier":\s*"|"statusCode":\s*5\d\d')

# Statements that no story reaches by itself, with the reason. One that is gone fails the run.
UNREACHED = {
    ("job-sweeper", "Audit"): "the sweeper writes stories without calls, and only calls are kept in the bucket; read from the code alone, "
    "whoever saves a job may keep some",
}

# So many lines are more than an item of the table holds of the calls that read them.
MANY = 250
# So many bytes of a webhook are.
A_PHOTO = 400_000


class Story:
    """What is sent to a function, and what shows that it went well. It plays in two parts: up to its `yield` everything is prepared, under
    the whole role; what comes after it is refused something when the statement that it needs is missing."""

    def __init__(self, name, play, shows, about=""):
        self.name, self.play, self.shows, self.about = name, play, re.compile(shows), about

    def suits(self, statement):
        """Whether it is played first for this statement; the others are played all the same."""
        return bool(self.about) and self.about in json.dumps(statement)


class Functions:
    """The functions of the stack by the names of their binaries, with their roles."""

    def __init__(self, stack):
        self.stack = stack
        self.iam, self.lambdas = stack.client("iam"), stack.client("lambda")
        physical = stack.resources("AWS::Lambda::Function")
        template = stack.client("cloudformation").get_template(StackName=stack.stack, TemplateStage="Original")["TemplateBody"]
        template = template if isinstance(template, dict) else json.loads(template)
        binaries = {name: one["Metadata"]["BuildProperties"]["Binary"] for name, one in template["Resources"].items()
                    if one["Type"] == "AWS::Serverless::Function"}
        if set(binaries) != set(physical):
            raise Failed(f"the template and the stack have other functions: {sorted(set(binaries) ^ set(physical))}")
        self.names = {binary: physical[name] for name, binary in binaries.items()}
        self.timeouts = {}

    def configuration(self, name):
        return self.lambdas.get_function_configuration(FunctionName=self.names[name])

    def role(self, name):
        return self.configuration(name)["Role"]

    def policies(self, name):
        role = self.role(name).rsplit("/", 1)[-1]
        if attached := self.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            raise Failed(f"{name} has policies that are not its own: {attached}")
        names = self.iam.list_role_policies(RoleName=role)["PolicyNames"]
        return {policy: self.iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"] for policy in names}

    def put(self, name, policy, document):
        self.iam.put_role_policy(RoleName=self.role(name).rsplit("/", 1)[-1], PolicyName=policy, PolicyDocument=json.dumps(document))

    def start_anew(self, name):
        """A process that remembers nothing: a change of what it was started with ends the one before."""
        before = self.configuration(name)["Timeout"]
        first = self.timeouts.setdefault(name, before)
        self.lambdas.update_function_configuration(FunctionName=self.names[name], Timeout=first + 1 if before == first else first)
        until(60, f"{name} is started anew", lambda: self.configuration(name).get("LastUpdateStatus") != "InProgress")

    def invoke(self, name, event):
        """What the function answered and logged."""
        begins = self.stack.log.stat().st_size
        answer = self.lambdas.invoke(FunctionName=self.names[name], Payload=json.dumps(event), LogType="Tail")
        text = answer["Payload"].read().decode() + base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
        time.sleep(0.1)
        with self.stack.log.open("rb") as log:
            log.seek(begins)
            return text + log.read().decode(errors="replace")

    def may(self, name, action, resource, context=()):
        answer = self.iam.simulate_principal_policy(
            PolicySourceArn=self.role(name), ActionNames=[action], ResourceArns=[resource],
            ContextEntries=[{"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"} for key, value in context],
        )
        return answer["EvaluationResults"][0]["EvalDecision"] == "allowed"

    def without_asking(self, name):
        """What AWS does with the function's role, by how the function was deployed; the emulator does it without asking."""
        configuration = self.configuration(name)
        account = configuration["FunctionArn"].split(":")[4]
        group = f"arn:aws:logs:us-east-1:{account}:log-group:{configuration['LoggingConfig']['LogGroup']}:log-stream:one"
        asks = [("logs:CreateLogStream", group), ("logs:PutLogEvents", group)]
        if configuration.get("TracingConfig", {}).get("Mode") == "Active":
            asks += [("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")]
        try:
            invoked = self.lambdas.get_function_event_invoke_config(FunctionName=self.names[name], Qualifier="live")
            asks.append(("sqs:SendMessage", invoked["DestinationConfig"]["OnFailure"]["Destination"]))
        except self.lambdas.exceptions.ResourceNotFoundException:
            pass
        return asks


def batch(*bodies):
    record = {
        "receiptHandle": "r", "attributes": {}, "messageAttributes": {}, "md5OfBody": "", "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:q", "awsRegion": "us-east-1",
    }
    return {"Records": [{**record, "messageId": f"m{number}", "body": body} for number, body in enumerate(bodies)]}


def api(name, **change):
    return {**json.loads((ROOT / f"events/{name}.json").read_text()), **change}


class World:
    """The stories, and what they are made of. Queues and schedules start no function meanwhile, so that each event is sent from here."""

    def __init__(self, stack, functions):
        self.stack, self.functions = stack, functions
        self.sqs, self.table = stack.client("sqs"), stack.client("dynamodb")
        self.secrets = stack.client("secretsmanager")
        self.ups, self.shipstation = stack.simulators["ups"], stack.simulators["shipstation"]
        self.buying = stack.connection("netsuite", "ups")
        self.linking = stack.connection("netsuite-fedex", "fedex")
        self.desk = stack.connection("netsuite-shipstation", "shipstation")
        self.erp, self.desk_erp = stack.simulators["netsuite"], stack.simulators["netsuite-shipstation"]
        self.portal_key = None

    def stand_still(self):
        lambdas, scheduler = self.functions.lambdas, self.stack.client("scheduler")
        for mapping in lambdas.list_event_source_mappings()["EventSourceMappings"]:
            lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        for one in scheduler.list_schedules()["Schedules"]:
            whole = scheduler.get_schedule(Name=one["Name"], GroupName=one["GroupName"])
            kept = ("Name", "GroupName", "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target")
            scheduler.update_schedule(**{key: whole[key] for key in kept if key in whole}, State="DISABLED")

    def begin(self):
        """What went wrong in one story is not held against the next: nothing fails any more, no account is paused, no token is leased."""
        for simulator in self.stack.simulators.values():
            simulator.post("faults", {"faults": []})
        for item in self.items("LIMIT#", "TOKEN#"):
            key = {"pk": item["pk"], "sk": item["sk"]}
            if item["pk"]["S"].startswith("LIMIT#"):
                self.table.delete_item(TableName=self.stack.outputs["Table"], Key=key)
            elif "lease_owner" in item:
                self.table.update_item(TableName=self.stack.outputs["Table"], Key=key, UpdateExpression="REMOVE lease_owner, lease_until")

    def items(self, *kinds):
        """The items whose keys begin so."""
        values = {f":{number}": {"S": kind} for number, kind in enumerate(kinds)}
        pages = self.table.get_paginator("scan").paginate(
            TableName=self.stack.outputs["Table"], ExpressionAttributeValues=values,
            FilterExpression=" OR ".join(f"begins_with(pk, {name})" for name in values),
        )
        return [item for page in pages for item in page["Items"]]

    # ---- what stories are made of

    def invoke(self, name, event):
        return self.functions.invoke(name, event)

    def well(self, name, event):
        """The same, where it is prepared: it must go well."""
        text = self.invoke(name, event)
        if WRONG.search(text) or REFUSED.search(text):
            raise Failed(f"{name} did not go well with {json.dumps(event)[:200]}: {text[-2000:]}")
        return text

    def waiting(self, output):
        """What waits in a queue, taken off it; what is delayed is not."""
        url, bodies = self.stack.outputs[output], []
        while found := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get("Messages", []):
            for one in found:
                bodies.append(one["Body"])
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return bodies

    def admitted(self, lines=1):
        """The message of a job that nobody has advanced yet."""
        self.waiting("ShipmentsQueue")
        number = self.erp.order(lines)
        self.well("erp-poller", {"connection": self.buying})
        messages = [body for body in self.waiting("ShipmentsQueue") if "job" in body]
        for body in messages:
            if len(messages) == 1 or self.stack.waybill("job", "show", json.loads(body)["job"], "--json")["job"]["number"] == number:
                return body
        raise Failed(f"{number} was not admitted")

    def shipped(self):
        """The tracking number of a parcel that was bought a moment ago."""
        message = self.admitted()
        job = json.loads(message)["job"]

        def bought():
            self.well("shipment-worker", batch(message))
            return next((text for text in map(json.dumps, self.ups.get("books")["shipments"]) if job in text), None)

        return re.search(r"1Z\w{16}", until(60, f"{job} has shipped", bought))[0]

    def due_parcels(self):
        """The messages about a parcel that was bought a moment ago, whose turn it is."""
        number = self.shipped()
        self.waiting("TrackingQueue")

        def found():
            self.well("tracking-poller", {})
            return [body for body in self.waiting("TrackingQueue") if number in body]

        return until(60, f"the turn of {number} has come", found)

    def news(self):
        """The messages about news of a parcel, which its carrier has promised to push."""
        messages = self.due_parcels()
        number = re.search(r"1Z\w{16}", messages[0])[0]
        self.well("tracking-worker", batch(*messages))
        self.well("subscription-renewer", {})
        self.ups.post("events", {"number": number, "events": ["picked_up"]})
        return self.notices()

    def at_desk(self, lines):
        """Somebody ships an order of the desk; its number, and the messages of the desk's notices."""
        number = self.desk_erp.order(lines)
        self.waiting("StockQueue"), self.waiting("TrackingQueue")

        def bought():
            self.well("erp-poller", {"connection": self.desk, "what": "customers"})
            for body in self.waiting("StockQueue"):
                self.well("stock-worker", batch(body))
            try:
                self.shipstation.post("act", {"act": "buy", "order": number})
            except Failed:
                return False
            return True

        until(60, f"{number} has come to the desk", bought)
        return number

    def notices(self):
        return until(60, "the desk's notice has come", lambda: [body for body in self.waiting("TrackingQueue") if "hook" in body])

    # ---- the stories

    def stories(self):
        """The stories of each function."""
        return {name.removeprefix("of_").replace("_", "-"): getattr(self, name)() for name in dir(self) if name.startswith("of_")}

    def of_erp_poller(self):
        def order():
            self.erp.order()
            yield
            return self.invoke("erp-poller", {"connection": self.buying})

        def stock():
            yield
            return self.invoke("erp-poller", {"connection": self.desk, "what": "stock"})

        def big_despatch():
            self.at_desk(MANY)
            yield
            return self.invoke("erp-poller", {"connection": self.desk})

        return [
            Story("an order is admitted", order, r'"admitted": ?[1-9]'),
            Story("a desk is to be told of stock", stock, r'"queued": ?true', "-Stock-"),
            Story("what left a desk is admitted, with long calls", big_despatch, r'"admitted": ?[1-9]', "audit/"),
        ]

    def of_shipment_worker(self):
        def ships():
            message = self.admitted()
            yield
            return self.invoke("shipment-worker", batch(message))

        def ships_much():
            message = self.admitted(MANY)
            time.sleep(5)
            yield
            return self.invoke("shipment-worker", batch(message))

        def waits():
            message = self.admitted()
            self.ups.fail("rate", {"status": {"code": 503}})
            yield
            return self.invoke("shipment-worker", batch(message))

        def looks():
            message = self.admitted()
            self.ups.fail("ship", "drop_before")
            self.well("shipment-worker", batch(message))
            yield
            time.sleep(1.2)
            return self.invoke("shipment-worker", batch(message))

        def not_ours():
            yield
            return self.invoke("shipment-worker", batch("not a message"))

        return [
            Story("an order ships", ships, '"outcome":"written back"'),
            Story("a big order ships, with long calls", ships_much, '"outcome":"written back"', "audit/"),
            Story("an order waits for its rates", waits, '"outcome":"waits"', "-Shipments-"),
            Story("a lost answer is looked up", looks, '"outcome":"absent"', "index/state"),
            Story("a message is none of ours", not_ours, "dead letters", "DeadLetters"),
        ]

    def of_token_refresher(self):
        def renews():
            self.end_a_token()
            yield
            return self.invoke("token-refresher", {})

        return [Story("a token that ends is renewed", renews, r'"renewed": ?[1-9]')]

    def end_a_token(self):
        """The tokens in use end within a minute."""
        tokens = [item for item in self.items("TOKEN#") if "valid_until" in item and "due_at" in item]
        if not tokens:
            raise Failed("no token is in use")
        now = datetime.datetime.now(datetime.timezone.utc)
        issued, ends = (f"{now + datetime.timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}" for seconds in (-3600, 60))
        for item in tokens:
            self.table.update_item(
                TableName=self.stack.outputs["Table"], Key={"pk": item["pk"], "sk": item["sk"]},
                UpdateExpression="SET issued_at = :issued, valid_until = :ends",
                ExpressionAttributeValues={":issued": {"S": issued}, ":ends": {"S": ends}},
            )

    def of_job_sweeper(self):
        def sweeps():
            message = self.admitted()
            self.ups.fail("rate", {"status": {"code": 503}})
            self.well("shipment-worker", batch(message))
            yield
            time.sleep(2.5)
            return self.invoke("job-sweeper", {})

        def compares():
            yield
            return self.invoke("job-sweeper", {"task": "reconcile", "connection": self.buying})

        return [
            Story("a job that is due is queued", sweeps, r'"requeued": ?[1-9]'),
            Story("a connection is compared", compares, r'"complete": ?true', "secretsmanager"),
        ]

    def hook(self):
        """The hook at which UPS is heard: its id and its newest key."""
        pages = self.secrets.get_paginator("list_secrets").paginate()
        for secret in (secret for page in pages for secret in page["SecretList"]):
            if secret["Name"].endswith("/ups-hook"):
                body = json.loads(self.secrets.get_secret_value(SecretId=secret["Name"])["SecretString"])
                return body["id"], body["keys"][0]
        raise Failed("UPS has no hook")

    def pushed(self, number, padding=0):
        hook, key = self.hook()
        event = api("webhook-receiver", pathParameters={"hook": hook})
        event["body"] = json.dumps({"trackingNumber": number, "padding": "x" * padding})
        event["headers"]["credential"] = key
        return event

    def of_webhook_receiver(self):
        def hears(padding):
            def play():
                event = self.pushed("1Z0000000000000000", padding)
                yield
                return self.invoke("webhook-receiver", event)
            return play

        return [
            Story("news of a parcel come", hears(0), r'"statusCode": ?200'),
            Story("news come with a photo", hears(A_PHOTO), r'"statusCode": ?200', "hooks/"),
        ]

    def of_tracking_worker(self):
        def enlists():
            messages = self.due_parcels()
            yield
            return self.invoke("tracking-worker", batch(*messages))

        def hears():
            messages = self.news()
            yield
            return self.invoke("tracking-worker", batch(*messages))

        def tells():
            self.well("tracking-worker", batch(*self.news()))
            messages = until(30, "it is time to tell", lambda: [body for body in self.waiting("TrackingQueue") if "parcel" in body])
            yield
            return self.invoke("tracking-worker", batch(*messages))

        def opens():
            self.waiting("TrackingQueue")
            self.well("webhook-receiver", self.pushed("1Z0000000000000000", A_PHOTO))
            messages = self.notices()
            yield
            return self.invoke("tracking-worker", batch(*messages))

        def big_despatch():
            self.at_desk(MANY)
            messages = self.notices()
            yield
            return self.invoke("tracking-worker", batch(*messages))

        def gives_up():
            messages = self.due_parcels()
            self.well("tracking-worker", batch(*messages))
            self.grow_old(json.loads(messages[0])["parcel"])
            self.ups.fail("track", {"status": {"code": 503}})
            yield
            return self.invoke("tracking-worker", batch(*messages))

        def not_ours():
            yield
            return self.invoke("tracking-worker", batch("not a message"))

        return [
            Story("a parcel's news are told to its ERP", tells, "the ERP shows it", "secretsmanager"),
            Story("news of a parcel are heard", hears, "the parcel moved", "-Tracking-"),
            Story("a parcel is followed", enlists, r'"batchItemFailures": ?\[\]'),
            Story("news with a photo are opened", opens, "only a hint", "hooks/"),
            Story("a desk's notice is opened, with long calls", big_despatch, "a despatch was admitted", "audit/"),
            Story("a parcel of which nothing is told is given up", gives_up, "not followed any more", "index/state"),
            Story("a message is none of ours", not_ours, "dead letters", "DeadLetters"),
        ]

    def grow_old(self, parcel):
        """A parcel has been followed for longer than anybody waits, and it is time to ask for it."""
        item = next(one for one in self.items(f"TRACK#{parcel['connection']}#{parcel['number']}") if one["sk"]["S"] == "STATE")
        packed = item["body"]
        body = json.loads(packed["S"] if "S" in packed else zlib.decompress(packed["B"][1:], wbits=-15))
        day = datetime.timedelta(days=1)
        body["since"], body["next_poll"] = (f"{datetime.datetime.now(datetime.timezone.utc) - day * days:%Y-%m-%dT%H:%M:%SZ}" for days in (100, 1))
        self.table.update_item(
            TableName=self.stack.outputs["Table"], Key={"pk": item["pk"], "sk": item["sk"]}, UpdateExpression="SET body = :body",
            ExpressionAttributeValues={":body": {"S": json.dumps(body)}},
        )

    def of_tracking_poller(self):
        def round_is_made():
            self.shipped()
            yield
            return self.invoke("tracking-poller", {})

        def lists():
            yield
            return self.invoke("tracking-poller", {"lists": "now"})

        return [
            Story("a parcel's turn comes", round_is_made, r'"parcels": ?[1-9]'),
            Story("the carrier's lists are read", lists, r'"lists": ?[1-9]', "secretsmanager"),
        ]

    def of_subscription_renewer(self):
        def promises():
            self.well("tracking-worker", batch(*self.due_parcels()))
            yield
            return self.invoke("subscription-renewer", {})

        return [Story("a promise to push is asked for", promises, r'"promised": ?[1-9]')]

    def of_stock_worker(self):
        def tells():
            self.forget_stock()
            yield
            return self.invoke("stock-worker", batch(json.dumps({"stock": self.desk})))

        def waits():
            self.forget_stock()
            self.shipstation.fail("*", {"status": {"code": 429, "retry_after": 1}})
            yield
            return self.invoke("stock-worker", batch(json.dumps({"stock": self.desk})))

        def not_ours():
            yield
            return self.invoke("stock-worker", batch("not a message"))

        return [
            Story("a desk is told of stock", tells, "all stock is told"),
            Story("a desk has no time", waits, "the run waits", "-Stock-"),
            Story("a message is none of ours", not_ours, "dead letters", "DeadLetters"),
        ]

    def forget_stock(self):
        """A run begins, and nothing is known of earlier ones, nor of what the desk shows."""
        for item in self.items(f"DESK#{self.desk}"):
            if item["sk"]["S"] == "STOCK" or item["sk"]["S"].startswith("LEVEL#"):
                self.table.delete_item(TableName=self.stack.outputs["Table"], Key={"pk": item["pk"], "sk": item["sk"]})
        self.well("erp-poller", {"connection": self.desk, "what": "stock", "all": True})
        self.waiting("StockQueue")

    def of_order_status(self):
        def asks():
            if not self.portal_key:
                made = self.stack.waybill("portal", "create", self.buying, "--json")
                self.portal_key = made["key"]
            jobs = until(60, "an order has shipped", lambda: self.stack.waybill(
                "job", "list", "--connection", self.buying, "--state", "shipped", "--json"))
            event = api("order-status", pathParameters={"connection": self.buying, "number": jobs[0]["job"]["number"]})
            event["headers"]["x-api-key"] = self.portal_key
            yield
            return self.invoke("order-status", event)

        return [Story("a portal asks for an order", asks, r'"statusCode": ?200')]

    def of_label_link(self):
        def opens():
            books = json.dumps(self.stack.simulators["netsuite-fedex"].get("books"))
            token = re.findall(r"/labels/([A-Za-z0-9_-]{20,})", books)[-1]
            yield
            # Of a shipment of many parcels the link alone shows a page; its first label opens like an only one.
            text = self.invoke("label-link", api("label-link", pathParameters={"token": token, "number": "1"}))
            place = re.search(r'"[Ll]ocation":\s*"([^"]+)"', text)
            return text + (opened(place[1].replace("\\u0026", "&")) if place else "")

        return [Story("a label is opened", opens, "a label of [1-9]")]


def opened(address):
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return f"\na label of {len(answer.read())} bytes"
    except urllib.error.HTTPError as error:
        return "\n" + error.read().decode()


def without(document, statement):
    return {**document, "Statement": [one for one in document["Statement"] if one != statement]}


def listed(value):
    return value if isinstance(value, list) else [value]


def play(world, story, missing=lambda: None):
    """What comes of a story; `missing` is done when everything is prepared."""
    playing = story.play()
    try:
        world.begin()
        next(playing)
        missing()
        return second_part(playing)
    except Failed:
        raise
    except Exception as error:
        raise Failed(f"{story.name}: {error!r}") from error


def second_part(playing):
    try:
        next(playing)
    except StopIteration as ended:
        return ended.value
    raise Failed("a story has two parts")


def kept_back(document, statement):
    """What a denial keeps from a role that it would be allowed: a resource that both mean, made up from their patterns."""
    for action in listed(statement["Action"]):
        allowed = [pattern for one in document["Statement"] if one["Effect"] == "Allow" and action in listed(one["Action"])
                   for pattern in listed(one["Resource"])]
        for denied in listed(statement["Resource"]):
            for pattern in allowed:
                resource = denied.replace("*", "x") + pattern.rsplit("*", 1)[-1].replace("?", "A")
                if fnmatch.fnmatchcase(resource, denied) and fnmatch.fnmatchcase(resource, pattern):
                    yield action, resource


class Trial:
    """The trial of one function's role."""

    def __init__(self, world, name, stories):
        self.world, self.functions, self.name, self.stories = world, world.functions, name, stories
        self.wrong = []

    def whole(self):
        """Plays every story under the whole role; only one that goes well then can show anything later."""
        self.functions.start_anew(self.name)
        self.stories = [story for story in self.stories if self.goes_well(story)]

    def goes_well(self, story):
        """Played again if need be: whoever waits for a busy machine comes too late once, a role forbids always."""
        if first := self.goes_wrong(story):
            print(f"{first}\nIt is played again.", flush=True)
            if second := self.goes_wrong(story):
                self.wrong.append(second)
                return False
        return True

    def goes_wrong(self, story):
        try:
            text = play(self.world, story)
        except Failed as failed:
            return f"{self.name}: it cannot be prepared that {story.name}: {failed}"
        if found := REFUSED.search(text) or WRONG.search(text):
            return f"{self.name}: under its whole role it does not go well that {story.name}: {found[0]}\n{text[-1500:]}"
        if not story.shows.search(text):
            return f"{self.name}: it does not show that {story.name} ({story.shows.pattern}):\n{text[-3000:]}"
        return None

    def statement(self, policy, document, statement):
        """How it shows that a statement is needed; nothing if it does not."""
        if statement["Effect"] == "Deny":
            return self.denial(policy, document, statement)
        if shown := self.unasked(policy, document, statement):
            return shown
        lacking = without(document, statement)
        for story in sorted(self.stories, key=lambda story: not story.suits(statement)):
            def missing():
                self.functions.put(self.name, policy, lacking)
                self.functions.start_anew(self.name)
            try:
                text = play(self.world, story, missing)
            finally:
                self.functions.put(self.name, policy, document)
            if found := REFUSED.search(text):
                return f"{found[0]}: {story.name}"
            # Who may not read a credential waits, and says so in the job: it must be for want of the statement alone.
            if not story.shows.search(text) and story.shows.search(play(self.world, story, lambda: self.functions.start_anew(self.name))):
                return f"it does not come to pass: {story.name}"
        return None

    def changes(self, policy, document, statement, asks, may_with):
        """The first of these that the role may do with the statement and not without it, or the reverse."""
        asks = [ask for ask in asks if self.functions.may(self.name, *ask) is may_with]
        self.functions.put(self.name, policy, without(document, statement))
        try:
            return next((ask for ask in asks if self.functions.may(self.name, *ask) is not may_with), None)
        finally:
            self.functions.put(self.name, policy, document)

    def denial(self, policy, document, statement):
        found = self.changes(policy, document, statement, list(kept_back(document, statement)), False)
        return found and f"it would be allowed {found[0]} on {found[1].rsplit(':', 1)[-1]}"

    def unasked(self, policy, document, statement):
        actions = listed(statement["Action"])
        asks = [ask for ask in self.functions.without_asking(self.name) if ask[0] in actions]
        if actions == ["s3:ListBucket"]:
            # To whoever may not list S3 says that an object is forbidden that is not there; the emulator does not.
            prefixes = [value for test in statement.get("Condition", {}).values() for value in listed(test["s3:prefix"])]
            asks = [("s3:ListBucket", bucket, [("s3:prefix", prefix.replace("*", "x"))])
                    for bucket in listed(statement["Resource"]) for prefix in prefixes]
        found = self.changes(policy, document, statement, asks, True)
        return found and f"AWS would be refused {found[0]}"

    def run(self):
        """Tries every statement; answers their names."""
        self.whole()
        tried = []
        for policy, document in self.functions.policies(self.name).items():
            for statement in document["Statement"]:
                tried.append(statement.get("Sid", "(without a name)"))
                began = time.monotonic()
                said = self.verdict(policy, document, statement, UNREACHED.get((self.name, tried[-1])))
                print(f"{self.name:21} {tried[-1]:22} {said} ({time.monotonic() - began:.1f} s)", flush=True)
        return tried

    def verdict(self, policy, document, statement, reason):
        """Tried again where it does not show: a message that comes late shows nothing once, a statement that nobody needs never does."""
        sid = statement.get("Sid", "(without a name)")
        for left in (1, 0):
            try:
                shown = self.statement(policy, document, statement)
            except Failed as failed:
                problem = f"{self.name}: {sid} cannot be tried: {failed}"
            else:
                if shown and reason:
                    print(f"{self.name}: {sid} is listed as not to be reached, and is", flush=True)
                if shown or reason:
                    return shown or reason
                problem = f"{self.name}: nothing breaks without {sid}"
            print(problem + "; it is tried again" * left, flush=True)
        self.wrong.append(problem)
        return "NOT SHOWN"


def try_all(stack, only):
    functions = Functions(stack)
    world = World(stack, functions)
    until(60, "a label has a link", lambda: "/labels/" in json.dumps(stack.simulators["netsuite-fedex"].get("books")))
    world.stand_still()
    stories, wrong, tried = world.stories(), [], set()
    if set(stories) != set(functions.names):
        wrong.append(f"these have stories and are no functions, or the reverse: {sorted(set(stories) ^ set(functions.names))}")
    for name in sorted(set(stories) & set(functions.names)):
        if only in (None, name):
            trial = Trial(world, name, stories[name])
            tried |= {(name, sid) for sid in trial.run()}
            wrong += trial.wrong
    if only is None:
        wrong += [f"{name} has no statement {sid}, which is listed as not to be reached" for name, sid in set(UNREACHED) - tried]
    print(f"{len(tried)} statements of {len({name for name, _ in tried})} roles were taken away, {len(set(UNREACHED) & tried)} of them in vain, as is said")
    return wrong


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--only", help="one function")
    arguments.add_argument("--beside", metavar="NAME", help="a deployment that runs, with its simulators, in place of one of its own")
    arguments = arguments.parse_args()
    if arguments.beside:
        wrong = try_all(LocalStack(arguments.beside).attached(), arguments.only)
    else:
        with LocalStack("permissions") as stack:
            wrong = try_all(stack, arguments.only)
    for line in wrong:
        print(f"WRONG: {line}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
