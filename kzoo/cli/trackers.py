"""`kzoo report RUN --optuna STORAGE --mlflow URI`: the study for other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kzoo.cli.console import Failure, command, describe

if TYPE_CHECKING:
    from tuners import Study


def to_optuna(study: Study, storage: str, name: str) -> str:
    """Write a study into a storage of Optuna; what to tell.

    Args:
        study: The study.
        storage: A file, which becomes a journal of Optuna's, or an address such as sqlite:///FILE.
        name: What the study is called there.

    Raises:
        Failure: Optuna is not there, or the storage cannot be written or has a study of that name.
    """
    try:
        import optuna
        import sqlalchemy
    except ModuleNotFoundError:
        raise Failure("Optuna is not installed: pip install 'kzoo[optuna]'.") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study.to_optuna(storage if "://" in storage else _journal(Path(storage)), name)
    except optuna.exceptions.DuplicatedStudyError:
        raise Failure(
            f"{storage} holds a study {name} already: give another, or remove that with: "
            f"{command('optuna', 'delete-study', '--storage', storage, '--study-name', name)}"
        ) from None
    except OSError as error:
        raise Failure(describe(error)) from None
    except (optuna.exceptions.OptunaError, sqlalchemy.exc.SQLAlchemyError, ValueError) as error:
        raise Failure(f"{storage}: {describe(error)}") from None
    return f"Optuna: the study {name}; {command('optuna-dashboard', storage)}"


def _journal(path: Path) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    # Optuna would write below whatever stands in the file.
    if path.exists() and not _is_journal(path):
        raise ValueError("It is there, and no journal of Optuna's: give another file, or an address as sqlite:///FILE.")
    return JournalStorage(JournalFileBackend(str(path)))


def _is_journal(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline(1 << 16)
    try:
        return not first or "op_code" in json.loads(first)
    except (ValueError, TypeError):
        return False


def to_mlflow(study: Study, uri: str, name: str) -> str:
    """Write a study as runs of MLflow; what to tell.

    Args:
        study: The study.
        uri: Address of a server or database of MLflow.
        name: What the experiment is called there.

    Raises:
        Failure: MLflow is not there, or it cannot be written.
    """
    try:
        from mlflow.exceptions import MlflowException
    except ModuleNotFoundError:
        raise Failure("MLflow is not installed: pip install 'kzoo[mlflow]'.") from None
    try:
        study.to_mlflow(name, uri)
    except ConnectionError as error:
        raise Failure(str(error)) from None
    except (MlflowException, ValueError) as error:
        raise Failure(f"{uri}: {describe(error)}") from None
    return f"MLflow: the experiment {name} at {uri}"
