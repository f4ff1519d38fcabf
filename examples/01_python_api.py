"""From data to an export by Python calls: about a minute on two cores.

Run from the directory of the repository, or anywhere: python examples/01_python_api.py [directory for the results]
"""

import sys
from pathlib import Path

import kzoo
import tuners

results = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

data = kzoo.load_dataset("digits")
print(data)

# A model of the zoo as it is, with the values that are given and defaults for the others.
model = kzoo.create_model("mlp", data.task, layers=3, norm="after", optimizer="momentum", momentum=0.95)
model.fit(data.x_train, data.y_train, batch_size=64, epochs=3, verbose=0)
print("one model:", model.evaluate(data.x_val, data.y_val, verbose=0, return_dict=True))

# The same family with its hyperparameters open, some of them settled and one range made narrower.
hypermodel = kzoo.create_hypermodel(
    "mlp", data.task, fixed={"norm": "before"}, ranges={"units": {"low": 32, "high": 256}}, epochs=6
)
tuner = tuners.CoarseToFineSearch(
    hypermodel,
    objective="val_accuracy",
    max_trials=10,
    seed=1,
    # A search that is stopped goes on where it was when this script is run again.
    directory=results / "runs",
    project_name="digits-mlp",
)
tuner.search(data.x_train, data.y_train, validation_data=(data.x_val, data.y_val), epochs=6)

best = tuner.get_best_models()[0]
print("the best:", best.evaluate(data.x_test, data.y_test, verbose=0, return_dict=True), "on the test rows")

path = kzoo.export_model(best, results / "saved_models" / "digits-mlp", task=data.task, examples=data.x_train[:64])
answer = kzoo.predict(path, {"instances": data.x_test[:1].tolist()})
print(path, "answers", answer["predictions"][0]["label"], "where the label is", data.y_test[0])
