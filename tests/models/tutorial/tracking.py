import mlflow

mlflow.set_experiment("tutorial")
with mlflow.start_run(run_name="first"):
    mlflow.log_param("alpha", 0.5)
    mlflow.log_params({"l1_ratio": 0.1, "solver": "cd"})
    for epoch in range(3):
        mlflow.log_metric("rmse", 1 / (epoch + 1), step=epoch)
    mlflow.set_tag("stage", "draft")
    with open("features.txt", "w") as file:
        file.write("rooms, age")
    mlflow.log_artifact("features.txt", artifact_path="notes")

run = mlflow.last_active_run()
print(run.info.status, run.data.params)
# -> FINISHED {'alpha': '0.5', 'l1_ratio': '0.1', 'solver': 'cd'}
print(f"{run.data.metrics['rmse']:.3f} {run.data.tags['stage']}")
# -> 0.333 draft
print(mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/features.txt"))
# -> rooms, age
found = mlflow.search_runs(experiment_names=["tutorial"], filter_string="metrics.rmse < 0.5 AND params.solver = 'cd'")
print(found[["params.alpha", "tags.mlflow.runName"]].values.tolist())
# -> [['0.5', 'first']]
