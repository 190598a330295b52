"""Trains a small neural network on scikit-learn's handwritten digits.

Writes `model.joblib` and `metrics.json` beside this file. The seed is fixed and one thread
computes, so that the same versions on the same platform give the same model.
"""

import json
import os

import joblib
import numpy
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

SEED = 20
BATCH = 32


def main() -> None:
    epochs = int(os.environ.get("EPOCHS", "20"))
    digits = load_digits()
    train_x, test_x, train_y, test_y = train_test_split(
        digits.data / 16.0, digits.target, test_size=0.25, random_state=SEED, stratify=digits.target
    )
    classes = numpy.unique(digits.target)
    model = MLPClassifier(hidden_layer_sizes=(64,), learning_rate_init=0.002, random_state=SEED)
    shuffle = numpy.random.default_rng(SEED)
    print(f"{len(train_x)} images to train on, {len(test_x)} held out")

    history = []
    for epoch in range(1, epochs + 1):
        order = shuffle.permutation(len(train_x))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            model.partial_fit(train_x[batch], train_y[batch], classes=classes)
        loss = log_loss(train_y, model.predict_proba(train_x), labels=classes)
        accuracy = model.score(test_x, test_y)
        history.append({"epoch": epoch, "loss": round(loss, 6), "accuracy": round(accuracy, 6)})
        print(f"epoch {epoch:2d}/{epochs}  loss {loss:.4f}  accuracy {accuracy:.4f}")

    joblib.dump(model, "model.joblib")
    with open("metrics.json", "w", encoding="utf-8") as file:
        json.dump({"accuracy": history[-1]["accuracy"], "epochs": history}, file, indent=2)
        file.write("\n")
    print(f"accuracy {history[-1]['accuracy']:.4f} on held-out digits")


if __name__ == "__main__":
    with threadpool_limits(limits=1):
        main()
