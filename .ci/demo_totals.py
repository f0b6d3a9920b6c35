"""Checks the totals that `cargo demo -- --json` prints, of each pairing and of all: `demo_totals.py JSON`. With `--chaos` functions were killed meanwhile:
an order may then be held for a person, but none may be lost, and nothing may be there twice."""

import json
import sys

totals = json.loads(sys.argv[1])
PAIRINGS = ["fusion-ups", "netsuite-fedex", "netsuite-shipstation", "netsuite-ups", "peoplesoft-ups"]


def promised_of(counts):
    """What holds for the documents of one pairing, and for all together."""
    ended = counts["shipped"] + counts["held"] + counts["cancelled"]
    return {
        "every order has ended": ended == counts["orders"],
        "every shipped order is written back": counts["written_back"] == counts["shipped"],
        "every shipped order is delivered": counts["delivered"] == counts["shipped"],
        "nothing is there twice": counts["duplicates"] == 0,
        "something has shipped": counts["shipped"] > 0,
    }


pairings = totals["pairings"]
promised = {f"all: {promise}": kept for promise, kept in promised_of(totals).items()}
for name, counts in pairings.items():
    promised |= {f"{name}: {promise}": kept for promise, kept in promised_of(counts).items()}
promised |= {
    "every pairing is there": sorted(pairings) == PAIRINGS,
    "the pairings add up": all(totals[key] == sum(counts[key] for counts in pairings.values()) for key in next(iter(pairings.values()), {})),
}
if "killed" in totals:
    promised |= {
        "functions were killed": totals["killed"] > 0,
        "most orders ship all the same": totals["shipped"] * 4 > totals["orders"] * 3,
    }
else:
    promised |= {
        "60 orders": totals["orders"] == 60,
        "5 are held": totals["held"] == 5,
        "5 are cancelled": totals["cancelled"] == 5,
        "a desk was told of stock": totals.get("stock_told", 0) > 0,
        "within two minutes": totals["seconds"] < 120,
    }
broken = [promise for promise, kept in promised.items() if not kept]
for promise in broken:
    print(f"not so: {promise}")
sys.exit(1 if broken else 0)
