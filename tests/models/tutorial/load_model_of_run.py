import mlflow
import mlflow.sklearn
import numpy as np
from sklearn.linear_model import LinearRegression

x = np.arange(10, dtype=float).reshape(-1, 1)
with mlflow.start_run() as run:
    mlflow.sklearn.log_model(LinearRegression().fit(x, 3 * x[:, 0] + 1), "model")

logged_model = f"runs:/{run.info.run_id}/model"
loaded_model = mlflow.pyfunc.load_model(logged_model)
print(loaded_model.predict(np.array([[20.0], [30.0]])).round(6).tolist())
# -> [61.0, 91.0]
print(loaded_model.metadata.run_id == run.info.run_id)
# -> True
