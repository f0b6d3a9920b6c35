"""The deployed stack and its operator: `cargo local up`, the `waybill` command, `cargo local down`."""

import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CONNECTION = "acme-netsuite-ups"
# Building everything on a fresh machine takes this long at worst.
BUILDS_WITHIN = 3600


def up(api_url):
    """Starts the stack, which tells carriers this address of its API; answers the environment in which `waybill` reaches it, and the
    API's id."""
    told = {**os.environ, "WAYBILL_LOCAL_API_URL": api_url}
    subprocess.run(["cargo", "local", "up"], cwd=ROOT, env=told, stdin=subprocess.DEVNULL, check=True, timeout=BUILDS_WITHIN)
    status = subprocess.run(["cargo", "local", "status"], cwd=ROOT, stdin=subprocess.DEVNULL, check=True, capture_output=True, text=True).stdout
    exported = dict(re.findall(r"^\s*export (\w+)=(\S+)$", status, re.M))
    if "WAYBILL_STACK" not in exported:
        raise SystemExit(f"`cargo local status` names no stack:\n{status}")
    api = re.search(r"^\s*ApiId\s+(\w+)", status, re.M)
    if not api:
        raise SystemExit(f"`cargo local status` names no API:\n{status}")
    return {**os.environ, **exported, "USER": "fakes"}, api.group(1)


def down():
    subprocess.run(["cargo", "local", "down"], cwd=ROOT, stdin=subprocess.DEVNULL, check=False, timeout=BUILDS_WITHIN)


class Operator:
    """A person with the `waybill` command."""

    def __init__(self, environment):
        self.environment = environment

    def waybill(self, *arguments, stdin=""):
        """Runs the command; answers what it printed, or ends the test with what it said."""
        ran = self.attempt(*arguments, stdin=stdin)
        if ran.returncode != 0:
            raise SystemExit(f"waybill {' '.join(arguments)} failed:\n{ran.stdout}{ran.stderr}")
        return ran.stdout

    def attempt(self, *arguments, stdin=""):
        command = [ROOT / "target" / "debug" / "waybill", *arguments]
        return subprocess.run(command, env=self.environment, input=stdin, capture_output=True, text=True, timeout=300)

    def connect(self, file):
        """Applies a connection's file, checks both systems and starts it."""
        self.waybill("connection", "apply", str(file))
        self.waybill("hook", "create", CONNECTION, "--carrier")
        self.waybill("connection", "check", CONNECTION)
        self.waybill("connection", "resume", CONNECTION, "--yes")

    def poll(self):
        """Polls now. A poll that meets a fault says so and is made again."""
        return self.attempt("connection", "poll", CONNECTION).returncode == 0
