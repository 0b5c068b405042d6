"""The server: a store over HTTP, as MLflow's clients speak it. The only part that imports FastAPI, uvicorn and orjson.

`launch` starts it, `app` puts it together. Modules named `mlflow_*` alone know MLflow's paths and field names.
"""
