"""Lets the parcels travel in the fake UPS, while pushes are lost, doubled and late, and judges what NetSuite shows of it."""

import collections
import json
import time

PATIENCE = 240
STATUS = "custbody_waybill_status"
SIGNED_BY = "custbody_waybill_signed_by"

# Every fifth push is lost, every seventh comes twice, every third late: what is missing must be asked for.
PUSH_FAULTS = [
    {"op": "webhook", "kind": "webhook_lost", "every": 5},
    {"op": "webhook", "kind": "webhook_dup", "every": 7},
    {"op": "webhook", "kind": "webhook_delay", "every": 3, "ms": 2500},
    {"op": "track", "kind": "http_429", "occurrences": [4], "retry_after": 1},
    {"op": "track", "kind": "drop_before", "occurrences": [9]},
    {"op": ["track_alert_v1"], "kind": "http_503", "occurrences": [1]},
]

# What may happen to the parcels of an order, and what the order must show in the end.
JOURNEYS = [
    (["picked_up", "departed", "arrived", "out_for_delivery", "delivered"], "Delivered"),
    (["picked_up", "weather", "departed", "loaded_d", "out_for_delivery_d", "delivered"], "Delivered"),
    (["picked_up", "departed", "unknown_code", "arrived"], "In transit"),
    (["picked_up", "arrived", "out_for_delivery", "first_attempt", "updated"], "Exception"),
    (["picked_up", "arrived", "preparing", "loaded_d"], "Out for delivery"),
    (["picked_up", "arrived", "access_point"], "Available for pickup"),
    (["picked_up", "delay", "returned"], "Returned"),
    (["picked_up", "arrived", "out_for_delivery_d", "delivered", "photo"], "Delivered"),
]


def deliver(operator, netsuite, ups, books):
    """Faults in words; the shipped orders' parcels travel, an order's all alike."""
    parcels = {order["id"]: numbers(books, order) for order in books.orders if books.is_shipped(order)}
    ups.post("faults", {"faults": PUSH_FAULTS})
    found = subscribed(operator, ups, {number for each in parcels.values() for number in each})
    if found:
        return found
    travel(ups, parcels)
    expected = {order: JOURNEYS[index % len(JOURNEYS)][1] for index, order in enumerate(parcels)}
    began = time.monotonic()
    while True:
        # What a person does who does not wait for the schedules: lists are read now, and lost pushes made up for.
        operator.attempt("tracking", "poll", "--now")
        shown = netsuite.stats()["order_custom_fields"]
        wrong = differing(shown, expected)
        if not wrong or time.monotonic() - began > PATIENCE:
            break
        time.sleep(2)
    return wrong + tell(ups, shown, expected, time.monotonic() - began)


def numbers(books, order):
    return [number for one in books.fulfilments(order) for number in one["tracking"]]


def subscribed(operator, ups, wanted):
    """Every parcel is subscribed to, which a failed request may delay."""
    began = time.monotonic()
    while True:
        operator.attempt("tracking", "poll")
        operator.attempt("tracking", "renew")
        active = {one["number"] for one in ups.stats()["subscriptions"] if one["active"]}
        missing = wanted - active
        if not missing:
            print(f"subscribed to {len(active)} parcels in {time.monotonic() - began:.0f} s")
            return []
        if time.monotonic() - began > PATIENCE:
            return [f"parcels without a subscription: {', '.join(sorted(missing))}"]
        time.sleep(2)


def travel(ups, parcels):
    """Event by event through all journeys at once; what UPS does not push is only in its books."""
    for step in range(max(len(events) for events, _ in JOURNEYS)):
        for index, each in enumerate(parcels.values()):
            events = JOURNEYS[index % len(JOURNEYS)][0]
            if step < len(events) and each:
                ups.post("events", {"numbers": each, "event": events[step]})
                time.sleep(0.05)
        time.sleep(1)


def differing(shown, expected):
    wrong = []
    for order, status in expected.items():
        fields = shown.get(str(order), {})
        if fields.get(STATUS) != status:
            wrong.append(f"order {order} shows {fields.get(STATUS)!r} and not {status!r}")
        if status == "Delivered" and not fields.get(SIGNED_BY):
            wrong.append(f"order {order} does not show who signed")
    return wrong


def tell(ups, shown, expected, seconds):
    """Faults of the pushes; one that comes too late for the sender is made up for like one that is lost."""
    stats = ups.stats()
    pushed = collections.Counter(str(one["status"]) for one in stats["webhooks"])
    statuses = collections.Counter(shown.get(str(order), {}).get(STATUS) for order in expected)
    print(f"shown {json.dumps(dict(statuses))} after {seconds:.0f} s; pushes {json.dumps(dict(pushed))}")
    refused = sorted(status for status in pushed if status.isdigit() and status != "200")
    refused += [] if pushed["200"] else ["all of them"]
    return [f"pushes were not taken: {status}" for status in refused]
