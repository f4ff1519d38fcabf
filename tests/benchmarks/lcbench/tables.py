"""What the results say: tables to read and a picture."""

import importlib.metadata

import numpy as np

CHECKPOINTS = (20, 30, 50, 100)
HEADS = " | ".join(f"@{at}" for at in CHECKPOINTS)
OURS = "kzoo"


def line(result):
    """One row of the table."""
    numbers = " | ".join(f"{result['regret'][at - 1]:.3f}" for at in CHECKPOINTS)
    return (
        f"| {result['searcher']} | {result['setting']} | {numbers} | {result['milliseconds']:.1f} | {result['seeds']} |"
    )


def page(results, settings):
    """All tables.

    Args:
        results: As `run.measure` gives them.
        settings: Names of the settings, in order.
    """
    most = max(len(result["by_task"]) for result in results)
    full = [result for result in results if len(result["by_task"]) == most]
    few = [result for result in results if len(result["by_task"]) < most]
    parts = [_regrets(full, most)]
    parts += [_ahead(full, settings)] if any(result["searcher"] != OURS for result in full) else []
    parts += [_late(full)]
    parts += [_on_few(result, full) for result in few]
    return "\n".join([*parts, _note(results), ""])


def _regrets(results, tasks):
    rows = [f"Mean regret over {tasks} tasks of LCBench after so many trials.", ""]
    rows += [f"| search | results | {HEADS} | ms | seeds |", "|---|---|" + "---:|" * (len(CHECKPOINTS) + 2)]
    return "\n".join([*rows, *map(line, results), ""])


def _ahead(results, settings):
    rows = ["Tasks on which kzoo, with its model, has the smaller mean regret.", ""]
    rows += [f"| against | results | {HEADS} |", "|---|---|" + "---:|" * len(CHECKPOINTS)]
    for setting in settings:
        here = {result["searcher"]: result for result in results if result["setting"] == setting}
        for name in [each for each in here if OURS in here and each != OURS]:
            won = _matrix(here[OURS]) < _matrix(here[name])
            rows.append(f"| {name} | {setting} | {' | '.join(f'{count} of {len(won)}' for count in won.sum(axis=0))} |")
    return "\n".join([*rows, ""])


def _late(results):
    rows = ["Regret of workers beside that of one, at equal numbers of trials.", ""]
    rows += [f"| search | results | {HEADS} |", "|---|---|" + "---:|" * len(CHECKPOINTS)]
    alone = {result["searcher"]: result for result in results if result["setting"] == "one by one"}
    for each in [each for each in results if each["setting"].endswith("workers") and each["searcher"] in alone]:
        pairs = [(each["regret"][at - 1], alone[each["searcher"]]["regret"][at - 1]) for at in CHECKPOINTS]
        more = " | ".join(f"{late / prompt - 1:+.0%}" for late, prompt in pairs)
        rows.append(f"| {each['searcher']} | {each['setting']} | {more} |")
    return "\n".join([*rows, ""])


def _on_few(result, full):
    """A search too slow for all tasks, beside the others on the same tasks and as many seeds as they had."""
    tasks = list(result["by_task"])
    rows = [f"On the tasks {', '.join(tasks)} only, {result['setting']}; {result['milliseconds']:.0f} ms.", ""]
    rows += [f"| search | {HEADS} | seeds |", "|---|" + "---:|" * (len(CHECKPOINTS) + 1)]
    for each in [*(other for other in full if other["setting"] == result["setting"]), result]:
        means = np.mean([each["by_task"][task] for task in tasks], axis=0)
        rows.append(f"| {each['searcher']} | {' | '.join(f'{mean:.3f}' for mean in means)} | {each['seeds']} |")
    return "\n".join([*rows, ""])


def _matrix(result):
    return np.array(list(result["by_task"].values()))


def _note(results):
    packages = ("kzoo", "keras-tuner", "optuna", "hyperopt", "numpy", "scipy")
    versions = ", ".join(f"{each} {importlib.metadata.version(each)}" for each in packages)
    dates = sorted({result["date"] for result in results})
    return (
        "ms: CPU milliseconds of an ask and tell, the journal written to disk included, in the mean over all trials. "
        f"Made by `tests/benchmarks/lcbench/run.py`, {' and '.join(dates)}; {versions}."
    )


def draw(results, settings, path):
    """Regret against trials, one part a setting; searches on all tasks only."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    most = max(len(result["by_task"]) for result in results)
    shown = [result for result in results if len(result["by_task"]) == most]
    names = list(dict.fromkeys(result["searcher"] for result in shown))
    figure, axes = plt.subplots(1, len(settings), figsize=(12, 4), sharey=True, layout="constrained")
    for axis, setting in zip(axes, settings, strict=True):
        for result in [each for each in shown if each["setting"] == setting]:
            ours = result["searcher"].startswith(OURS)
            axis.plot(
                range(5, len(result["regret"]) + 1),
                result["regret"][4:],
                label=result["searcher"],
                color=f"C{names.index(result['searcher'])}",
                lw=2.4 if ours else 1.4,
                ls="-" if ours else "--",
            )
        axis.set(title=setting, xlabel="trials", yscale="log")
        axis.set_yticks([0.05, 0.1, 0.2, 0.4, 0.8], ["0.05", "0.1", "0.2", "0.4", "0.8"])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("mean regret (0: best known, 1: median)")
    axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=110)
