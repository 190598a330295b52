"""A sum over the processes of JAX."""

import json
import os

import jax

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_cpu_collectives_implementation", "gloo")
jax.distributed.initialize(
    f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}", int(os.environ["NNODES"]),
    int(os.environ["NODE_RANK"]))

from jax.experimental import multihost_utils  # noqa: E402, wants to come after the above

own = jax.numpy.ones(3) * (jax.process_index() + 1)
total = float(multihost_utils.process_allgather(own).sum())
if jax.process_index() == 0:
    with open("metrics.json", "w") as file:
        json.dump({"sum": total, "processes": jax.process_count()}, file)
