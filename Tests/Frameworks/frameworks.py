#!/usr/bin/env python3
"""Trains with PyTorch, XGBoost and JAX over several workers, and compares with one process.

    make release lab
    python3 -m venv /tmp/frameworks
    /tmp/frameworks/bin/pip install torch==2.13.0+cpu scikit-learn xgboost-cpu jax
    Tests/Frameworks/frameworks.py /tmp/frameworks [torch] [xgboost] [jax]

(For `+cpu` pip has to know of PyTorch's index, or of a wheel.) Workers are real sshds on loopback
addresses for the present account, run by the `lab` tool, each with an agent of its own; all use the
environment that is named, as `environment: {existing: …}`. It ends with 1 where a result is not
that of a single process. `SHUNT_BINARY` and `LAB_BINARY` name other programs than those of
the build.
"""

import json
import math
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Benchmarks"))

from bench import SHUNT  # noqa: E402
from remote import Fleet  # noqa: E402

WORKERS = ["w1", "w2", "w3", "w4"]


def alone(fleet, environment, script):
    """The result of one process, here and without Shunt."""
    subprocess.run([environment / "bin" / "python", HERE / script], cwd=fleet.work, check=True)
    return json.loads((fleet.work / "metrics.json").read_text())


def together(fleet, environment, script, nodes, *flags):
    """The result of a job of several nodes, and the seconds that it took."""
    for old in fleet.work.iterdir():
        old.unlink()
    (fleet.work / script).write_text((HERE / script).read_text())
    (fleet.work / "job.yaml").write_text(
        f"run: [python, {script}]\nenvironment: {{existing: {environment}}}\n")
    begin = time.monotonic()
    done = subprocess.run(
        [SHUNT, "run", "-q", "-f", "job.yaml", "--on", ",".join(WORKERS), "--nodes", str(nodes),
         *flags],
        cwd=fleet.work, env=fleet.env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{script} on {nodes} nodes: {done.returncode}\n{done.stdout}{done.stderr}")
    return json.loads((fleet.work / "metrics.json").read_text()), time.monotonic() - begin


def same(one, other, keys):
    return all(math.isclose(one[key], other[key], rel_tol=1e-9) for key in keys)


def torch(fleet, environment):
    expected = alone(fleet, environment, "ddp.py")
    if expected["last_loss"] > expected["first_loss"] / 2:
        yield "PyTorch, one process", "the loss does not fall", 0.0, False
    for nodes, processes in ((2, 2), (4, 1)):
        result, seconds = together(
            fleet, environment, "ddp.py", nodes, "--launch", "torchrun",
            "--processes-per-node", str(processes))
        yield (
            f"PyTorch, DistributedDataParallel, {nodes} workers × {processes}",
            f"loss {result['first_loss']:.4f} to {result['last_loss']:.4f}, "
            f"accuracy {result['accuracy']:.4f}",
            seconds,
            result["processes"] == 4
            and same(result, expected, ["accuracy", "last_loss", "norm"])
            and (fleet.work / "model.pt").exists())


def xgboost(fleet, environment):
    expected = alone(fleet, environment, "boost.py")
    result, seconds = together(fleet, environment, "boost.py", 3, "--launch", "per-process")
    yield (
        "XGBoost, its own collective, 3 workers",
        f"accuracy {result['accuracy']:.4f}, one process {expected['accuracy']:.4f}", seconds,
        result["processes"] == 3 and result["accuracy"] >= expected["accuracy"] - 0.005)


def jax(fleet, environment):
    result, seconds = together(fleet, environment, "collective.py", 2)
    yield (
        "JAX, a sum over 2 workers", f"{result['sum']:.0f} of {result['processes']} processes",
        seconds, result == {"sum": 9.0, "processes": 2})


PARTS = {"torch": torch, "xgboost": xgboost, "jax": jax}


def main():
    if len(sys.argv) < 2 or any(part not in PARTS for part in sys.argv[2:]):
        sys.exit(__doc__)
    environment = pathlib.Path(sys.argv[1]).resolve()
    is_right = True
    with Fleet({name: {} for name in WORKERS}) as fleet:
        fleet.add()
        print("| what | result | seconds | as one process |\n|---|---|---|---|")
        for part in sys.argv[2:] or PARTS:
            for what, result, seconds, holds in PARTS[part](fleet, environment):
                is_right = is_right and holds
                print(f"| {what} | {result} | {seconds:.1f} | {'yes' if holds else 'NO'} |",
                      flush=True)
    sys.exit(0 if is_right else 1)


main()
