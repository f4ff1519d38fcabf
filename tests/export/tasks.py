"""Tasks for tests that export."""

from kzoo.task import Task

ROWS = 40


def make_task(kind, x, targets=1, **options):
    axes = tuple(range(x.ndim - 1))
    if kind == "regression":
        options.update(num_targets=targets, target_mean=(1000.0,) * targets, target_scale=(200.0,) * targets)
    else:
        options.setdefault("class_names", ("ant", "bee", "cat"))
    return Task(
        kind=kind,
        input_shape=x.shape[1:],
        input_dtype=x.dtype.name,
        train_rows=len(x),
        input_mean=tuple(x.mean(axes).tolist()),
        input_variance=tuple(x.var(axes).tolist()),
        **options,
    )
