import mlflow
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

features, species = load_iris(return_X_y=True, as_frame=True)
x_train, x_test, y_train, y_test = train_test_split(features, species, random_state=0)
params = {"n_estimators": 5, "max_depth": 3, "random_state": 0}

with mlflow.start_run() as run:
    model = RandomForestClassifier(**params).fit(x_train, y_train)
    mlflow.log_params(params)
    mlflow.log_metric("accuracy", model.score(x_test, y_test))
    signature = infer_signature(x_train, model.predict(x_train))
    model_info = mlflow.sklearn.log_model(
        sk_model=model,
        name="iris_model",
        signature=signature,
        input_example=x_train.head(2),
        registered_model_name="iris-forest",
        skops_trusted_types=["sklearn.tree._tree.Tree"],
    )

print(model_info.registered_model_version)
# -> 1
print([column.name for column in model_info.signature.inputs])
# -> ['sepal length (cm)', 'sepal width (cm)', 'petal length (cm)', 'petal width (cm)']
loaded = mlflow.pyfunc.load_model(model_info.model_uri)
print((loaded.predict(x_test) == model.predict(x_test)).all())
# -> True
print(type(mlflow.sklearn.load_model("models:/iris-forest/1")).__name__)
# -> RandomForestClassifier
