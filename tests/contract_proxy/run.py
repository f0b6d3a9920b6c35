#!/usr/bin/env python3
"""Ships orders with a proxy before the simulated UPS, FedEx and ShipStation that holds every exchange against their own OpenAPI files.

UPS carries the demo's orders; what is asked of FedEx and of ShipStation is a story of the scenarios each.
The proxy is `contract/contract-proxy` of the folder `shared` beside the project; without it this test says so and is skipped.
A violation under `request` is a fault of the product, one under `response` a fault of the simulator, and one that is the
published file's own fault stands in `allowed.json` with the reason, as does a path that the vendor documents elsewhere only. The
test also fails when the proxy saw nothing, when any other path is in no published file, and when an entry of `allowed.json` explains
nothing any more.
"""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import re
import select
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# The first run installs the validator from npm.
PROXY_STARTS_WITHIN = 600
STORY_ENDS_WITHIN = 1800


def main():
    arguments = parse()
    proxy = arguments.shared / "contract" / "contract-proxy"
    if not proxy.exists():
        skip(proxy)
        return 0
    allowed = json.loads((HERE / "allowed.json").read_text())
    faults = [fault for vendor in arguments.vendors for fault in hold(vendor, proxy, [one for one in allowed if one["vendor"] == vendor])]
    return 1 if faults else 0


def hold(vendor, proxy, allowed):
    """Every fault of a vendor's exchanges in words."""
    report = ROOT / "target" / "contract_proxy" / f"{vendor}.jsonl"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    story = STORIES[vendor](proxy, report)
    exchanges = [json.loads(line) for line in report.read_text().splitlines()] if report.exists() else []
    faults = judge(exchanges, allowed)
    print_summary(exchanges, story)
    for fault in faults:
        print(f"FAULT: {fault}")
    print(f"{vendor}: {len(exchanges)} exchanges, {len(faults)} faults; the report is {report.relative_to(ROOT)}")
    return faults


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=lambda path: pathlib.Path(path).resolve(), default=ROOT.parent / "shared", help="the folder with contract/ and specs/")
    parser.add_argument("vendors", nargs="*", metavar="vendor", help=f"whose files: {', '.join(STORIES)}; all of them where none is named")
    arguments = parser.parse_args()
    arguments.vendors = arguments.vendors or list(STORIES)
    unknown = [vendor for vendor in arguments.vendors if vendor not in STORIES]
    return parser.error(f"no story of {unknown}") if unknown else arguments


def skip(missing):
    line = "!" * 78
    print(line, f"The contract proxy is not there: {missing}", "NOTHING WAS HELD AGAINST THE VENDORS' PUBLISHED FILES.", line, sep="\n")
    print("SKIPPED: contract_proxy (no ../shared)")


def free_ports(count):
    """Ports that nothing listens on; all are held until the last is known, so that they differ."""
    holders = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


@contextlib.contextmanager
def standing_before(vendor, proxy, report):
    """A proxy before a port that is still free; both ports."""
    port, proxy_port = free_ports(2)
    listening = subprocess.Popen([proxy, vendor, f"http://127.0.0.1:{port}", str(proxy_port), report], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    try:
        wait_until_ready(listening)
        yield port, f"http://127.0.0.1:{proxy_port}"
    finally:
        listening.terminate()
        listening.wait(timeout=30)


def ship_with_ups(proxy, report):
    """Runs the demo with the proxy in between, with NetSuite's orders, which are of every kind; answers the demo's totals."""
    with standing_before("ups", proxy, report) as (port, url):
        demo = ["cargo", "demo", "--", "--json", "--pairing", "netsuite-ups", "--orders", "25", "--ups-port", str(port), "--ups-url", url]
        ran = subprocess.run(demo, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=STORY_ENDS_WITHIN, check=True)
        return json.loads(ran.stdout)


def ship_with_fedex(proxy, report):
    """What is asked of FedEx."""
    return tell("fedex", proxy, report)


def ship_in_shipstation(proxy, report):
    """What is asked of ShipStation."""
    return tell("shipstation", proxy, report)


def tell(vendor, proxy, report):
    """Tells one story of the scenarios with the proxy in between; answers its name."""
    story = f"{vendor}::everything_that_is_asked_of_{vendor}"
    with standing_before(vendor, proxy, report) as (port, url):
        where = os.environ | {f"WAYBILL_{vendor.upper()}_PORT": str(port), f"WAYBILL_{vendor.upper()}_URL": url}
        test = ["cargo", "test", "--workspace", "--test", "scenarios", "--", "--ignored", "--exact", story]
        ran = subprocess.run(test, cwd=ROOT / "tests", env=where, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=STORY_ENDS_WITHIN)
        if ran.returncode != 0 or "1 passed" not in ran.stdout:
            sys.exit(f"{ran.stdout}\nthe story did not end well")
    return story


STORIES = {"ups": ship_with_ups, "fedex": ship_with_fedex, "shipstation": ship_in_shipstation}


def wait_until_ready(listening):
    """Waits for the one line that the proxy prints when it listens."""
    give_up = time.monotonic() + PROXY_STARTS_WITHIN
    while time.monotonic() < give_up:
        if listening.poll() is not None:
            break
        if select.select([listening.stdout], [], [], 1)[0] and "listening" in listening.stdout.readline():
            return
    sys.exit("the contract proxy did not start")


def judge(exchanges, allowed):
    """Every fault in words."""
    faults = [] if exchanges else ["the proxy saw no exchange at all"]
    used = set()
    for exchange in exchanges:
        if "failure" in exchange:
            faults.append(f"{named(exchange)}: the proxy could not judge it: {exchange['failure']}")
        if exchange.get("unknown"):
            entry = next((n for n, one in enumerate(allowed) if one.get("unknown") == call(exchange)), None)
            if entry is None:
                faults.append(f"{named(exchange)}: no published file has this path")
            else:
                used.add(entry)
        for violation in exchange["violations"]:
            entry = next((n for n, one in enumerate(allowed) if explains(one, exchange, violation)), None)
            if entry is None:
                faults.append(f"{named(exchange)}: {violation['where']}: {violation['message']}")
            else:
                used.add(entry)
    stale = [one for n, one in enumerate(allowed) if n not in used]
    faults += [f"allowed.json: nothing matched {one.get('unknown') or (one['operation'], one['where'], one['message'])}" for one in stale]
    return [f"{fault} ({count}x)" if count > 1 else fault for fault, count in collections.Counter(faults).items()]


def call(exchange):
    """Method and path, without the identifiers in it and the query."""
    path = exchange["path"].partition("?")[0]
    return exchange["method"] + " " + re.sub(r"/(1Z\w+|[A-Z2-7]{26}|se-[a-z0-9-]+|netsuite[:%]\S+)(?=/|$)", "/{id}", path)


def named(exchange):
    """The exchange without the identifiers in its path."""
    operation = f" [{exchange['file']} {exchange['operation']}]" if "file" in exchange else ""
    return f"{call(exchange)} {exchange.get('status', 'no answer')}{operation}"


def place(where):
    """Where a violation stands, for every element of a list alike."""
    return re.sub(r"\.\d+(?=\.|$)", ".*", where)


def explains(entry, exchange, violation):
    if "unknown" in entry:
        return False
    same = entry["file"] == exchange.get("file") and entry["operation"] == exchange.get("operation")
    return same and entry["where"] == place(violation["where"]) and re.search(entry["message"], violation["message"]) is not None


def print_summary(exchanges, story):
    counts = collections.Counter(named(exchange) for exchange in exchanges)
    for name, count in sorted(counts.items()):
        print(f"{count:6} {name}")
    print(f"the story: {json.dumps(story)}")


if __name__ == "__main__":
    sys.exit(main())
