#!/usr/bin/env python3
"""Measures the main job on workers behind SSH beside its peers, and prints tables.

    make release lab && Tests/Benchmarks/remote.py [--runs 20] [--jobs 1000] [--files 50000] [PART…]

PART is one or more of: latency throughput resubmission streams output tree enrolment (default: all),
or images, which needs podman and the image of the tests, `localhost/shunt-test:1`.
Workers are real sshds on loopback addresses, run by the `lab` tool for the present account; a far
one is behind its relay with a round trip of 50 ms. Peers (ssh, rsync) use the same sshd and run in
turn with Shunt in the same loop. `resubmission` and `tree` need rsync.
"""

import argparse
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

from bench import ROOT, Home, SHUNT, make_tree, request, row, submit_many, timed

LAB = pathlib.Path(os.environ.get("LAB_BINARY", ROOT / ".build" / "release" / "lab"))
STREAMS = pathlib.Path(
    os.environ.get("STREAM_BENCH_BINARY", ROOT / ".build" / "release" / "ssh-stream-bench"))
RTT = "25ms"


class Host:
    """An sshd of the present account on an address of its own, and optionally a link to it."""

    def __init__(self, root, name, address, delay=None, rate=None):
        self.directory = root / name
        self.directory.mkdir()
        self.name, self.processes = name, []
        words = [LAB, "sshd", "--address", address, "--dir", self.directory, "--alias", name]
        # What this account's engine is told here it is to be told there.
        if engine := os.environ.get("CONTAINERS_CONF"):
            words += ["--option", f"SetEnv CONTAINERS_CONF={engine}"]
        server = self.start(words)
        self.config = self.directory / "ssh_config"
        if delay or rate:
            words = [LAB, "relay", "--listen", f"{address}:0", "--to", f"{address}:{server}"]
            words += ["--delay", delay] if delay else []
            words += ["--rate", rate] if rate else []
            port = self.start(words)
            text = self.config.read_text().replace(f"Port {server}", f"Port {port}")
            key = (self.directory / "known_hosts").read_text().replace(f":{server} ", f":{port} ") \
                if (self.directory / "known_hosts").exists() else None
            self.config.write_text(text)
            if key:
                (self.directory / "known_hosts").write_text(key)

    def start(self, words):
        process = subprocess.Popen(
            [str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        line = process.stdout.readline().split()
        if not line or line[0] != "ready":
            sys.exit(f"{words}: {line}")
        return int(line[-1].rsplit(":")[-1])

    def stop(self):
        for process in reversed(self.processes):
            process.stdin.close()
            process.wait()


class Fleet(Home):
    """A home with workers: `near`, `far`, or several near ones."""

    def __init__(self, hosts):
        self.wanted = hosts

    def __enter__(self):
        super().__enter__()
        self.hosts = {}
        config = self.root / "ssh_config"
        text = ""
        for index, (name, link) in enumerate(self.wanted.items()):
            host = Host(self.root, name, f"127.0.2.{index + 1}", **link)
            self.hosts[name] = host
            text += host.config.read_text() + "\n"
        config.write_text(text)
        self.config = config
        self.env["SHUNT_SSH_CONFIG"] = str(config)
        return self

    def add(self, *names):
        for name in names or self.hosts:
            self.shunt("worker", "add", name, "--dir", str(self.root / f"agent-{name}"))

    def ssh(self, name, *words, flags=()):
        return ["ssh", "-F", str(self.config), *flags, name, *words]

    def __exit__(self, *rest):
        for worker in json.loads(self.shunt("worker", "ls", "-o", "json", check=False) or "[]"):
            if worker.get("address"):
                self.shunt("worker", "rm", worker["name"], "--purge", "--lost", check=False)
        super().__exit__(*rest)
        for host in self.hosts.values():
            host.stop()


def latency(options):
    for name, link in (("near", {}), ("far", {"delay": RTT})):
        with Fleet({name: link}) as fleet:
            fleet.add()
            master = str(fleet.root / "master")
            shared = ["-o", "ControlMaster=auto", "-o", f"ControlPath={master}",
                      "-o", "ControlPersist=60"]
            run = [SHUNT, "run", "-q", "--on", name, "--", "true"]
            for command in (run, fleet.ssh(name, "true", flags=shared)):
                for _ in range(3):
                    timed(command, cwd=fleet.work, env=fleet.env)
            ours, cold, warm = [], [], []
            for _ in range(options.runs):
                ours.append(timed(run, cwd=fleet.work, env=fleet.env))
                cold.append(timed(fleet.ssh(name, "true")))
                warm.append(timed(fleet.ssh(name, "true", flags=shared)))
            subprocess.run(fleet.ssh(name, flags=["-O", "exit"] + shared), capture_output=True)
            print(f"\n{name}: a round trip of {'50 ms' if link else 'loopback'}"
                  "\n\n| milliseconds | min | median | p90 |\n|---|---|---|---|")
            row("`shunt run -q --on … -- true`, warm", ours)
            row("`ssh … true`, cold", cold)
            row("`ssh … true` over a ControlMaster", warm)


def throughput(options):
    names = [f"w{index}" for index in range(1, 5)]
    with Fleet({name: {} for name in names}) as fleet:
        fleet.add()
        fleet.shunt("run", "-q", "--on", "any", "--", "true")
        model = request(fleet.socket, "GET", "/v1/jobs?all=1")[0]
        submitted, total = submit_many(fleet, model, options.jobs)
        jobs = request(fleet.socket, "GET", "/v1/jobs?all=1")
        assert all(job["state"] == "succeeded" for job in jobs)
        places = {}
        for job in jobs:
            places[job["worker"]] = places.get(job["worker"], 0) + 1
        print(f"\n{options.jobs} × `true` over 4 workers and `local`: durable after "
              f"{submitted:.2f} s, all ended after {total:.2f} s "
              f"({options.jobs / total:.0f} jobs/s); {places}")


def resubmission(options):
    with Fleet({"near": {}, "far": {"delay": RTT}}) as fleet:
        fleet.add()
        make_tree(fleet.work, options.files)
        print("\n| seconds | cold | min | median | p90 (unchanged) | bytes sent |\n"
              "|---|---|---|---|---|---|")
        for name in ("near", "far"):
            submit = ["submit", "-q", "--yes", "--on", name, "--", "true"]
            peer = ["rsync", "-a", "-e", f"ssh -F {fleet.config}", f"{fleet.work}/",
                    f"{name}:{fleet.root}/rsync-{name}"]
            cold = [handed_over(fleet, submit), timed(peer)]
            ours, theirs = [], []
            for _ in range(max(5, options.runs // 4)):
                ours.append(handed_over(fleet, submit))
                theirs.append(timed(peer))
            job = json.loads(fleet.shunt("ps", "-a", "-o", "json"))[0]
            for who, first, times, sent in (
                    ("shunt", cold[0], ours, job["bytes_sent"]), ("rsync -a", cold[1], theirs, "")):
                times.sort()
                print(f"| {who}, {name} | {first:.2f} | {times[0]:.3f} "
                      f"| {times[len(times) // 2]:.3f} | {times[int(len(times) * 0.9)]:.3f} "
                      f"| {sent} |")


def handed_over(fleet, submit):
    """From the submit until the worker has all that it needs."""
    begin = time.perf_counter()
    job = fleet.shunt(*submit).strip()
    fleet.shunt("wait", "--handed-over", job)
    taken = time.perf_counter() - begin
    fleet.shunt("wait", job)
    return taken


def streams(options):
    print("\n| MB/s | one libssh stream | four, each on a connection | `cat \\| ssh` |\n|---|---|---|---|")
    for name, link, size in (("near", {}, 1024), ("far", {"delay": RTT}, 256)):
        with Fleet({name: link}) as fleet:
            rates = []
            for count in (1, 4):
                done = subprocess.run(
                    [STREAMS, str(fleet.config), name, str(size), str(count)],
                    check=True, capture_output=True, text=True)
                rates.append(float(done.stdout.split()[0]))
            begin = time.perf_counter()
            source = subprocess.Popen(
                ["head", "-c", f"{size}M", "/dev/zero"], stdout=subprocess.PIPE)
            subprocess.run(fleet.ssh(name, "cat >/dev/null"), stdin=source.stdout, check=True)
            source.wait()
            rates.append(size * 2**20 / 1e6 / (time.perf_counter() - begin))
            print(f"| {name} | " + " | ".join(f"{rate:.0f}" for rate in rates) + " |")


def output(options):
    """100 MB of output over 50 ms and 100 Mbit/s, byte for byte."""
    with Fleet({"slow": {"delay": RTT, "rate": "100mbit"}}) as fleet:
        fleet.add()
        script = ("import hashlib, os, sys\n"
                  "data = os.urandom(1 << 20)\nseen = hashlib.sha256()\n"
                  "for index in range(100):\n"
                  "    block = data[index:] + data[:index]\n"
                  "    seen.update(block)\n    sys.stdout.buffer.write(block)\n"
                  "sys.stderr.write(seen.hexdigest())\n")
        (fleet.work / "write.py").write_text(script)
        begin = time.perf_counter()
        done = subprocess.run(
            [SHUNT, "run", "-q", "--on", "slow", "--", "python3", "write.py"], cwd=fleet.work,
            env=fleet.env, stdin=subprocess.DEVNULL, capture_output=True)
        taken = time.perf_counter() - begin
        same = hashlib.sha256(done.stdout).hexdigest() == done.stderr.decode()
        print(f"\n100 MiB of output over 50 ms and 100 Mbit/s: {taken:.1f} s "
              f"({len(done.stdout) * 8 / taken / 1e6:.0f} Mbit/s), SHA-256 "
              f"{'equal' if same else 'DIFFERENT'}, code {done.returncode}")


def tree(options):
    """A directory of many files there and back over 50 ms and 100 Mbit/s."""
    with Fleet({"slow": {"delay": RTT, "rate": "100mbit"}}) as fleet:
        fleet.add()
        make_tree(fleet.work, options.files)
        size = sum(path.stat().st_size for path in fleet.work.rglob("f*") if path.is_file())
        begin = time.perf_counter()
        fleet.shunt("run", "-q", "--yes", "--on", "slow", "--", "cp", "-r", ".", "../copy-there")
        there = time.perf_counter() - begin
        job = json.loads(fleet.shunt("ps", "-a", "-o", "json"))[0]
        begin = time.perf_counter()
        fleet.shunt("run", "-q", "--on", "slow", "--", "sh", "-c",
                    "mkdir back && cp -r d* back/")
        back = time.perf_counter() - begin
        same = subprocess.run(
            ["diff", "-rq", "--exclude=back", ".", "back"], cwd=fleet.work).returncode == 0
        print(f"\n{options.files} files, {size / 1e6:.0f} MB, over 50 ms and 100 Mbit/s: there "
              f"{there:.1f} s ({job['bytes_sent'] / 1e6:.0f} MB sent), back {back:.1f} s, "
              f"{'every byte the same' if same else 'DIFFERENT'}")


def enrolment(options):
    print("\n| `shunt worker add`, seconds | first | again |\n|---|---|---|")
    for name, link in (("near", {}), ("far", {"delay": RTT})):
        with Fleet({name: link}) as fleet:
            fleet.shunt("ps")
            taken = []
            for _ in range(2):
                begin = time.perf_counter()
                fleet.add(name)
                taken.append(time.perf_counter() - begin)
            print(f"| {name} | {taken[0]:.2f} | {taken[1]:.2f} |")


def images(options):
    """An image of this machine and its successor with one changed layer, without a registry."""
    image, successor = "localhost/shunt-test:1", "localhost/shunt-bench:2"
    with Fleet({"near": {}}) as fleet:
        fleet.add()
        context = fleet.root / "context"
        context.mkdir()
        (context / "mark").write_text(f"{time.time()}")
        (context / "Containerfile").write_text(f"FROM {image}\nCOPY mark /mark\n")
        subprocess.run(["podman", "build", "-q", "-t", successor, context], check=True,
                       stdout=subprocess.DEVNULL)
        load = " ".join(fleet.ssh("near", "podman", "load", "-q"))
        print("\n| image | way | bytes | seconds |\n|---|---|---|---|")
        for name, what in ((image, "first"), (successor, "one layer changed")):
            taken = timed([SHUNT, "run", "-q", "--on", "near", "--image", "local:" + name, "--",
                           "true"], cwd=fleet.work, env=fleet.env)
            job = json.loads(fleet.shunt("ps", "-a", "-o", "json"))[0]
            print(f"| {what} | `shunt run --image local:…` | {job['bytes_sent']:,} | {taken:.1f} |")
            counted = fleet.root / "counted"
            taken = timed(["sh", "-c", f"podman save -q {name} | tee {counted} | {load}"])
            print(f"| {what} | `podman save \\| ssh podman load` | {counted.stat().st_size:,} "
                  f"| {taken:.1f} |")
        subprocess.run(["podman", "rmi", successor], stdout=subprocess.DEVNULL)


def main():
    parts = [latency, throughput, resubmission, streams, output, tree, enrolment]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("part", nargs="*", metavar="PART")
    options = parser.parse_args()
    for tool in (LAB, STREAMS):
        if not tool.exists():
            sys.exit(f"error: there is no {tool}\n\nhint: make release lab")
    if not shutil.which("rsync"):
        sys.exit("error: rsync is missing\n\nhint: apt-get install rsync")
    print(f"{os.cpu_count()} CPUs, Linux {os.uname().release}, load {os.getloadavg()[0]:.1f}")
    for part in parts + [images] if options.part else parts:
        if not options.part or part.__name__ in options.part:
            part(options)


if __name__ == "__main__":
    main()
