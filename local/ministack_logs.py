"""A function's log is whole when its run ends.

A function writes its lines before it answers, but MiniStack has a thread of its own read them, and waits for it for some milliseconds.
On a busy machine that is not enough: lines are then given to the next run, or to none when the function is started anew. Here whoever
wants the log reads what is in the pipe himself.
"""

import contextlib
import os
import queue
import select
import threading


class Output:
    """What one process of a function writes, line by line."""

    def __init__(self, pipe, lines: queue.Queue):
        self.descriptor, self.lines = pipe.fileno(), lines
        self.reading = threading.Lock()
        self.begun, self.ended = b"", False

    def is_ready(self, patience: float | None = 0) -> bool:
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        return bool(poll.poll(patience))

    def read(self) -> None:
        """Reads all that has been written so far."""
        with self.reading:
            while not self.ended and self.is_ready():
                chunk = os.read(self.descriptor, 65536)
                *whole, self.begun = (self.begun + chunk).split(b"\n")
                if not chunk:
                    self.ended = True
                    whole = [self.begun] if self.begun else []
                for line in whole:
                    self._keep(line.decode("utf-8", errors="replace").rstrip("\r"))

    def _keep(self, line: str) -> None:
        if self.lines.full():
            with contextlib.suppress(queue.Empty):
                self.lines.get_nowait()
        self.lines.put_nowait(line)


def _pump(_, pipe, lines: queue.Queue) -> None:
    with pipe:
        output = lines.output = Output(pipe, lines)
        while not output.ended:
            output.is_ready(None)
            output.read()


def install() -> None:
    """Has functions' logs read so."""
    from ministack.core.lambda_runtime import ProvidedWorker

    what_is_there, after_a_wait = ProvidedWorker._drain_stderr, ProvidedWorker._drain_stderr_bounded

    def whole(worker, otherwise, *patience, **more) -> str:
        output = getattr(worker._stderr_queue, "output", None)
        if output is None:
            return otherwise(worker, *patience, **more)
        output.read()
        return what_is_there(worker)

    ProvidedWorker._pump_output = _pump
    ProvidedWorker._drain_stderr = lambda worker: whole(worker, what_is_there)
    ProvidedWorker._drain_stderr_bounded = lambda worker, *patience, **more: whole(worker, after_a_wait, *patience, **more)
