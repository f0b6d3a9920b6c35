"""Runs every command of docs/operations.md, in the order of the document, against a stack of its own with its simulators.

    target/ci/venv/bin/python .ci/runbook.py [--only TEXT]

A command is what stands in a fenced block, or in a span that begins with a program (PROGRAMS). It is typed at a terminal, by somebody
who answers its questions with yes; what stands in capitals or angle brackets is filled in from the running stack. It must end well.
What ends otherwise, needs something first or cannot run here is said in CASES, command by command, with the reason and with the words that
are then to be read; an entry that belongs to no command fails the run.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import typing

from botocore.exceptions import BotoCoreError, ClientError
from local_stack import ROOT, Failed, LocalStack, until
from sam_deploy import clean_clone

RUNBOOK = ROOT / "docs/operations.md"
PROGRAMS = ("waybill", "aws", "log", "output", "sam", "git", "cargo", "python3", "for")
PATIENCE = 300
# What a command says that went wrong on the way, though it ended well.
COMPLAINT = re.compile(r"^(error: |An error occurred|aws: error|Traceback|Error: |\S+: line \d+: )", re.M)
# How the answers of purchases are lost, one for each command that says what became of one. Others ship in between: three lost ones in a row
# are an outage.
LOST = ("drop_after", "drop_after", "drop_before")


# ---- what the document says


@dataclasses.dataclass
class Command:
    line: int
    chapter: str
    text: str
    in_block: bool = False


def commands(text):
    """The document's commands in its order, spans once in a chapter; apart from them the first block, which the others build on."""
    found, chapter, fence, block, paragraph, begun = [], "", False, [], "", 0
    for number, line in enumerate(text.splitlines() + [""], 1):
        bare = line.strip()
        if bare.startswith("```"):
            found += spans(chapter, begun, paragraph)
            paragraph = ""
            fence = not fence
            block = []
        elif fence:
            block.append((number, bare))
            whole = "\n".join(said for _, said in block)
            if is_whole(whole):
                found.append(Command(block[0][0], chapter, re.sub(r"\s+# .*$", "", whole), True))
                block = []
        elif line.startswith("#"):
            found += spans(chapter, begun, paragraph)
            paragraph = ""
            if not line.startswith("###"):
                chapter = line.lstrip("# ")
        elif bare:
            begun = begun if paragraph else number
            paragraph += bare + " "
        else:
            found += spans(chapter, begun, paragraph)
            paragraph = ""
    prelude = [one.text for one in found if one.in_block and one.chapter == found[0].chapter]
    seen, kept = set(), []
    for one in found:
        again = not one.in_block and (one.chapter, one.text) in seen
        if one.text not in prelude and not one.text.startswith("#") and not again:
            seen.add((one.chapter, one.text))
            kept.append(one)
    return "\n".join(prelude), kept


def spans(chapter, number, paragraph):
    for said in re.findall(r"`([^`]+)`", paragraph):
        words = said.split()
        if len(words) > 1 and words[0] in PROGRAMS:
            yield Command(number, chapter, " ".join(words))


def is_whole(text):
    """Whether these lines are a command as a shell reads it."""
    if text.endswith("\\"):
        return False
    return subprocess.run(["bash", "-n"], input=re.sub(r"<[^<>]+>", "X", text), text=True, capture_output=True).returncode == 0


# ---- how one is run


@dataclasses.dataclass
class Ended:
    code: int
    said: str


class Terminal:
    """Somebody at a terminal, in a folder of his own. What a command sets stays set for the next ones, as in his shell."""

    def __init__(self, folder, environment, prelude):
        self.folder, self.prelude, self.kept = folder, prelude, folder / ".kept"
        self.environment = {**environment, "TERM": "dumb", "COLUMNS": "200"}
        self.kept.write_text("")

    def type(self, text, answers="y\n" * 6, folder=None):
        names = sorted(set(re.findall(r"(?:^|\n)\s*(\w+)=", text)))
        keeps = "\n".join(f"declare -p {name} >> '{self.kept}' 2>/dev/null" for name in names)
        script = f"{self.prelude}\n. '{self.kept}'\n{text}\nended=$?\n{keeps}\nexit $ended\n"
        file = self.folder / ".typed"
        file.write_text(script)
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(folder or self.folder)
            os.execvpe("bash", ["bash", str(file)], self.environment)
        return self.watch(child, terminal, answers)

    def watch(self, child, terminal, answers):
        said, ends, waiting = b"", time.monotonic() + PATIENCE, answers.encode()
        try:
            while time.monotonic() < ends:
                if not select.select([terminal], [], [], 0.3)[0]:
                    # It asks something, or works: what is typed meanwhile waits in the terminal.
                    if waiting and re.search(rb"[?\]:)] ?$", said):
                        line, _, waiting = waiting.partition(b"\n")
                        os.write(terminal, line + b"\n")
                        said += b"\n"
                    continue
                try:
                    read = os.read(terminal, 65536)
                except OSError:
                    read = b""
                if not read:
                    break
                said += read
            else:
                os.kill(child, signal.SIGKILL)
                said += f"\n(it did not end within {PATIENCE} s)".encode()
        finally:
            os.close(terminal)
        _, status = os.waitpid(child, 0)
        return Ended(os.waitstatus_to_exitcode(status), said.decode(errors="replace").replace("\r\n", "\n"))


# The AWS CLI 1, which a package registry has, in place of the CLI 2 that people have. It is told the address of queues apart, and `logs tail`
# is a convenience of the CLI 2: what that asks for is asked for.
AWS = r"""#!/usr/bin/env bash
set -- --endpoint-url "$AWS_ENDPOINT_URL" "$@"
if [ "$3 $4" = "logs tail" ]; then
  [ "$6 $7 $8 $9" = "--since ${7} --format short" ] || { echo "logs tail is written otherwise: $*" >&2; exit 2; }
  case $7 in *h) ago=$((${7%h} * 3600)) ;; *m) ago=$((${7%m} * 60)) ;; *) echo "since $7?" >&2; exit 2 ;; esac
  exec "$AWS_ITSELF" "$1" "$2" logs filter-log-events --log-group-name "$5" --start-time "$((($(date +%s) - ago) * 1000))" \
    --query 'events[].message' --output text
fi
exec "$AWS_ITSELF" "$@"
"""


# ---- what is said of single commands


@dataclasses.dataclass
class Case:
    """What is to be said of a command that does not simply end well."""

    says: str = ""
    # `None` is any that says that it failed.
    code: typing.Optional[int] = 0
    why: str = ""
    needs: typing.Optional[typing.Callable] = None
    answers: typing.Any = "y\n" * 6
    folder: str = "own"
    after: typing.Optional[typing.Callable] = None
    runs: bool = True


def not_here(why):
    return Case(runs=False, why=why)


class People:
    """What people have done before a command makes sense, and what they write in place of its capitals."""

    def __init__(self, stack, folder, clone):
        self.stack, self.folder, self.clone = stack, folder, clone
        self.buying, self.desk = stack.connection("netsuite", "ups"), stack.connection("netsuite-shipstation", "shipstation")
        self.erp, self.desk_erp = stack.simulators["netsuite"], stack.simulators["netsuite-shipstation"]
        self.ups, self.shipstation = stack.simulators["ups"], stack.simulators["shipstation"]
        self.used, self.lost = set(), {kind: [] for kind in LOST}

    def jobs(self, state, connection=None):
        listed = self.stack.waybill("job", "list", "--state", state, "--connection", connection or self.buying, "--json")
        return [one["job"] for one in listed]

    def take(self, state, connection=None):
        """A job that no other command has had."""
        for job in self.jobs(state, connection):
            if job["id"] not in self.used:
                self.used.add(job["id"])
                return job
        raise Failed(f"there is no {state} job left")

    def prepare(self):
        """People write files and lose answers; what takes a while is begun before the first command."""
        secrets = self.stack.client("secretsmanager")
        for system in ("netsuite", "fusion", "ups", "fedex", "shipstation"):
            body = secrets.get_secret_value(SecretId=f"waybill/local/acme/{system}")["SecretString"]
            (self.folder / f"{system}.json").write_text(body)
        shutil.copy(self.stack.folder / "netsuite-ups.toml", self.folder / "acme.toml")
        until(240, "orders have shipped", lambda: not self.jobs("open") and self.jobs("shipped"))
        self.lose_answers()

    def lose_answers(self):
        """Purchases lose their answers, after the effect or before it, and the carrier shows none of them until the last is resolved."""
        stale = [{"operation": name, "kind": {"stale_lookup": {"seconds": 3600}}} for name in ("label_recovery", "track_reference")]
        kinds = {}
        for kind in LOST:
            number, other = self.erp.order(), self.erp.order()
            kinds[number] = kind
            lost = {"operation": "ship", "kind": kind, "max": 1, "body_contains": f'"{number}"'}
            self.ups.post("faults", {"faults": [lost, *stale]})
            self.stack.waybill("connection", "poll", self.buying)
            until(90, f"the answer for {number} is lost", lambda number=number: self.is_lost(number))
            until(90, f"{other} ships", lambda other=other: [job for job in self.jobs("shipped") if job["number"] == other])

        def held():
            jobs = [job for job in self.jobs("held") if job["number"] in kinds]
            return jobs if len(jobs) == len(kinds) else None

        for job in until(240, f"{sorted(kinds)} are held", held):
            self.used.add(job["id"])
            self.lost[kinds[job["number"]]].append(job)

    def is_lost(self, number):
        faults = self.ups.get("faults")["faults"]
        return any(one["strikes"] for one in faults if number in one["fault"].get("body_contains", ""))

    def found(self):
        """The carrier shows everything again."""
        if not any(self.lost.values()):
            self.ups.post("faults", {"faults": []})


def fill(text, people, more):
    """The command as a person types it."""
    words = {"ID": people.buying, "CIDR": "203.0.113.0/24", **(more or {})}
    for name in sorted(words, key=len, reverse=True):
        pattern = re.escape(name) if name.startswith("<") or "-" in name else rf"(?<![\w.$'\"{{-]){name}(?![\w=])"
        text = re.sub(pattern, lambda _: words[name], text)
    return text


# ---- the cases


def tracking_number(said):
    return re.search(r"1Z\w{16}", json.dumps(said))[0]


def shipped(people):
    return {"JOB": people.take("shipped")["id"]}


def open_job(people):
    return {"JOB": people.take("open", connection=people.stack.connection("netsuite-fedex", "fedex"))["id"]}


def told_desk(people):
    return {"ID": people.desk}


def parcel(people):
    return {"NUMBER": tracking_number(people.jobs("shipped")[0])}


def order(people):
    return {"NUMBER": people.jobs("shipped")[0]["number"]}


def new_order(people):
    return {"NUMBER": people.erp.order()}


def lost_after(people):
    job = people.lost["drop_after"].pop()
    bought = next(one for one in people.ups.get("books")["shipments"] if job["id"] in json.dumps(one))
    return {"JOB": job["id"], "NUMBER": tracking_number(bought)}


def lost_before(people):
    return {"JOB": people.lost["drop_before"].pop()["id"]}


def function(people):
    return {"NAME": people.stack.resources("AWS::Lambda::Function")["Worker"]}


def version(people):
    name = function(people)["NAME"]
    versions = people.stack.client("lambda").list_versions_by_function(FunctionName=name)["Versions"]
    return {"NAME": name, "NUMBER": next(one["Version"] for one in versions if one["Version"] != "$LATEST")}


def run_again(people):
    people.stack.waybill("connection", "resume", people.buying, "--yes")


def buy_again(people):
    people.stack.waybill("brake", "off", "--yes")


def failed_run(people):
    people.stack.client("sqs").send_message(QueueUrl=people.stack.outputs["FailedInvocations"], MessageBody="{}")


def body(people, system):
    return json.dumps(json.loads((people.folder / f"{system}.json").read_text())) + "\n"


def without_hook(people):
    people.stack.waybill("hook", "remove", people.buying, "--carrier", "--yes")


def hook_of_erp(people):
    people.stack.waybill("hook", "create", people.buying, "--erp")


def portal(people):
    people.stack.waybill("portal", "create", people.buying)


def parked(people):
    """Somebody at the desk ships an order under a number that the ERP does not know."""
    meant = people.desk_erp.order()
    goods = people.desk_erp.get("books")["orders"][meant]["lines"].values()
    items = [{"sku": line["sku"], "quantity": int(line["quantity"])} for line in goods]
    people.shipstation.post("act", {"act": "enter", "number": "NOBODY-KNOWS-IT", "items": items})
    people.shipstation.post("act", {"act": "buy", "order": "NOBODY-KNOWS-IT"})

    def is_held():
        people.stack.waybill("connection", "poll", people.desk)
        return [job for job in people.jobs("held", people.desk) if job["number"] == "NOBODY-KNOWS-IT"]

    return {"JOB": until(90, "what was shipped is held", is_held)[0]["id"], "NUMBER": meant}


def held(people):
    return {"JOB": people.take("held")["id"]}


def a_minute_ago(_):
    return {"2026-08-01T10:00:00Z": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


def second_backup(people):
    backups = people.stack.client("dynamodb").list_backups()["BackupSummaries"]
    return {"<of the second>": next(one["BackupArn"] for one in backups if one["BackupName"].endswith("-restored"))}


def deleted(people):
    """The stack that was deployed is deleted by mistake."""
    cloudformation = people.stack.client("cloudformation")
    people.left = {one["LogicalResourceId"]: one["PhysicalResourceId"]
                   for one in cloudformation.describe_stack_resources(StackName="waybill")["StackResources"]}
    people.deleted = cloudformation.describe_stacks(StackName="waybill")["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName="waybill")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=people.deleted, WaiterConfig={"Delay": 1})
    return {"<id of the deleted stack>": people.deleted}


def left(people):
    arn = people.stack.client("secretsmanager").describe_secret(SecretId=people.left["LabelKeys"])["ARN"]
    return {"<key>": people.left["Key"], "<table>": people.left["Table"], "<bucket>": people.left["Bucket"], "<the secret's ARN>": arn}


def other_secret(people):
    people.stack.client("secretsmanager").create_secret(Name="waybill/prod/acme/ups", SecretString="{}")


def rest(people):
    return {"<table>": people.stack.outputs["Table"], "<key>": people.stack.outputs["Key"], "<stage>": "local", "<stack>": people.stack.stack}


def before(people):
    """The commit before; a shallow checkout has none."""
    asked = ["git", "rev-parse", "--quiet", "--verify", "HEAD~1"]
    return {"<commit>": subprocess.run(asked, cwd=people.clone, capture_output=True, text=True).stdout.strip() or "HEAD"}


IN_THE_CLONE = dict(folder="clone")

CASES = {
    "waybill job replay JOB": Case(needs=shipped),
    # Nothing of that chapter undoes it again.
    'Operations: waybill brake on --reason "wrong prices"': Case(after=buy_again),
    "Operations: waybill connection pause ID": Case(after=run_again),
    "waybill order explain NUMBER": Case(needs=order),
    "waybill stock show ID": Case(needs=told_desk),
    "waybill customers show ID": Case(needs=told_desk),
    "waybill stock run ID": Case(needs=told_desk),
    "waybill stock run ID --wait": Case(needs=told_desk),
    "waybill customers run ID --wait": Case(needs=told_desk),
    "waybill job show JOB": Case(needs=shipped),
    "waybill job audit JOB --full": Case(needs=shipped),
    "log Worker": Case(says='"level":"INFO"'),
    "waybill order admit NUMBER": Case(needs=new_order),
    "Alarms: waybill reconcile run": Case(code=1, says="stray shipment", why="there is a gap: what became of a purchase is not said yet"),
    "waybill job resolve JOB --tracking NUMBER": Case(needs=lost_after),
    "waybill job resolve JOB --not-created": Case(needs=lost_before, after=People.found),
    "waybill job void JOB": Case(needs=shipped),
    "waybill job hold JOB --reason \"two labels?\"": Case(needs=open_job),
    "waybill job release JOB": Case(needs=held),
    "waybill job forget JOB": Case(needs=shipped),
    "waybill job resolve JOB --order NUMBER": Case(needs=parked),
    'aws sqs receive-message --queue-url "$(output FailedInvocations)" --message-attribute-names All --max-number-of-messages 10': Case(
        needs=failed_run, says="MessageId"),
    "waybill secret set acme/ups": Case(answers=lambda people: body(people, "ups")),
    "waybill secret set acme/fedex": Case(answers=lambda people: body(people, "fedex")),
    "waybill tracking show NUMBER": Case(needs=parcel),
    "waybill hook create ID --carrier": Case(needs=without_hook),
    "aws lambda list-versions-by-function --function-name NAME --query 'Versions[].[Version,LastModified]'": Case(needs=function),
    "aws lambda update-alias --function-name NAME --name live --function-version NUMBER": Case(needs=version),
    "aws lambda delete-function-concurrency --function-name NAME": Case(needs=function),
    "git pull": Case(**IN_THE_CLONE),
    "sam build --config-env prod": Case(**IN_THE_CLONE),
    "sam deploy --config-env prod": Case(**IN_THE_CLONE),
    "git checkout <commit>": Case(needs=before, **IN_THE_CLONE),
    'aws cloudformation continue-update-rollback --stack-name "$WAYBILL_STACK"': Case(
        code=None, says="cannot be called from current stack status", why="the stack is not stuck"),
    "cargo install --path cli": not_here("it builds the release for minutes; what it installs is the `waybill` of these commands"),
    "waybill connection authorize ID": Case(code=1, says="not of the kind authorization-code", why="the account of this machine authenticates by client credentials"),
    "waybill hook rotate ID --erp": Case(needs=hook_of_erp),
    "waybill portal rotate ID": Case(needs=portal),
    "for job in $(jq -r '.[].job.id' jobs.json); do\n"
    'waybill job audit "$job" --lines > "$job.jsonl"\nwaybill job label "$job" --out "labels/$job"\ndone': Case(
        says=r"labels/\w+/.*\nerror: \w+ has no labels; it is held|error: \w+ has no labels; it is held.*\n(.*\n)*labels/\w+/"),
    "aws dynamodb export-table-to-point-in-time": not_here("it is named, not written out: it needs a bucket of the reader's own"),
    'aws dynamodb restore-table-to-point-in-time --source-table-name "$table" --target-table-name "$table-restored" \\\n'
    '--restore-date-time 2026-08-01T10:00:00Z --sse-specification-override "$encryption"': Case(needs=a_minute_ago),
    'aws dynamodb restore-table-from-backup --target-table-name "$table" --backup-arn <of the second> '
    '--sse-specification-override "$encryption"': Case(needs=second_backup),
    "aws cloudformation list-stack-resources --stack-name <id of the deleted stack>": Case(needs=deleted),
    "python3 infra/adopt.py > adopt.yaml": Case(**IN_THE_CLONE),
    "aws cloudformation create-change-set": Case(needs=left, **IN_THE_CLONE),
    "aws cloudformation execute-change-set --stack-name waybill --change-set-name adopt": Case(
        code=None, says="UNAVAILABLE", why="the emulator takes in no secret"),
    "aws cloudformation wait stack-import-complete --stack-name waybill": not_here("the emulator takes in no secret, so that it waits in vain"),
    "A stack deleted by mistake: sam deploy --config-env prod": not_here("it goes on from what the emulator does not take in"),
    "aws secretsmanager delete-secret --secret-id waybill/prod/acme/ups": Case(needs=other_secret),
    "aws dynamodb update-table --table-name <table> --no-deletion-protection-enabled": Case(needs=rest),
    "aws secretsmanager delete-secret --secret-id waybill/<stage>/label-links-<stack>": Case(needs=rest),
    "aws kms schedule-key-deletion --key-id <key>": Case(needs=rest),
}
if not (ROOT / ".git").exists():
    CASES |= {text: not_here("this checkout has no history") for text in ("git pull", "git checkout <commit>")}


def case_of(command):
    """What is said of a command, of its chapter's first, and under which key; of a long one its beginning is enough."""
    for key in (f"{command.chapter}: {command.text}", command.text):
        if key in CASES:
            return key, CASES[key]
    return next(((key, case) for key, case in CASES.items() if len(command.text) > 300 and command.text.startswith(key)), (None, Case()))


def functions_that_do_nothing(folder):
    """What is deployed from the clone is never called: `.ci/sam_deploy.py` shows that the functions themselves deploy."""
    folder.mkdir()
    for binary in re.findall(r"^\s*\w+:([\w-]+) *\\?$", (ROOT / "infra/Makefile").read_text(), re.M):
        (folder / binary).write_text("#!/bin/sh\n")
    return folder


class Trial:
    """The commands as they are typed one after the other."""

    def __init__(self, stack):
        folder = stack.folder / "operator"
        shutil.rmtree(folder, ignore_errors=True)
        shims, clone = folder / ".bin", folder / "clone"
        shims.mkdir(parents=True)
        (shims / "aws").write_text(AWS)
        (shims / "aws").chmod(0o755)
        clean_clone(clone)
        environment = {
            **stack.environment, "PATH": f"{shims}:{stack.environment['PATH']}", "AWS_ITSELF": str(pathlib.Path(sys.executable).parent / "aws"),
            "WAYBILL_BINARIES": str(functions_that_do_nothing(folder / ".functions")), "SAM_CLI_TELEMETRY": "0",
        }
        prelude, self.commands = commands(RUNBOOK.read_text())
        self.terminal = Terminal(folder, environment, prelude.replace("WAYBILL_STACK=waybill", f"WAYBILL_STACK={stack.stack}"))
        self.people = People(stack, folder, clone)
        self.wrong, self.ran, self.left, self.otherwise, self.met = [], 0, [], 0, set()

    def run(self, only):
        self.people.prepare()
        for command in self.commands:
            key, case = case_of(command)
            self.met.add(key)
            if only and only not in command.text:
                continue
            if case.runs:
                self.one(command, case)
            else:
                self.left.append(f"{command.text}: {case.why}")
        self.wrong += [f"CASES has what is no command of {RUNBOOK.name}: {key}" for key in set(CASES) - self.met]

    def one(self, command, case):
        began, typed = time.monotonic(), command.text
        try:
            typed = fill(command.text, self.people, case.needs and case.needs(self.people))
            answers = case.answers(self.people) if callable(case.answers) else case.answers
            ended = self.terminal.type(typed, answers, self.people.clone if case.folder == "clone" else None)
            if case.after:
                case.after(self.people)
        except (Failed, LookupError, StopIteration, BotoCoreError, ClientError) as error:
            ended = Ended(-1, f"it cannot be prepared: {error!r}")
        fine = self.is_fine(case, ended)
        self.ran += 1
        self.otherwise += case.code != 0
        took = time.monotonic() - began
        print(f"{'ok' if fine else 'WRONG':5} {took:5.1f} s {command.line:5} {typed.splitlines()[0][:150]}", flush=True)
        if not fine:
            expected = "a failure" if case.code is None else case.code
            self.wrong.append(f"{RUNBOOK.name}:{command.line}: {typed}\nended with {ended.code}, not {expected} and {case.says!r}:\n{ended.said[-1500:]}")

    @staticmethod
    def is_fine(case, ended):
        if case.code == 0 and not case.says and COMPLAINT.search(ended.said):
            return False
        as_expected = ended.code > 0 if case.code is None else ended.code == case.code
        return as_expected and bool(re.search(case.says, ended.said))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--only", metavar="TEXT", help="only commands with this text")
    arguments.add_argument("--beside", metavar="NAME", help="a deployment that runs, with its simulators, in place of one of its own")
    arguments = arguments.parse_args()
    if arguments.beside:
        trial = Trial(LocalStack(arguments.beside).attached())
        trial.run(arguments.only)
    else:
        with LocalStack("runbook") as stack:
            trial = Trial(stack)
            trial.run(arguments.only)
    for line in trial.left:
        print(f"not run: {line}")
    print(f"{trial.ran} commands ran, {trial.otherwise} of them to say what is not there; {len(trial.left)} cannot run here")
    for line in trial.wrong:
        print(f"WRONG: {line}", file=sys.stderr)
    sys.exit(1 if trial.wrong else 0)


if __name__ == "__main__":
    main()
