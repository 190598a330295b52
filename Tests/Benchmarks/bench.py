"""What the benchmarks share: an instance of Shunt, its API, and tables."""

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


def submit_many(home, model, count, prefix="bench"):
    """Submits copies of a job over eight connections and waits until all have ended.

    Returns the seconds until the last was durable, and until all had ended.
    """
    path = home.socket
    start = time.perf_counter()
    lock, numbers = threading.Lock(), iter(range(count))

    def submit():
        connection = UnixConnection(path)
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            answer = request(path, "POST", "/v1/jobs", {
                "client_key": f"{prefix}-{number}", "spec": model["spec"],
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
            return submitted, time.perf_counter() - start
        time.sleep(0.02)


def make_tree(directory, files):
    """Files of 100 bytes to 20 KB, a hundred in each folder."""
    for index in range(files):
        path = directory / f"d{index // 100:03}" / f"f{index % 100:02}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(os.urandom(100) + b"x" * (index % 20000))
