"""Checks the totals that `cargo demo -- --json` prints: `demo_totals.py JSON`."""

import json
import sys

totals = json.loads(sys.argv[1])
ended = totals["shipped"] + totals["held"] + totals["cancelled"]
promised = {
    "25 orders": totals["orders"] == 25,
    "every order has ended": ended == totals["orders"],
    "every shipped order is written back": totals["written_back"] == totals["shipped"],
    "3 are held": totals["held"] == 3,
    "1 is cancelled": totals["cancelled"] == 1,
    "nothing is there twice": totals["duplicates"] == 0,
    "within a minute": totals["seconds"] < 60,
}
broken = [promise for promise, kept in promised.items() if not kept]
for promise in broken:
    print(f"not so: {promise}")
sys.exit(1 if broken else 0)
