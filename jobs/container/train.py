"""A small neural network learns Fisher's irises, in Python alone: nothing but the image is needed."""

import csv
import json
import math
import os
import random

EPOCHS = int(os.environ.get("EPOCHS", "60"))
HIDDEN, CLASSES, RATE = 8, 3, 0.05


def read(path):
    with open(path, newline="") as file:
        rows = [[float(value) for value in row] for row in list(csv.reader(file))[1:]]
    columns = list(zip(*rows))[:-1]
    means = [sum(column) / len(column) for column in columns]
    spreads = [max(column) - min(column) for column in columns]
    for row in rows:
        features = [(x - m) / s for x, m, s in zip(row, means, spreads)]
        yield features + [1.0], int(row[-1])


def forward(network, features):
    hidden = [math.tanh(sum(w * x for w, x in zip(row, features))) for row in network[0]] + [1.0]
    scores = [sum(w * h for w, h in zip(row, hidden)) for row in network[1]]
    powers = [math.exp(score - max(scores)) for score in scores]
    return hidden, [power / sum(powers) for power in powers]


def learn(network, features, label):
    hidden, chances = forward(network, features)
    errors = [chance - (label == index) for index, chance in enumerate(chances)]
    back = [
        sum(errors[k] * network[1][k][j] for k in range(CLASSES)) * (1 - hidden[j] ** 2)
        for j in range(HIDDEN)
    ]
    for row, error in zip(network[1], errors):
        for j, value in enumerate(hidden):
            row[j] -= RATE * error * value
    for row, error in zip(network[0], back):
        for i, value in enumerate(features):
            row[i] -= RATE * error * value
    return -math.log(chances[label])


def main():
    random.seed(1)
    samples = list(read("iris.csv"))
    random.shuffle(samples)
    training, test = samples[:110], samples[110:]
    network = [
        [[random.uniform(-0.5, 0.5) for _ in range(5)] for _ in range(HIDDEN)],
        [[random.uniform(-0.5, 0.5) for _ in range(HIDDEN + 1)] for _ in range(CLASSES)],
    ]
    for epoch in range(1, EPOCHS + 1):
        loss = sum(learn(network, *sample) for sample in training) / len(training)
        if epoch % 10 == 0:
            print(f"epoch {epoch:3} loss {loss:.4f}")
    hits = 0
    for features, label in test:
        chances = forward(network, features)[1]
        hits += chances.index(max(chances)) == label
    with open("model.json", "w") as file:
        json.dump(network, file)
    with open("metrics.json", "w") as file:
        json.dump({"accuracy": hits / len(test), "loss": loss}, file)
    print(f"accuracy {hits / len(test):.3f}")


main()
