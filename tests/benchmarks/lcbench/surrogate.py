"""The LCBench surrogate: what an MLP reaches on 34 data sets, from seven hyperparameters, in microseconds.

The files (`model.onnx`, `encoding.json`) are those of the folder `lcbench` of https://github.com/slds-lmu/yahpo_data
(YAHPO Gym 1.0.2, Apache-2.0).

References:
    Zimmer, Lindauer and Hutter (2021), "Auto-PyTorch Tabular: Multi-Fidelity MetaLearning for Efficient and Robust
    AutoDL" (LCBench). Pfisterer et al. (2022), "YAHPO Gym".
"""

import functools
import json
import os
from pathlib import Path

import keras_tuner
import numpy as np
import onnxruntime

TASKS = (
    "3945 7593 126026 126029 146212 167161 167181 167190 168329 168335 168910 189862 189873 189905 189906 189908 189909"
).split()
"""The tasks of the protocol; the others are for checking that nothing was fitted to these."""

EPOCHS = 52.0
VALIDATION_ACCURACY = 1
NAMES = ("batch_size", "learning_rate", "momentum", "weight_decay", "num_layers", "max_units", "max_dropout")


def find_data(given: str | None) -> Path:
    """Directory of the files: as given, the environment variable KZOO_LCBENCH, or ../shared/lcbench."""
    path = Path(given or os.environ.get("KZOO_LCBENCH") or Path(__file__).parents[4] / "shared" / "lcbench")
    if not (path / "model.onnx").exists():
        raise SystemExit(
            f"{path} holds no model.onnx. Get the folder lcbench of https://github.com/slds-lmu/yahpo_data and name it "
            "as an argument or in KZOO_LCBENCH."
        )
    return path


def search_space() -> keras_tuner.HyperParameters:
    """The seven hyperparameters; momentum is declared linearly, for the oracles to be put right or not."""
    hp = keras_tuner.HyperParameters()
    hp.Int("batch_size", 16, 512, sampling="log")
    hp.Float("learning_rate", 1e-4, 1e-1, sampling="log")
    hp.Float("momentum", 0.1, 0.99)
    hp.Float("weight_decay", 1e-5, 1e-1)
    hp.Int("num_layers", 1, 5)
    hp.Int("max_units", 64, 1024, sampling="log")
    hp.Float("max_dropout", 0.0, 1.0)
    return hp


class Surrogate:
    """One task of the surrogate."""

    def __init__(self, data: Path, task: str) -> None:
        self.session, encoding = _session(data)
        self.code = encoding[task]

    def accuracies(self, rows: np.ndarray) -> np.ndarray:
        """Validation accuracies in percent of configurations [rows, 7], raw values in the order of `NAMES`."""
        continuous = np.column_stack([np.full(len(rows), EPOCHS), rows]).astype(np.float32)
        task = np.full((len(rows), 1), self.code, np.int32)
        return self.session.run(None, {"x_cat": task, "x_cont": continuous})[0][:, VALIDATION_ACCURACY]

    def accuracy(self, values: dict) -> float:
        """Validation accuracy in percent of one configuration."""
        return float(self.accuracies(np.array([[values[name] for name in NAMES]], float))[0])

    @functools.cached_property
    def scale(self) -> tuple[float, float]:
        """Best known accuracy and the median of 20,000 uniform samples, which regret is measured between."""
        rng = np.random.default_rng(0)
        points = rng.random((20_000, len(NAMES)))
        scores = self.accuracies(decode(points))
        best = points[np.argsort(-scores)[:40]]
        top = self.accuracies(decode(best))
        width = 0.2
        for _ in range(300):
            moves = rng.normal(0, width, (40, 30, len(NAMES))) * (rng.random((40, 30, len(NAMES))) < 0.5)
            near = np.clip(best[:, None] + moves, 0, 1)
            found = self.accuracies(decode(near.reshape(-1, len(NAMES)))).reshape(40, 30)
            winner = found.argmax(axis=1)
            better = found.max(axis=1) > top
            best[better] = near[np.arange(40), winner][better]
            top = np.maximum(top, found.max(axis=1))
            width = max(0.003, width * 0.985)
        return float(max(top.max(), scores.max())), float(np.median(scores))


@functools.cache
def _session(data: Path) -> tuple[onnxruntime.InferenceSession, dict]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(data / "model.onnx", options)
    return session, json.loads((data / "encoding.json").read_text())["OpenML_task_id"]


def decode(points: np.ndarray) -> np.ndarray:
    """Raw values [rows, 7] of points in the unit cube, uniform on the scales of the protocol."""
    u = points.T
    return np.column_stack(
        [
            np.clip(np.floor(16 * (513 / 16) ** u[0]), 16, 512),
            1e-4 * 1e3 ** u[1],
            1 - 0.9 * (0.01 / 0.9) ** u[2],
            1e-5 + u[3] * (1e-1 - 1e-5),
            np.clip(np.floor(1 + 5 * u[4]), 1, 5),
            np.clip(np.floor(64 * (1025 / 64) ** u[5]), 64, 1024),
            u[6],
        ]
    )
