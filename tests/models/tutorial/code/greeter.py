import mlflow
from mlflow.models import set_model


class Greeter(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: list[str], params=None) -> list[str]:
        return [f"hello {name}" for name in model_input]


set_model(Greeter())
