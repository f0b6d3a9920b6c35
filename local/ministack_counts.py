"""Counts what each function costs while it runs on MiniStack: what AWS would bill, by function and by service.

`GET /_waybill/counts` answers `{"functions": {<function>: {"invocations", "messages", "seconds", "memory_mb", "log_bytes",
"vendor_calls", "read_units", "write_units", "calls": {"dynamodb:PutItem": n, ...}}, ...}, "metrics": [<name>, ...]}`. A
caller that is no function (the operator's command, the deployment) is `"operator"`. Calls to vendors and metrics are
those that a function's log tells of.

Units of reads and writes are MiniStack's own sums, which follow DynamoDB's rules for transactions and indexes; it gives
them only when asked, so every call asks. A function is known by the key of its role. The polls of a queue on a worker's
behalf never leave the emulator and are not calls here.
"""

import json
import re
import threading
import time
from collections import defaultdict

COUNTED = ("dynamodb", "sqs", "s3", "secretsmanager", "kms", "scheduler")
PATH = "/_waybill/counts"
OPERATOR = "operator"
VENDOR_CALL = b'"message":"called"'
METRIC = re.compile(rb'"Name":"(\w+)"')
READS = ("GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems")

_lock = threading.Lock()
_by_key: dict[str, str] = {}


def _nothing() -> dict:
    numbers = ("invocations", "messages", "seconds", "memory_mb", "log_bytes", "vendor_calls", "read_units", "write_units")
    return dict.fromkeys(numbers, 0) | {"calls": defaultdict(int)}


_counts: dict[str, dict] = defaultdict(_nothing)
_metrics: set[str] = set()


def install(emulator) -> None:
    """Puts the counters between the emulator and its services."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    lambda_runtime.execution_credentials = _naming(lambda_runtime.execution_credentials)
    lambda_svc.execution_credentials = lambda_runtime.execution_credentials
    lambda_svc._execute_function_dispatch = _timed(lambda_svc._execute_function_dispatch)
    for name in COUNTED:
        module = emulator._get_module(name)
        module.handle_request = _counted(name, module.handle_request)
    emulator.app = _shown(emulator.app)


def _naming(credentials):
    def named(config):
        made = credentials(config)
        _by_key[made["AWS_ACCESS_KEY_ID"]] = config.get("FunctionName", "unknown")
        return made

    return named


def _timed(execute):
    def timed(func, config, event, *rest):
        began = time.monotonic()
        result = execute(func, config, event, *rest)
        log = (result.get("log") or "").encode()
        with _lock:
            function = _counts[config.get("FunctionName", "unknown")]
            function["invocations"] += 1
            function["messages"] += len(event.get("Records") or []) if isinstance(event, dict) else 0
            function["seconds"] += time.monotonic() - began
            function["memory_mb"] = int(config.get("MemorySize") or 0)
            function["log_bytes"] += len(log)
            function["vendor_calls"] += log.count(VENDOR_CALL)
            _metrics.update(name.decode() for name in METRIC.findall(log))
        return result

    return timed


def _caller(headers: dict) -> str:
    credential = headers.get("authorization", "").partition("Credential=")[2]
    return _by_key.get(credential.partition("/")[0], OPERATOR)


def _operation(service: str, method: str, path: str, headers: dict, query: dict) -> str:
    target = headers.get("x-amz-target", "")
    if target:
        return target.rpartition(".")[2]
    if service != "s3":
        return method
    has_key = "/" in path.strip("/")
    return f"{method}Object" if has_key else f"{method}Bucket"


def _counted(service: str, handle):
    async def counted(method, path, headers, body, query, **more):
        caller, operation = _caller(headers), _operation(service, method, path, headers, query)
        if service == "dynamodb":
            body = _asking_for_units(body)
        answer = await handle(method, path, headers, body, query, **more)
        with _lock:
            counts = _counts[caller]
            counts["calls"][f"{service}:{operation}"] += 1
            if service == "dynamodb":
                counts["read_units" if operation in READS else "write_units"] += _units_of(answer[2])
        return answer

    return counted


def _asking_for_units(body: bytes) -> bytes:
    try:
        asked = json.loads(body)
    except ValueError:
        return body
    if not ("TableName" in asked or "RequestItems" in asked or "TransactItems" in asked):
        return body
    return json.dumps(asked | {"ReturnConsumedCapacity": "TOTAL"}).encode()


def _units_of(body) -> float:
    try:
        consumed = json.loads(body).get("ConsumedCapacity") or []
    except (ValueError, AttributeError):
        return 0.0
    parts = consumed if isinstance(consumed, list) else [consumed]
    return sum(part.get("CapacityUnits", 0.0) for part in parts)


def _shown(app):
    async def shown(scope, receive, send):
        if scope["type"] != "http" or scope["path"] != PATH:
            await app(scope, receive, send)
            return
        with _lock:
            body = json.dumps({"functions": _counts, "metrics": sorted(_metrics)}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return shown
