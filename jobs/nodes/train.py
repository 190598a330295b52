"""Data-parallel training over several nodes with nothing but Python's standard library.

Each node takes its share of the examples and computes the gradient of a logistic regression; rank 0
adds the shares up and hands the sum back, as an all-reduce does. One node gives the same model as
several. What `torchrun` and others need to know is all that is used here: MASTER_ADDR, MASTER_PORT,
RANK and WORLD_SIZE.
"""

import json
import math
import os
import random
import socket
import struct
import time

RANK = int(os.environ.get("RANK", 0))
WORLD = int(os.environ.get("WORLD_SIZE", 1))
FEATURES = 8


class Ranks:
    """Sums vectors over all ranks, through rank 0."""

    def __init__(self):
        self.peers = []
        if WORLD == 1:
            return
        place = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
        if RANK == 0:
            server = socket.create_server(("", place[1]), backlog=WORLD)
            server.settimeout(60)
            self.peers = [server.accept()[0] for _ in range(WORLD - 1)]
        else:
            self.peers = [self.connect(place)]

    @staticmethod
    def connect(place):
        # Rank 0 may be a moment behind.
        for _ in range(600):
            try:
                return socket.create_connection(place, timeout=60)
            except ConnectionRefusedError:
                time.sleep(0.1)
        raise SystemExit(f"rank 0 does not listen at {place}")

    def read(self, peer, count):
        data = b""
        while len(data) < 8 * count:
            piece = peer.recv(8 * count - len(data))
            if not piece:
                raise SystemExit("a peer has gone")
            data += piece
        return struct.unpack(f"<{count}d", data)

    def sum(self, values):
        count = len(values)
        if RANK != 0:
            self.peers[0].sendall(struct.pack(f"<{count}d", *values))
            return self.read(self.peers[0], count)
        total = list(values)
        for peer in self.peers:
            for index, value in enumerate(self.read(peer, count)):
                total[index] += value
        for peer in self.peers:
            peer.sendall(struct.pack(f"<{count}d", *total))
        return total


def examples():
    """Two clouds of points, the same on every rank."""
    source = random.Random(7)
    for index in range(2000):
        label = index % 2
        yield [source.gauss(0.6 if label else -0.6, 1) for _ in range(FEATURES)] + [1.0], label


def main():
    ranks = Ranks()
    data = list(examples())
    share = data[RANK::WORLD]
    weights = [0.0] * (FEATURES + 1)
    for epoch in range(1, 31):
        gradient = [0.0] * len(weights) + [0.0]
        for point, label in share:
            score = sum(w * x for w, x in zip(weights, point))
            guess = 1 / (1 + math.exp(-score))
            for index, x in enumerate(point):
                gradient[index] += (guess - label) * x
            gradient[-1] -= math.log(guess if label else 1 - guess)
        total = ranks.sum(gradient)
        weights = [w - total[i] / len(data) for i, w in enumerate(weights)]
        if RANK == 0 and epoch % 10 == 0:
            print(f"epoch {epoch} loss {total[-1] / len(data):.4f}", flush=True)
    right = sum(
        (sum(w * x for w, x in zip(weights, point)) > 0) == bool(label) for point, label in share
    )
    accuracy = ranks.sum([float(right)])[0] / len(data)
    print(f"rank {RANK} of {WORLD}: {right} of {len(share)} right", flush=True)
    with open("share.json", "w") as file:
        json.dump({"rank": RANK, "right": right, "of": len(share)}, file)
    if RANK == 0:
        print(f"accuracy {accuracy:.4f}", flush=True)
        with open("model.json", "w") as file:
            json.dump({"weights": [round(w, 9) for w in weights], "accuracy": accuracy}, file)


main()
