"""What the fakes' books must show when all the work is done. Pure: books in, faults in words out."""

import collections
import re

PROBLEM = "custbody_waybill_problem"
JOB = re.compile(r"[A-Z2-7]{26}")
# Sales orders whose goods have all left.
SHIPPED = {"F", "G"}
GOOD = {"ok", "international", "missing_weight"}


class Books:
    """Both sides' books at one moment."""

    def __init__(self, orders, netsuite, ups):
        self.orders, self.netsuite, self.ups = orders, netsuite, ups
        self.live = [one for one in ups["billed_shipments"] if not one["voided"]]

    def fulfilments(self, order):
        return self.netsuite["fulfilments"].get(str(order["id"]), {}).get("fulfilments", [])

    def status(self, order):
        return self.netsuite["fulfilments"].get(str(order["id"]), {}).get("status")

    def fields(self, order):
        return self.netsuite["order_custom_fields"].get(str(order["id"]), {})

    def problem(self, order):
        return self.fields(order).get(PROBLEM)

    def is_shipped(self, order):
        return self.status(order) in SHIPPED

    def has_ended(self, order):
        """Whether nothing more is to come: the order's own fields are written after its fulfilment."""
        return not (good_order if order["kind"] in GOOD else bad_order)(self, order)

    def is_settled(self):
        """Whether every order has ended and no purchase is there twice, which a later look would find and void."""
        return all(map(self.has_ended, self.orders)) and not duplicated_jobs(self.live)


def jobs_of(shipment):
    return {one["value"] for one in shipment["references"] if JOB.fullmatch(one["value"])}


def numbers_of(shipment):
    return {package["number"] for package in shipment["packages"]}


def duplicated_jobs(live):
    counted = collections.Counter(job for one in live for job in jobs_of(one))
    return [job for job, count in counted.items() if count > 1]


def faults(books, explained):
    """Everything that is not as promised; `explained` are patterns of notes with the reason why each is no fault of ours."""
    found = []
    for order in books.orders:
        found += (good_order if order["kind"] in GOOD else bad_order)(books, order)
    found += [f"job {job} has two shipments that were not voided" for job in duplicated_jobs(books.live)]
    found += unwritten(books)
    found += erp_duplicates(books.netsuite["duplicates"])
    return found + unexplained(books, explained)


def good_order(books, order):
    name = f"{order['tranid']} ({order['kind']})"
    if not books.is_shipped(order):
        return [f"{name} has not shipped: {books.problem(order) or 'no problem is shown'}"]
    found = [f"{name} shipped and still shows a problem: {books.problem(order)}"] if books.problem(order) else []
    numbers = {number for one in books.fulfilments(order) for number in one["tracking"]}
    shown = " ".join(str(value) for value in books.fields(order).values())
    missing = [number for number in numbers if number not in shown]
    if missing:
        found.append(f"{name} does not show the tracking numbers {', '.join(missing)} on the order itself")
    return found


def bad_order(books, order):
    name = f"{order['tranid']} ({order['kind']})"
    found = [] if books.problem(order) else [f"{name} is not flagged"]
    if books.fulfilments(order):
        found.append(f"{name} was fulfilled")
    return found


def unwritten(books):
    """Each unvoided shipment is one unit, and one fulfilment under the unit's id has exactly its tracking numbers."""
    found = []
    fulfilments = [one for order in books.orders for one in books.fulfilments(order)]
    by_job = collections.defaultdict(list)
    for one in fulfilments:
        by_job[one["externalid"]].append(one)
    for shipment in books.live:
        jobs = jobs_of(shipment)
        if len(jobs) != 1:
            found.append(f"shipment {shipment['id']} carries {len(jobs)} job ids")
            continue
        written = by_job.pop(jobs.pop(), [])
        if len(written) != 1 or sorted(written[0]["tracking"]) != sorted(numbers_of(shipment)):
            found.append(f"shipment {shipment['id']} has {len(written)} fulfilments: {[one['tracking'] for one in written]}")
    return found + [f"fulfilment {one['id']} ({job}) has no shipment" for job, all_of_them in by_job.items() for one in all_of_them]


def erp_duplicates(duplicates):
    # The same lines in two fulfilments are no duplicate where an order ships in equal units; over-fulfilment would show.
    return [f"the ERP shows {kind}: {what}" for kind, what in duplicates.items() if what and kind != "orders_with_identical_fulfilments"]


def unexplained(books, explained):
    found, used = [], set()
    for fake, stats in (("netsuite", books.netsuite), ("ups", books.ups)):
        for note, count in stats["notes"].items():
            pattern = next((one for one in explained if re.search(one, f"{fake}: {note}")), None)
            used.add(pattern)
            if pattern is None:
                found.append(f"{fake} noted {count} times: {note}")
    return found + [f"the explained note never came: {one}" for one in explained if one not in used]
