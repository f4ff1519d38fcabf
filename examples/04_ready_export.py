"""Makes the export that comes with the repository, saved_models/digits: a small model that is ready to serve.

Run: python examples/04_ready_export.py [directory of the exports]
"""

import sys
from pathlib import Path

import keras

import kzoo
from kzoo.serving.releases import write_current_configuration

exports = Path(sys.argv[1] if len(sys.argv) > 1 else "saved_models")

data = kzoo.load_dataset("digits")
keras.utils.set_random_seed(1)
model = kzoo.create_model(
    "mlp", data.task, epochs=25, layers=2, units=96, dropout=0.2, learning_rate=0.004, decay="cosine", batch_size=64
)
model.fit(data.x_train, data.y_train, batch_size=64, epochs=25, verbose=0)
metrics = {
    "validation": model.evaluate(data.x_val, data.y_val, verbose=0, return_dict=True),
    "test": model.evaluate(data.x_test, data.y_test, verbose=0, return_dict=True),
}
card = kzoo.ModelCard.of(
    data,
    description="Reads handwritten digits of 8 x 8 pixels.",
    family="mlp",
    hyperparameters={"layers": 2, "units": 96, "dropout": 0.2, "learning_rate": 0.004, "decay": "cosine"},
    metrics=metrics,
    training="25 epochs, seed 1, by examples/04_ready_export.py",
)
path = kzoo.export_model(model, exports / "digits", task=data.task, examples=data.x_train[:64], card=card)
write_current_configuration(path.parent)
size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
print(f"{path}: test accuracy {metrics['test']['accuracy']:.4f}, {size / 1000:.0f} kB")
