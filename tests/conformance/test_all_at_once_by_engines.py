"""Every object of Keras once, many in one model, trained by `model.fit` and by "auto" to the same."""

import garden_subjects
import pytest


def test_some_at_once_train_as_fit_does():
    """The activations, and the layers that take features."""
    _check([*garden_subjects.of_activations(), next(garden_subjects.of_layers())])


@pytest.mark.conformance_full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "find",
    [
        garden_subjects.of_layers,
        garden_subjects.of_parts,
        garden_subjects.of_losses,
        garden_subjects.of_metrics,
        garden_subjects.of_operations,
    ],
)
def test_all_at_once_train_as_fit_does(find):
    _check(find())


def _check(gardens):
    lines, alone, plants = [], [], 0
    for garden in gardens:
        plants += len(garden.plants)
        found, left = garden_subjects.compared(garden, "auto")
        lines, alone = lines + found, alone + left
    assert not lines, "\n".join(lines)
    # Those that "fit" itself cannot train are few, or the gardens say nothing.
    assert len(alone) < plants / 10, alone
