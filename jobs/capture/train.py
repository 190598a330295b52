"""Softmax regression on Fisher's irises: numpy from the index, `flowers` from the next directory."""

import json
import os

import flowers
import numpy

EPOCHS = int(os.environ.get("EPOCHS", "300"))
RATE = 0.5


def chances(weights, features):
    scores = features @ weights
    powers = numpy.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def main():
    features, species = flowers.load("iris.csv")
    order = numpy.random.default_rng(1).permutation(len(species))
    training, test = order[:110], order[110:]
    wanted = numpy.eye(3)[species]
    weights = numpy.zeros((features.shape[1], 3))
    for epoch in range(1, EPOCHS + 1):
        found = chances(weights, features[training])
        weights -= RATE / len(training) * features[training].T @ (found - wanted[training])
        if epoch % 50 == 0:
            loss = -numpy.log(found[wanted[training] == 1]).mean()
            print(f"epoch {epoch:3} loss {loss:.4f}")
    hits = chances(weights, features[test]).argmax(axis=1) == species[test]
    print(f"accuracy {hits.mean():.3f} with numpy {numpy.__version__}")
    with open("metrics.json", "w") as file:
        json.dump({"accuracy": float(hits.mean())}, file)
    numpy.savez("model.npz", weights=weights)


if __name__ == "__main__":
    main()
