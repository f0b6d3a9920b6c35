"""The independent fakes as processes, and their control interface."""

import json
import pathlib
import select
import subprocess
import sys
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent


def python(folder):
    """The Python of a virtual environment with what the fakes need."""
    binary = folder / "bin" / "python"
    wanted, installed = HERE / "requirements.txt", folder / "installed.txt"
    if not installed.exists() or installed.read_bytes() != wanted.read_bytes():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [binary, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        pip += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--requirement", wanted]
        subprocess.run(pip, stdin=subprocess.DEVNULL, check=True)
        installed.write_bytes(wanted.read_bytes())
    return binary


class Fake:
    """One fake that runs, from its start to `stop`."""

    def __init__(self, interpreter, program, log):
        log.unlink(missing_ok=True)
        command = [interpreter, program, "--port", "0", "--log", log]
        self.process = subprocess.Popen(command, cwd=program.parent, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        ready = select.select([self.process.stdout], [], [], 30)[0]
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.stop()
            raise SystemExit(f"{program.name} did not start")
        self.url = json.loads(line)["url"]

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)

    def get(self, name):
        return self._ask(urllib.request.Request(f"{self.url}/_control/{name}"))

    def post(self, name, body):
        headers = {"content-type": "application/json"}
        return self._ask(urllib.request.Request(f"{self.url}/_control/{name}", json.dumps(body).encode(), headers))

    def stats(self):
        return self.get("stats")

    @staticmethod
    def _ask(request):
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
