import mlflow
from mlflow import MlflowClient
from sklearn.dummy import DummyClassifier

for answer in (0, 1):
    with mlflow.start_run():
        model = DummyClassifier(strategy="constant", constant=answer).fit([[0], [1]], [0, 1])
        mlflow.sklearn.log_model(model, name="model", registered_model_name="staged")

client = MlflowClient()
client.transition_model_version_stage(name="staged", version=1, stage="Production")
print(mlflow.pyfunc.load_model("models:/staged/Production").predict([[5]]).tolist())
# -> [0]
client.transition_model_version_stage(name="staged", version=2, stage="Staging")
client.transition_model_version_stage(name="staged", version=2, stage="Production", archive_existing_versions=True)
print(mlflow.pyfunc.load_model("models:/staged/Production").predict([[5]]).tolist())
# -> [1]
for version in sorted(client.search_model_versions("name = 'staged'"), key=lambda version: int(version.version)):
    print(version.version, version.current_stage)
# -> 1 Archived
# -> 2 Production
print([int(version.version) for version in client.get_latest_versions("staged", stages=["Production"])])
# -> [2]
