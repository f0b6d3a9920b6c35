"""Runs a program whose names beneath `localhost` are this machine, as browsers and curl take them: the local stack's HTTP API has
such a name, and the C library of most machines does not know it. `resolving.py PROGRAM ARGUMENT...`"""

import runpy
import socket
import sys

resolve = socket.getaddrinfo


def beneath_localhost(host, *arguments, **named):
    name = host.decode() if isinstance(host, bytes) else host
    return resolve("127.0.0.1" if name and name.endswith(".localhost") else host, *arguments, **named)


socket.getaddrinfo = beneath_localhost
sys.argv = sys.argv[1:]
sys.path.insert(0, str(__import__("pathlib").Path(sys.argv[0]).parent))
runpy.run_path(sys.argv[0], run_name="__main__")
