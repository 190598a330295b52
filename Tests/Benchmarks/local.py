#!/usr/bin/env python3
"""Measures the main job on this machine beside its peers, and prints tables.

    make release && Tests/Benchmarks/local.py [--runs 20] [--jobs 1000] [--files 50000] [PART…]

PART is one or more of: latency syncs throughput resubmission memory sizes (default: all), or
containers, which needs podman and the image of the tests, `localhost/shunt-test:1`. Every part has
a home and a coordinator of its own in a temporary directory and stops them at its end. `syncs`
needs strace. Times are wall-clock seconds of whole processes; peers run in turn with Shunt
in the same loop, so that a machine whose speed drifts does not favour either.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time

from bench import MACHINE, SHUNT, Home, make_tree, request, row, submit_many, timed


def latency(options):
    print("\n| milliseconds | min | median | p90 |\n|---|---|---|---|")
    with Home() as home:
        home.shunt("run", "-q", "--", "true")
        ours, shell = [], []
        for _ in range(options.runs):
            ours.append(timed([SHUNT, "run", "-q", "--", "true"], cwd=home.work, env=home.env))
            shell.append(timed(["sh", "-c", "true"]))
        row("`shunt run -q -- true`", ours)
        row("`sh -c true`", shell)
        row("`shunt --version`", [timed([SHUNT, "--version"]) for _ in range(options.runs)])


def containers(options):
    image = "localhost/shunt-test:1"
    podman = ["podman", "run", "--rm", "--network=host", image, "true"]
    print("\n| milliseconds | min | median | p90 |\n|---|---|---|---|")
    with Home() as home:
        run = [SHUNT, "run", "-q", "--image", image, "--", "true"]
        home.shunt("run", "-q", "--image", image, "--", "true")
        ours, engine, bare = [], [], []
        for _ in range(options.runs):
            ours.append(timed(run, cwd=home.work, env=home.env))
            engine.append(timed(podman))
            bare.append(timed([SHUNT, "run", "-q", "--", "true"], cwd=home.work, env=home.env))
        row("`shunt run -q --image IMAGE -- true`", ours)
        row("`podman run --rm IMAGE true`", engine)
        row("`shunt run -q -- true`", bare)


def syncs(options):
    """Syncs of coordinator, agent, supervisor and init between the submit and the command."""
    with Home() as home:
        home.shunt("run", "-q", "--", "true")
        pids = home.pids("serve") + home.pids("daemon")
        trace = home.root / "trace"
        attach = ["strace", "-f", "-ttt", "-y", "-e", "trace=fsync,fdatasync,syncfs,sync_file_range",
                  "-o", str(trace)]
        for pid in pids:
            attach += ["-p", str(pid)]
        tracer = subprocess.Popen(attach, stderr=subprocess.PIPE)
        for _ in pids:
            tracer.stderr.readline()
        start = time.time()
        first = float(home.shunt("run", "-q", "--", "date", "+%s.%N"))
        tracer.terminate()
        tracer.wait()
        calls = []
        for line in trace.read_text().splitlines():
            match = re.match(r"\d+ (\d+\.\d+) (\w+)\(\d+<([^>]*)>", line)
            if match and start <= float(match.group(1)) <= first:
                calls.append((match.group(2), match.group(3).replace(str(home.root), "HOME")))
        if not calls:
            sys.exit("strace saw no sync: it was not attached yet")
        print(f"\nsyncs between submit and first instruction: {len(calls)} (at most 6)")
        for call, path in calls:
            print(f"  {call} {path}")


def throughput(options):
    with Home() as home:
        home.shunt("run", "-q", "--", "true")
        path = home.socket
        model = request(path, "GET", "/v1/jobs?all=1")[0]
        submitted, total = submit_many(home, model, options.jobs)
        states = [job["state"] for job in request(path, "GET", "/v1/jobs?all=1")]
        assert states.count("succeeded") == options.jobs + 1, set(states)
        begin = time.perf_counter()
        for _ in range(options.jobs):
            subprocess.run(["true"], check=True)
        plain = time.perf_counter() - begin
        print(f"\n{options.jobs} × `true`: durable after {submitted:.2f} s "
              f"({options.jobs / submitted:.0f} jobs/s), all ended after {total:.2f} s "
              f"({options.jobs / total:.0f} jobs/s); "
              f"a loop that forks `true`: {options.jobs / plain:.0f} a second")


def resubmission(options):
    with Home() as home:
        make_tree(home.work, options.files)
        git = ["git", "-c", "user.name=b", "-c", "user.email=b@example.org"]
        for step in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
            subprocess.run(git + step, cwd=home.work, check=True, stdout=subprocess.DEVNULL)
        command = [SHUNT, "submit", "-q", "--yes", "--", "true"]
        begin = time.perf_counter()
        first = home.shunt("submit", "-q", "--yes", "--", "true").strip()
        cold = time.perf_counter() - begin
        home.shunt("wait", first)
        ours, peer, whole = [], [], []
        for _ in range(max(3, options.runs // 4)):
            begin = time.perf_counter()
            job = home.shunt(*command[1:]).strip()
            ours.append(time.perf_counter() - begin)
            home.shunt("wait", job)
            whole.append(time.perf_counter() - begin)
            peer.append(timed(["git", "status", "--porcelain"], cwd=home.work))
        sent = json.loads(home.shunt("inspect", "-o", "json", job))["bytes_sent"]
        print(f"\n{options.files} files; first submit {cold:.2f} s; an unchanged one sends {sent} B"
              "\n\n| milliseconds | min | median | p90 |\n|---|---|---|---|")
        row("`shunt submit`, unchanged, until durable", ours)
        row("`git status`", peer)
        row("submit until the job has ended (checkout included)", whole)


def memory(options):
    with Home() as home:
        job = home.shunt("submit", "-q", "--", "sh", "-c", "echo up; exec sleep 60").strip()
        while "up" not in home.shunt("logs", job):
            pass
        print("\n| process | resident, MiB | private, MiB |\n|---|---|---|")
        for name, role in (("coordinator", "serve"), ("agent", "daemon"),
                           ("supervisor", "supervise"), ("init", "init")):
            for pid in home.pids(role):
                text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
                value = {key: int(number) / 1024
                         for key, number in re.findall(r"^(\w+):\s+(\d+) kB", text, re.M)}
                private = value["Private_Clean"] + value["Private_Dirty"]
                print(f"| {name} | {value['Rss']:.1f} | {private:.1f} |")
        home.shunt("cancel", "--now", job)
        home.shunt("wait", job)


def sizes(options):
    print("\n| binary | MiB |\n|---|---|")
    libexec = SHUNT.parents[1] / "libexec" / "shunt"
    for path in (SHUNT, libexec / f"shunt-agent-linux-{MACHINE}", libexec / "shunt-init"):
        print(f"| `{path.name}` | {path.stat().st_size / 2**20:.1f} |")


def main():
    parts = [latency, syncs, throughput, resubmission, memory, sizes]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("part", nargs="*", metavar='PART')
    options = parser.parse_args()
    print(f"{os.cpu_count()} CPUs, Linux {os.uname().release}, load {os.getloadavg()[0]:.1f}")
    # What needs more than the package has is measured when it is asked for.
    for part in parts + [containers] if options.part else parts:
        if not options.part or part.__name__ in options.part:
            part(options)


if __name__ == "__main__":
    main()
