#!/usr/bin/env python3
"""Measures environments on a worker behind a real sshd on loopback, and prints tables.

    make release lab && Tests/Benchmarks/environments.py [--runs 20] [--builds 5] [PART…]

PART is one or more of: cached build (default: both). The packages are those of jobs/digits. Peers run
in turn with Shunt in the same loop, with the caches of pip and uv as warm as for Shunt: each build is
preceded by one of the same packages. uv is made from the package index for the measurement.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile

from bench import ROOT, SHUNT, Home, row, timed
from remote import LAB, Fleet

REQUIREMENTS = (ROOT / "jobs" / "digits" / "requirements.txt").read_text()
PROGRAM = "import numpy"


def describe(home, number, worker, program=PROGRAM):
    """A job whose environment has its own digest by its number and the same packages."""
    (home.work / "requirements.txt").write_text(f"{REQUIREMENTS}# {number}\n")
    (home.work / "job.yaml").write_text(
        f"run: [python, -c, '{program}']\nenvironment: {{python: requirements.txt}}\n")
    return [SHUNT, "run", "-q", "--on", worker, "-f", "job.yaml"]


def cached(options):
    """The same command in the same environment, through Shunt and through ssh."""
    with Fleet({"near": {}}) as fleet:
        fleet.add()
        run = describe(fleet, 0, "near", f"{PROGRAM}; import sys; print(sys.prefix)")
        shown = subprocess.run(
            run, cwd=fleet.work, env=fleet.env, check=True, capture_output=True, text=True)
        python = shown.stdout.strip() + "/bin/python"
        master = str(fleet.root / "master")
        shared = ["-o", "ControlMaster=auto", "-o", f"ControlPath={master}",
                  "-o", "ControlPersist=60"]
        words = [python, "-c", f"'{PROGRAM}'"]
        for command in (run, fleet.ssh("near", *words, flags=shared)):
            timed(command, cwd=fleet.work, env=fleet.env)
        ours, cold, warm = [], [], []
        for _ in range(options.runs):
            ours.append(timed(run, cwd=fleet.work, env=fleet.env))
            cold.append(timed(fleet.ssh("near", *words)))
            warm.append(timed(fleet.ssh("near", *words, flags=shared)))
        subprocess.run(
            fleet.ssh("near", flags=["-O", "exit"] + shared), capture_output=True, check=False)
        print("\n| milliseconds | min | median | p90 |\n|---|---|---|---|")
        row("`shunt run -q --on … -f job.yaml`, environment there", ours)
        row(f"`ssh … ENV/bin/python -c '{PROGRAM}'`, cold", cold)
        row("the same over a ControlMaster", warm)


def build(options):
    """The first build of an environment, beside the installers alone."""
    with tempfile.TemporaryDirectory(prefix="shunt-bench-uv-") as tool:
        for words in (["python3", "-m", "venv", tool], [f"{tool}/bin/pip", "install", "-q", "uv"]):
            subprocess.run(words, check=True)
        uv = f"{tool}/bin/uv"
        peers = {
            "venv and pip": "python3 -m venv {0} && {0}/bin/pip install -q -r {1}",
            "uv": f"{uv} venv -q {{0}} && UV_LINK_MODE=copy {uv} pip install -q "
                  "--compile-bytecode --python {0}/bin/python -r {1}"}
        print("\n| milliseconds | min | median | p90 |\n|---|---|---|---|")
        for name, line in peers.items():
            with Home() as home:
                # The agent takes uv where it finds it.
                if name == "uv":
                    home.env["PATH"] = f"{tool}/bin:" + home.env["PATH"]
                ours, alone = [], []
                for number in range(options.builds + 1):
                    run = describe(home, f"{name} {number}", "local")
                    taken = timed(run, cwd=home.work, env=home.env)
                    target = home.root / f"peer-{number}"
                    peer = timed(
                        ["sh", "-c", line.format(target, home.work / "requirements.txt")])
                    shutil.rmtree(target)
                    # The first of either fills the caches.
                    if number > 0:
                        ours.append(taken)
                        alone.append(peer)
                row(f"`shunt run`, first build, by {name}", ours)
                row(f"{name} alone", alone)


def main():
    parts = [cached, build]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--builds", type=int, default=5)
    parser.add_argument("part", nargs="*", metavar="PART")
    options = parser.parse_args()
    if not LAB.exists():
        sys.exit(f"error: there is no {LAB}\n\nhint: make release lab")
    print(f"{os.cpu_count()} CPUs, Linux {os.uname().release}, load {os.getloadavg()[0]:.1f}")
    for part in parts:
        if not options.part or part.__name__ in options.part:
            part(options)


if __name__ == "__main__":
    main()
