import json

import keras
import pytest

import kzoo
from kzoo.export.card import ExportFacts, SignatureFacts, TensorFacts, card_json
from kzoo.export.card_page import card_page


def facts(**changed):
    values = {
        "name": "insects",
        "created": "2026-01-01T00:00:00+00:00",
        "versions": {"tensorflow": "2.21.0"},
        "parameters": 1234567,
        "bytes": 5_000_000,
        "signatures": {
            "numeric": SignatureFacts(
                "predict",
                {"inputs": TensorFacts("float32", (None, 4))},
                {"probabilities": TensorFacts("float32", None)},
            )
        },
        "class_names": ("a|b", "*c*"),
        "folded": (),
        "not_folded": "not asked for",
        "warmup_batch_sizes": (1, 2),
        "fingerprint": "1/2/3/4",
    }
    return ExportFacts(**{**values, **changed})


CARD = kzoo.ModelCard(
    description="Tells insects\napart.",
    family="mlp",
    hyperparameters={"batch_size": 32, "learning_rate": 0.001, "optimizer": "adam"},
    data=kzoo.DataCard("insects", rows={"train": 1000}),
    metrics={"validation": {"accuracy": 0.91234}, "test": {"accuracy": 0.9, "loss": 0.5}},
)


def test_the_page():
    lines = card_page(CARD, facts()).splitlines()
    for line in (
        "# insects",
        "Tells insects apart.",
        "- trained: not known",
        "- parameters: 1,234,567",
        "- graph and weights: 5.0 MB",
        "- folded layers: none: not asked for",
        "|  | validation | test |",
        "| accuracy | 0.9123 | 0.9 |",
        "| loss |  | 0.5 |",
        "- rows: 1,000 train",
        "- licence: not known",
        "| batch_size | 32 |",
        "| numeric | predict | inputs float32 [any, 4] | probabilities float32 of any shape |",
        r"a\|b, \*c\*",
        "- tensorflow: 2.21.0",
    ):
        assert line in lines


def test_a_page_without_anything_known():
    page = card_page(kzoo.ModelCard(), facts(class_names=()))
    assert "## Metrics\n\nNot known.\n" in page
    assert "## Data\n\nNot known.\n" in page
    assert "## Classes" not in page


def test_many_classes_are_not_all_listed():
    page = card_page(CARD, facts(class_names=tuple(map(str, range(100)))))
    assert "18, 19 and 80 more" in page


@pytest.mark.parametrize("value", [float("nan"), object(), [1, 2]])
def test_values_that_json_cannot_hold(value):
    with pytest.raises(ValueError, match="cannot hold .* for units"):
        kzoo.ModelCard(hyperparameters={"units": value})
    with pytest.raises(ValueError, match="for accuracy of test"):
        kzoo.ModelCard(metrics={"test": {"accuracy": value}})


def test_the_card_in_an_export(exported, model, task):
    card = json.loads((exported / "assets.extra/kzoo/card.json").read_text())
    export = card["export"]
    assert export["name"] == "insects"
    assert export["parameters"] == model.count_params()
    assert export["class_names"] == list(task.class_names)
    assert export["versions"]["keras"] == keras.__version__
    assert export["warmup_batch_sizes"] == [1, 2, 4, 8, 16, 32]
    assert set(export["signatures"]) == {"serving_default", "numeric", "classify"}
    assert export["signatures"]["numeric"]["inputs"] == {"inputs": {"dtype": "float32", "shape": [None, 4]}}
    assert export["bytes"] > 4 * model.count_params()
    assert "hidden_1_norm" in export["folded"]
    assert card["model"]["data"] is None
    assert (exported / "assets.extra/kzoo/card.md").read_text().startswith("# insects\n")


def test_the_json_of_a_card_says_what_was_given():
    record = json.loads(card_json(CARD, facts()))["model"]
    assert record["metrics"]["test"] == {"accuracy": 0.9, "loss": 0.5}
    assert record["hyperparameters"]["optimizer"] == "adam"


def test_the_card_of_a_data_set():
    data = kzoo.load_dataset("wine")
    card = kzoo.DataCard.of(data)
    assert (card.name, card.fingerprint, card.licence) == ("wine", data.fingerprint, "CC BY 4.0")
    assert sum(card.rows.values()) == 178
    assert kzoo.DataCard.of(kzoo.load_dataset("diabetes")).licence == ""
