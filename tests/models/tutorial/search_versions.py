import mlflow
from mlflow import MlflowClient

client = MlflowClient()
client.create_registered_model("listed", tags={"task": "regression"}, description="Prices of houses")
with mlflow.start_run() as run:
    mlflow.log_dict({"flavors": {}}, "model/MLmodel")
for _ in range(3):
    client.create_model_version("listed", f"runs:/{run.info.run_id}/model", run.info.run_id)
client.set_model_version_tag("listed", "2", "validation_status", "approved")
client.update_model_version("listed", "2", description="The one that passed")

for version in client.search_model_versions("name = 'listed' AND tags.validation_status = 'approved'"):
    print(version.name, int(version.version), version.description)
# -> listed 2 The one that passed
print(sorted(int(found.version) for found in mlflow.search_model_versions(filter_string="name = 'listed'")))
# -> [1, 2, 3]
print([model.name for model in client.search_registered_models("name LIKE 'list%' AND tags.task = 'regression'")])
# -> ['listed']
client.delete_model_version("listed", "3")
print(len(client.search_model_versions(f"run_id = '{run.info.run_id}'")))
# -> 2
