import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sklearn.linear_model import Ridge

with mlflow.start_run() as run:
    mlflow.sklearn.log_model(Ridge().fit([[0.0], [1.0]], [0.0, 1.0]), name="ridge")

result = mlflow.register_model(f"runs:/{run.info.run_id}/ridge", "ridge-reg")
print(result.name, int(result.version), result.status, result.run_id == run.info.run_id)
# -> ridge-reg 1 READY True
result = mlflow.register_model(f"runs:/{run.info.run_id}/ridge", "ridge-reg", tags={"again": "yes"})
print(int(result.version), result.tags)
# -> 2 {'again': 'yes'}

client = MlflowClient()
try:
    client.create_registered_model("ridge-reg")
except MlflowException as refused:
    print(refused.error_code)
# -> RESOURCE_ALREADY_EXISTS
client.rename_registered_model("ridge-reg", "ridge")
print(type(mlflow.sklearn.load_model("models:/ridge/latest")).__name__)
# -> Ridge
