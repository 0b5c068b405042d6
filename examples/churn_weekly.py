"""Who will leave? A model a week: a search of 80 runs, a filter, a gate, and the version that services load.

python examples/churn_weekly.py 1
python examples/churn_weekly.py 2
"""

import sys
from typing import Any

import numpy as np
import optuna
import pandas as pd
from matplotlib.figure import Figure
from sklearn.calibration import CalibrationDisplay, calibration_curve
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

import runlake as mlflow

NAME, TRIALS = "churn", 80
COLUMNS = ["tenure", "monthly_bill", "support_calls", "late_payments", "logins", "discount"]
GOOD = "metrics.val_auc > 0.94 AND metrics.calibration_error < 0.03"


def customers() -> pd.DataFrame:
    """Made-up customers, each measure scaled to about 1; a quarter of them leaves."""
    shape = {"n_samples": 8000, "n_features": len(COLUMNS), "n_informative": len(COLUMNS), "n_redundant": 0}
    measures, left = make_classification(**shape, weights=[0.75], class_sep=1.2, flip_y=0.03, random_state=11)
    return pd.DataFrame(measures, columns=COLUMNS).assign(left=left)


def known_in(week: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Customers to learn from, more every week, and the same 2,000 to validate on."""
    everybody = customers()
    return everybody[: 500 + 500 * week], everybody[6000:]


def make_model(degree: int, regularization: float, class_weight: str | None) -> Pipeline:
    classifier = LogisticRegression(C=regularization, class_weight=class_weight, max_iter=1000)
    return make_pipeline(StandardScaler(), PolynomialFeatures(degree), classifier)


def calibration_error(left: Any, probability: Any) -> float:
    """How far predicted and true shares of leavers are apart, on average over ten bins of equally many customers."""
    shares, predicted = calibration_curve(left, probability, n_bins=10, strategy="quantile")
    return float(np.abs(shares - predicted).mean())


def search(week: int, train: pd.DataFrame, validation: pd.DataFrame) -> optuna.Study:
    """Fit 80 models; each is a run."""
    snapshot = mlflow.data.from_pandas(train, name=f"customers-week-{week}", targets="left")

    def objective(trial: optuna.Trial) -> float:
        params: dict[str, Any] = {
            "degree": trial.suggest_int("degree", 1, 3),
            "regularization": trial.suggest_float("regularization", 1e-4, 1, log=True),
            "class_weight": trial.suggest_categorical("class_weight", [None, "balanced"]),
        }
        with mlflow.start_run(run_name=f"week-{week}-trial-{trial.number}"):
            mlflow.set_tags({"week": week, "trial": trial.number, "data_snapshot": snapshot.digest})
            mlflow.log_input(snapshot, context="training")
            mlflow.log_params(params)
            model = make_model(**params).fit(train[COLUMNS], train["left"])
            probability = model.predict_proba(validation[COLUMNS])[:, 1]
            auc = float(roc_auc_score(validation["left"], probability))
            mlflow.log_metric("val_auc", auc)
            mlflow.log_metric("calibration_error", calibration_error(validation["left"], probability))
        return auc

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=week))
    study.optimize(objective, n_trials=TRIALS)
    return study


def log_best(week: int, study: optuna.Study, train: pd.DataFrame, validation: pd.DataFrame) -> str:
    """Register the model of the best run that is calibrated as well; returns the number of the version."""
    order = ["metrics.val_auc DESC"]
    highest = mlflow.search_runs(filter_string=f"tags.week = '{week}'", order_by=order, max_results=1).iloc[0]
    found = mlflow.search_runs(filter_string=f"{GOOD} AND tags.week = '{week}'", order_by=order)
    best = found.iloc[0]
    for which, run in (("highest", highest), (f"best of {len(found)} calibrated", best)):
        auc, error = run["metrics.val_auc"], run["metrics.calibration_error"]
        print(f"week {week}, {which}: val_auc {auc:.4f}, calibration_error {error:.4f}")
    params = study.trials[int(best["tags.trial"])].params
    model = make_model(**params).fit(train[COLUMNS], train["left"])
    probability = model.predict_proba(validation[COLUMNS])
    figure = Figure()
    CalibrationDisplay.from_predictions(
        validation["left"], probability[:, 1], n_bins=10, strategy="quantile", ax=figure.subplots()
    )
    with mlflow.start_run(run_id=best["run_id"]):
        mlflow.log_figure(figure, "calibration.png")
        info = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=mlflow.models.infer_signature(validation[COLUMNS], probability),
            input_example=validation[COLUMNS].head(3),
            pyfunc_predict_fn="predict_proba",
            registered_model_name=NAME,
        )
    return str(info.registered_model_version)


def guard() -> None:
    """Say once what a version has to fulfil before services load it."""
    if not mlflow.registry.get_gates(NAME):
        mlflow.registry.set_gate(
            NAME,
            "Production",
            require=GOOD,
            signature=True,
            pinned_environment=True,
            tags=["data_snapshot"],
            better_than="Production by max(metrics.val_auc)",
            check="shadow",
        )


def shadow(version: str, requests: pd.DataFrame) -> None:
    """Let Staging answer what Production answers, and post how often they differ: a job that CI would do."""
    staged = mlflow.pyfunc.load_model(f"models:/{NAME}/Staging").predict(requests)[:, 1]
    differ = 0.0
    if mlflow.MlflowClient().get_latest_versions(NAME, ["Production"]):
        served = mlflow.pyfunc.load_model(f"models:/{NAME}/Production").predict(requests)[:, 1]
        differ = float(np.mean((staged > 0.5) != (served > 0.5)))
    mlflow.registry.post_check(NAME, version, "shadow", differ < 0.05, {"differ": differ})
    print(f"shadow: {differ:.1%} of {len(requests)} answers differ from those of Production")


def main(week: int) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    mlflow.set_experiment("churn-weekly")
    train, validation = known_in(week)
    version = log_best(week, search(week, train, validation), train, validation)
    guard()
    client = mlflow.MlflowClient()
    client.transition_model_version_stage(NAME, version, "Staging")
    try:
        client.transition_model_version_stage(NAME, version, "Production", archive_existing_versions=True)
    except mlflow.MlflowException as refused:
        print(refused.message)
    shadow(version, validation[COLUMNS])
    client.transition_model_version_stage(NAME, version, "Production", archive_existing_versions=True)
    for known in mlflow.search_model_versions(filter_string=f"name = '{NAME}'"):
        print(f"version {known.version} of {NAME}: {known.current_stage}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
