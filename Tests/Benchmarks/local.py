#!/usr/bin/env python3
"""Measures the main job on this machine beside its peers, and prints tables.

    make release && Tests/Benchmarks/local.py [--runs 20] [--jobs 1000] [--files 50000] [PART…]

PART is one or more of: latency syncs throughput resubmission memory sizes (default: all). Every
part has a home and a coordinator of its own in a temporary directory and stops them at its end.
`syncs` needs strace. Times are wall-clock seconds of whole processes; peers run in turn with Shunt
in the same loop, so that a machine whose speed drifts does not favour either.
"""

import argparse
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
MACHINE = os.uname().machine
TREE = ROOT / ".build" / f"{MACHINE}-unknown-linux-gnu"
SHUNT = pathlib.Path(os.environ.get("SHUNT_BINARY", TREE / "release" / "shunt"))


class Home:
    """A Shunt instance of its own, and a directory to work in."""

    def __enter__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="shunt-bench-"))
        self.work = self.root / "work"
        self.work.mkdir()
        self.env = dict(os.environ, SHUNT_HOME=str(self.root / "home"))
        return self

    def __exit__(self, *_):
        self.shunt("coordinator", "stop", check=False)
        deadline = time.monotonic() + 15
        while self.pids("daemon") and time.monotonic() < deadline:
            time.sleep(0.05)
        shutil.rmtree(self.root, ignore_errors=True)

    def shunt(self, *arguments, check=True, cwd=None):
        done = subprocess.run(
            [SHUNT, *arguments], cwd=cwd or self.work, env=self.env, stdin=subprocess.DEVNULL,
            capture_output=True, text=True)
        if check and done.returncode != 0:
            sys.exit(f"shunt {' '.join(arguments)}: {done.returncode}\n{done.stderr}")
        return done.stdout

    def pids(self, role):
        """Processes of this home by what they are: serve, daemon, supervise, init."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                home = (entry / "environ").read_bytes().decode(errors="replace")
            except OSError:
                continue
            name = os.path.basename(words[0])
            is_role = (role == "init" and name == "shunt-init") or (
                len(words) > 1 and role in words[1:3] and name.startswith("shunt"))
            if is_role and str(self.root) in home + " ".join(words):
                found.append(int(entry.name))
        return found

    @property
    def socket(self):
        log = self.shunt("coordinator", "status", "-o", "json", check=False)
        del log
        for line in subprocess.run(
                ["ss", "-xlH"], capture_output=True, text=True).stdout.splitlines():
            match = re.search(r"(/tmp/shunt-\S+/coordinator\.sock)", line)
            if match and self.owns(match.group(1)):
                return match.group(1)
        sys.exit("no coordinator listens")

    def owns(self, path):
        try:
            status = request(path, "GET", "/v1/status")
        except OSError:
            return False
        return status["home"] == str((self.root / "home").resolve())


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def request(path, method, target, body=None, connection=None):
    own = connection or UnixConnection(path)
    own.request(method, target, json.dumps(body) if body is not None else None,
                {"Content-Type": "application/json"})
    return json.loads(own.getresponse().read() or "null")


def timed(command, **options):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, **options)
    return time.perf_counter() - start


def row(name, times):
    ordered = sorted(times)
    print(f"| {name} | {ordered[0] * 1000:.1f} | {statistics.median(ordered) * 1000:.1f} "
          f"| {ordered[int(len(ordered) * 0.9)] * 1000:.1f} |")


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
        start = time.perf_counter()
        lock, numbers = threading.Lock(), iter(range(options.jobs))

        def submit():
            connection = UnixConnection(path)
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                answer = request(path, "POST", "/v1/jobs", {
                    "client_key": f"bench-{number}", "spec": model["spec"],
                    "inputs": model["inputs"], "confirmed": True}, connection)
                assert "id" in answer, answer

        threads = [threading.Thread(target=submit) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        submitted = time.perf_counter() - start
        while True:
            status = request(path, "GET", "/v1/status")
            if status["queued_jobs"] + status["active_jobs"] == 0:
                break
            time.sleep(0.02)
        total = time.perf_counter() - start
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
        for index in range(options.files):
            path = home.work / f"d{index // 100:03}" / f"f{index % 100:02}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(os.urandom(100) + b"x" * (index % 20000))
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
    for part in parts:
        if not options.part or part.__name__ in options.part:
            part(options)


if __name__ == "__main__":
    main()
