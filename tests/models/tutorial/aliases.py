import mlflow
from mlflow import MlflowClient
from sklearn.dummy import DummyRegressor

client = MlflowClient()
for answer in (10.0, 20.0):
    with mlflow.start_run():
        model = DummyRegressor(strategy="constant", constant=answer).fit([[0], [1]], [0, 1])
        mlflow.sklearn.log_model(model, name="model", registered_model_name="aliased")

client.set_registered_model_alias("aliased", "champion", 1)
champion = mlflow.pyfunc.load_model("models:/aliased@champion")
print(champion.predict([[5]]).tolist())
# -> [10.0]
client.set_registered_model_alias(name="aliased", alias="champion", version="2")
print(mlflow.pyfunc.load_model("models:/aliased@champion").predict([[5]]).tolist())
# -> [20.0]
print(client.get_model_version("aliased", "2").aliases, client.get_registered_model("aliased").aliases.keys())
# -> ['champion'] dict_keys(['champion'])
print(int(client.get_model_version_by_alias("aliased", "champion").version))
# -> 2
client.delete_registered_model_alias("aliased", "champion")
print(client.get_registered_model("aliased").aliases)
# -> {}
