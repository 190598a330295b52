"""Gradient boosting on the breast cancer data set, by XGBoost's collective among ranks."""

import json
import os

import xgboost
from sklearn.datasets import load_breast_cancer

rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
cancer = load_breast_cancer()


def train():
    share = xgboost.DMatrix(cancer.data[rank::world], cancer.target[rank::world])
    settings = {"objective": "binary:logistic", "max_depth": 3, "tree_method": "hist"}
    return xgboost.train(settings, share, 20)


if world == 1:
    booster = train()
else:
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    if rank == 0:
        from xgboost.tracker import RabitTracker

        tracker = RabitTracker(host_ip=address, n_workers=world, port=port, sortby="task")
        tracker.start()
    with xgboost.collective.CommunicatorContext(
            dmlc_tracker_uri=address, dmlc_tracker_port=port, dmlc_task_id=str(rank),
            dmlc_retry=10):
        booster = train()
if rank == 0:
    guess = booster.predict(xgboost.DMatrix(cancer.data)) > 0.5
    with open("metrics.json", "w") as file:
        json.dump({"accuracy": float((guess == cancer.target).mean()), "processes": world}, file)
