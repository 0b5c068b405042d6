import mlflow
import pandas as pd
from mlflow.models import get_model_info, infer_signature
from sklearn.linear_model import LinearRegression

houses = pd.DataFrame({"rooms": [2, 3, 4], "area": [40.0, 62.5, 90.0]})
with mlflow.start_run() as run:
    model = LinearRegression().fit(houses, [100.0, 160.0, 240.0])
    logged = mlflow.sklearn.log_model(
        model,
        name="model",
        signature=infer_signature(houses, model.predict(houses), params={"currency": "EUR"}),
        metadata={"owner": "pricing"},
    )

info = get_model_info(f"runs:/{run.info.run_id}/model")
print(info.model_id == logged.model_id, info.run_id == run.info.run_id, sorted(info.flavors))
# -> True True ['python_function', 'sklearn']
print(info.metadata, info.signature.params.to_dict())
# -> {'owner': 'pricing'} [{'name': 'currency', 'default': 'EUR', 'shape': None, 'type': 'string'}]
for column in info.signature.inputs.to_dict():
    print(column)
# -> {'type': 'long', 'name': 'rooms', 'required': True}
# -> {'type': 'double', 'name': 'area', 'required': True}
try:
    mlflow.pyfunc.load_model(info.model_uri).predict(pd.DataFrame({"rooms": [3]}))
except mlflow.MlflowException as refused:
    print("area" in str(refused))
# -> True
