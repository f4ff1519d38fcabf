"""Changes the code of a room a little, thousands of times, and asks each time whether a test fails.

Run: python tests/mutants.py ROOM, or make mutants ROOM=strategy
"""

import collections
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDING = ("affine", "driven_rows", "folding", "plain_layers", "replacing")
GATE = ("format_checks", "gate", "gate_checks", "gate_process", "graph_checks")

ROOMS = {
    "strategy": (["tuners/strategy/*"], ["tests/strategy", "tests/space"]),
    "space": (["tuners/space/*"], ["tests/space", "tests/strategy"]),
    "store": (["tuners/store/*"], ["tests/store", "tests/study"]),
    "folding": (["kzoo/export/folding/*"], [f"tests/export/test_{name}.py" for name in FOLDING]),
    "gate": (["kzoo/export/gate/*"], [f"tests/export/test_{name}.py" for name in GATE]),
    "leases": (["tuners/parallel/leases.py"], ["tests/parallel/test_leases.py"]),
}
"""Patterns of the files that are changed, and the tests that are run."""

OUTCOMES = {"killed": "killed", "survived": "survived", "no tests": "no tests", "timeout": "too long"}
"""What mutmut calls them, and the heads of the columns."""

REPOSITORY = Path(__file__).parents[1]
MUTMUT = [sys.executable, "-m", "mutmut"]
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def copied(room):
    """A copy of the repository, without what git ignores, in which mutmut is set up for a room."""
    copy = Path(tempfile.mkdtemp(prefix=f"mutants-{room}-"))
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in names:
        if (REPOSITORY / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, copy / name)
    files, tests = ROOMS[room]
    with (copy / "pyproject.toml").open("a", encoding="utf-8") as settings:
        settings.write(
            "\n[tool.mutmut]\n"
            'source_paths = ["tuners", "kzoo"]\n'
            'also_copy = ["docs", "README.md", "examples"]\n'
            'pytest_add_cli_args = ["-p", "no:cacheprovider"]\n'
            f"only_mutate = {files}\n"
            f"pytest_add_cli_args_test_selection = {tests}\n"
        )
    return copy


def outcomes(copy):
    """By module, the mutants of each outcome; those that an interrupted run did not come to are left out."""
    command = [*MUTMUT, "results", "--all", "true"]
    said = subprocess.run(command, cwd=copy, check=True, capture_output=True, text=True).stdout
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in said.splitlines():
        mutant, _, outcome = line.strip().rpartition(": ")
        if outcome != "not checked":
            found[mutant.rpartition(".")[0]][outcome].append(mutant)
    return found


def report(found):
    """A line for each module, then those that survived."""
    print(f"\n{'module':40}", *(f"{title:>9}" for title in OUTCOMES.values()), f"{'other':>9}")
    for module, by_outcome in found.items():
        counts = [len(by_outcome[outcome]) for outcome in OUTCOMES]
        counts.append(sum(map(len, by_outcome.values())) - sum(counts))
        print(f"{module:40}", *(f"{count:9}" for count in counts))
    everything = sum(len(mutants) for by_outcome in found.values() for mutants in by_outcome.values())
    killed = sum(len(by_outcome["killed"]) for by_outcome in found.values())
    survived = [mutant for by_outcome in found.values() for mutant in by_outcome["survived"]]
    print(f"\n{killed / max(everything, 1):.1%} of {everything} killed; {len(survived) or 'none'} survived.")
    for mutant in survived:
        print(f"  {mutant}")


def main(arguments):
    """Report on the room that is named."""
    if len(arguments) != 1 or arguments[0] not in ROOMS:
        sys.exit(f"No room is called {' '.join(arguments)!r}; the rooms are {', '.join(ROOMS)}.")
    copy = copied(arguments[0])
    try:
        # As many at a time as there are cores.
        run = subprocess.run([*MUTMUT, "run"], cwd=copy, env={**os.environ, **ENVIRONMENT})
    except KeyboardInterrupt:
        print("\nInterrupted; what was found until then:")
    else:
        if run.returncode:
            sys.exit(run.returncode)
    report(outcomes(copy))
    print(f"\nTo look at one: cd {copy} && {sys.executable} -m mutmut show NAME")


if __name__ == "__main__":
    main(sys.argv[1:])
