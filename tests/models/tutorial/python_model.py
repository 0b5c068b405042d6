import mlflow
import pandas as pd


class AddN(mlflow.pyfunc.PythonModel):
    def __init__(self, n):
        self.n = n

    def predict(self, context, model_input: pd.DataFrame, params=None) -> pd.DataFrame:
        return model_input.apply(lambda column: column + self.n)


mlflow.pyfunc.save_model(path="add_n_model", python_model=AddN(n=5))
print(mlflow.pyfunc.load_model("add_n_model").predict(pd.DataFrame({"x": range(3)}))["x"].tolist())
# -> [5, 6, 7]

with mlflow.start_run():
    example = pd.DataFrame({"x": [1, 2]})
    info = mlflow.pyfunc.log_model(name="add_n", python_model=AddN(n=10), input_example=example)
loaded = mlflow.pyfunc.load_model(info.model_uri)
print(loaded.predict(example).to_dict("list"), type(loaded.unwrap_python_model()).__name__)
# -> {'x': [11, 12]} AddN
print(info.signature.inputs)
# -> ['x': long (required)]
