"""Starts MiniStack as `local` wants it.

Six things differ from `python -m ministack`:

- The Runtime API that MiniStack serves to each function writes an answer in several pieces. Nagle's algorithm then holds
  the last piece back until the peer's delayed acknowledgement, about 40 ms per invocation. It is switched off.
- With `--stop-with-parent` the end of standard input ends MiniStack and its functions: a demo that is killed leaves
  nothing running.
- What the functions do is counted (`ministack_counts.py`).
- What they log is read to its end (`ministack_logs.py`).
- Who may send a message may send several in one request: AWS has no permission of its own for that (`BATCHES`).
- A number that comes from a template's parameter is text to MiniStack; the concurrency of a queue's functions, which it compares, is
  made a number.
"""

import http.server
import os
import signal
import sys
import threading
import time

import ministack_counts
import ministack_logs

PARENT_FLAG = "--stop-with-parent"
GRACE_SECONDS = 5

# Requests that AWS permits by another one's name: the SQS API Reference says so at SendMessageBatch.
BATCHES = {"sqs:SendMessageBatch": "sqs:SendMessage"}


def stop_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def permit_batches() -> None:
    from ministack.core import iam_actions

    of_request = iam_actions.extract_iam_action

    def action(*request):
        name = of_request(*request)
        return BATCHES.get(name, name)

    iam_actions.extract_iam_action = action


def count_concurrency() -> None:
    from ministack.services import lambda_svc

    of_mapping = lambda_svc._sqs_esm_concurrency

    def concurrency(mapping, *rest):
        scaling = {name: int(value) for name, value in (mapping.get("ScalingConfig") or {}).items()}
        return of_mapping(mapping | {"ScalingConfig": scaling}, *rest)

    lambda_svc._sqs_esm_concurrency = concurrency


def main() -> None:
    http.server.BaseHTTPRequestHandler.disable_nagle_algorithm = True
    if PARENT_FLAG in sys.argv:
        sys.argv.remove(PARENT_FLAG)
        threading.Thread(target=stop_with_parent, daemon=True).start()
    import ministack.app as emulator

    permit_batches()
    count_concurrency()
    ministack_logs.install()
    ministack_counts.install(emulator)
    emulator.main()


if __name__ == "__main__":
    main()
