"""A program of MLflow's own client that touches every call it has but those for traces: `python workflow URI [PART …]`.

It runs in a process of its own, because the client keeps where it logs to in globals, and in the environment of the
client that is judged: it needs nothing of runlake. What is not as it was written ends it with an error.
"""

import os
import sys
import time
import warnings

import autologging
import logged_models
import mlflow
from expect import MLFLOW_3
from mlflow.tracking import MlflowClient

import registry
import tracking

PARTS = (*tracking.PARTS, *registry.PARTS, *(logged_models.PARTS if MLFLOW_3 else ()), *autologging.PARTS)


# What a model requires MLflow finds in a process that loads it: seconds a model, and nothing of a store's.
os.environ["MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT"] = "1"


def main(uri: str, *names: str) -> None:
    warnings.simplefilter("ignore")
    mlflow.set_tracking_uri(uri)
    client = MlflowClient()
    for part in PARTS:
        if not names or part.__name__ in names:
            began = time.perf_counter()
            part(client)
            print(f"{part.__name__} {time.perf_counter() - began:.2f} s", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
