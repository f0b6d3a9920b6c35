#!/usr/bin/env python3
"""Writes a bill of materials (CycloneDX) of every function and of the command into `target/sbom/`.

cargo-cyclonedx writes it beside each manifest, from where it is moved. Each is then held against what cargo itself links for the
functions' processors, and that against Cargo.lock: a crate that ships and is not named fails the run.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOLS = ROOT / "target" / "ci" / "tools"
BILLS = ROOT / "target" / "sbom"
VERSION = "0.5.9"
# What cargo-cyclonedx is to call its files, so that they are known for its own.
NAME = "waybill-bill-of-materials"
TARGETS = ["aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu"]


def main():
    members = members_of_the_workspace()
    shipping = {name: folder for name, folder in members.items() if ships(folder)}
    bills = written(members, shipping)
    locked = crates_of_the_lock()
    faults = [fault for name in shipping for fault in judge(name, linked(name), named(bills[name]), locked)]
    for fault in faults:
        print(f"FAULT: {fault}")
    every = set().union(*(named(bill) for bill in bills.values()))
    print(f"{len(bills)} bills of {len(every)} crates are in {BILLS.relative_to(ROOT)}, {len(faults)} faults")
    return 1 if faults or not bills else 0


def members_of_the_workspace():
    metadata = json.loads(output("cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"))
    return {one["name"]: pathlib.Path(one["manifest_path"]).parent for one in metadata["packages"]}


def ships(folder):
    return folder.parent == ROOT / "functions" or folder == ROOT / "cli"


def written(members, shipping):
    """The bill of each member that ships; those of the others go."""
    program = ready()
    try:
        run = ["cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5", "--target", TARGETS[0], "--override-filename", NAME]
        subprocess.run([program, *run], cwd=ROOT, stdin=subprocess.DEVNULL, check=True)
        bills = {name: json.loads((folder / f"{NAME}.json").read_text()) for name, folder in shipping.items()}
    finally:
        for folder in members.values():
            (folder / f"{NAME}.json").unlink(missing_ok=True)
    BILLS.mkdir(parents=True, exist_ok=True)
    for name, bill in bills.items():
        (BILLS / f"{name}.cdx.json").write_text(json.dumps(bill, indent=1))
    return bills


def ready():
    """The pinned cargo-cyclonedx, installed where it is not yet."""
    program = TOOLS / "bin" / "cargo-cyclonedx"
    if not program.exists() or VERSION not in output(program, "cyclonedx", "--version"):
        install = ["cargo", "install", "--quiet", "--locked", "--root", TOOLS, f"cargo-cyclonedx@{VERSION}"]
        subprocess.run(install, cwd=ROOT, stdin=subprocess.DEVNULL, check=True)
    return program


def linked(member):
    """Every crate that is linked into a member, as `name version`."""
    crates = set()
    for target in TARGETS:
        tree = ["cargo", "tree", "--locked", "--package", member, "--edges", "normal", "--target", target, "--prefix", "none"]
        lines = output(*tree).splitlines()
        crates.update(f"{found[1]} {found[2]}" for found in map(re.compile(r"(\S+) v(\S+)").match, lines) if found)
    return crates


def named(bill):
    return {f"{one['name']} {one['version']}" for one in [bill["metadata"]["component"], *bill["components"]]}


def crates_of_the_lock():
    packages = re.findall(r'\[\[package\]\]\nname = "(.+)"\nversion = "(.+)"', (ROOT / "Cargo.lock").read_text())
    return {f"{name} {version}" for name, version in packages}


def judge(member, linked, named, locked):
    if len(linked) < 10:
        return [f"{member} is linked of {len(linked)} crates, which cannot be"]
    missing = [f"the bill of {member} does not name {crate}, which is linked into it" for crate in sorted(linked - named)]
    return missing + [f"{crate} of {member} is not in Cargo.lock" for crate in sorted(linked - locked)]


def output(*command):
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
