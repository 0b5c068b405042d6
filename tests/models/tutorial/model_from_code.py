import mlflow

with mlflow.start_run():
    info = mlflow.pyfunc.log_model(name="greeter", python_model="code/greeter.py", input_example=["Ada"])

greeter = mlflow.pyfunc.load_model(info.model_uri)
print(greeter.predict(["Grace", "Edsger"]))
# -> ['hello Grace', 'hello Edsger']
