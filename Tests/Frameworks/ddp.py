"""Logistic regression on the digits data set, by DistributedDataParallel where there are ranks."""

import json
import os

import torch
import torch.distributed
from sklearn.datasets import load_digits
from torch.nn.parallel import DistributedDataParallel

torch.manual_seed(0)
torch.set_num_threads(1)
distributed = "WORLD_SIZE" in os.environ
if distributed:
    torch.distributed.init_process_group("gloo")
rank = torch.distributed.get_rank() if distributed else 0
world = torch.distributed.get_world_size() if distributed else 1

digits = load_digits()
# Shares of equal size: their mean gradient is that of all.
count = len(digits.data) // 4 * 4
x = torch.tensor(digits.data[:count] / 16, dtype=torch.float64)
y = torch.tensor(digits.target[:count])
share = slice(rank * count // world, (rank + 1) * count // world)

linear = torch.nn.Linear(64, 10).double()
model = DistributedDataParallel(linear) if distributed else linear
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
losses = []
for epoch in range(30):
    loss = torch.nn.functional.cross_entropy(model(x[share]), y[share])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    mean = loss.detach() / world
    if distributed:
        torch.distributed.all_reduce(mean)
    losses.append(float(mean))
if rank == 0:
    with torch.no_grad():
        right = float((linear(x).argmax(1) == y).double().mean())
    torch.save(linear.state_dict(), "model.pt")
    with open("metrics.json", "w") as file:
        json.dump({
            "accuracy": right, "first_loss": losses[0], "last_loss": losses[-1],
            "norm": float(linear.weight.detach().norm()), "processes": world}, file)
if distributed:
    torch.distributed.destroy_process_group()
