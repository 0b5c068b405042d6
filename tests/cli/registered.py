"""A registered model with a few versions, in a folder or on a server."""

from __future__ import annotations

import runlake
from runlake import registry

MANIFEST = """
flavors: {}
signature:
  inputs: '[{"name": "age", "type": "double", "required": true}, {"name": "plan", "type": "string", "required": false}]'
  outputs: '[{"type": "double", "required": true}]'
  params: '[{"name": "threshold", "default": 0.5, "shape": null, "type": "double"}]'
"""


def register_churn(name: str = "churn") -> list[str]:
    """Register a model with versions whose runs have a `val_auc` of 0.8, 0.87 and 0.93; return the runs."""
    registry.create_registered_model(name, {"team": "risk"}, "who leaves")
    runs = []
    for val_auc in (0.8, 0.87, 0.93):
        with runlake.start_run(run_name=f"auc-{val_auc}", tags={"data_snapshot": "2026-01"}) as run:
            runlake.log_metric("val_auc", val_auc)
            runlake.log_text(MANIFEST, "model/MLmodel")
        runs.append(run.info.run_id)
        registry.create_model_version(name, f"runs:/{runs[-1]}/model", runs[-1])
    return runs
