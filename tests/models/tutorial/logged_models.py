import mlflow
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

x, y = load_diabetes(return_X_y=True, as_frame=True)
mlflow.set_experiment("logged-models")
for alpha in (0.01, 1.0, 100.0):
    with mlflow.start_run(run_name=f"alpha-{alpha}"):
        mlflow.log_param("alpha", alpha)
        model = Ridge(alpha=alpha).fit(x, y)
        mlflow.log_metric("r2", model.score(x, y))
        info = mlflow.sklearn.log_model(sk_model=model, name="ridge", input_example=x.head(2))
        mlflow.set_logged_model_tags(info.model_id, {"Training Info": "Ridge on diabetes"})

best = mlflow.search_logged_models(
    filter_string="metrics.r2 > 0.3",
    order_by=[{"field_name": "metrics.r2", "ascending": False}],
    output_format="list",
)
print([model.params["alpha"] for model in best])
# -> ['0.01', '1.0']
last = mlflow.last_logged_model()
print(last.name, last.tags["Training Info"], round(last.metrics[0].value, 1))
# -> ridge Ridge on diabetes 0.0
print(mlflow.get_logged_model(best[0].model_id).model_uri == f"models:/{best[0].model_id}")
# -> True
print(mlflow.pyfunc.load_model(f"models:/{best[0].model_id}").predict(x.head(1)).shape)
# -> (1,)
