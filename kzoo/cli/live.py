"""`kzoo report RUN --live`: the page, served on this machine while the search runs."""

from __future__ import annotations

import errno
import signal
import types
from pathlib import Path
from typing import Any

from kzoo.cli import again, studies
from kzoo.cli.console import Failure, console, describe

PORT = 8600
STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def serve(run: Path, port: int) -> None:
    """Serve the page of a run until Ctrl-C.

    Args:
        run: Directory of the search.
        port: Port, or 0 for any that is free.

    Raises:
        Failure: There is no search, or the port cannot be had.
    """
    from tuners.report.facts import counts
    from tuners.report.live import HOST, LiveStudy, PageServer

    study = studies.load(run)
    live = LiveStudy(run, lambda: data_of(run))
    try:
        server = PageServer(live, port)
    except OSError as error:
        why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
        raise Failure(f"Port {port} of {HOST} {why}: choose another with --port, 0 for any that is free.") from None
    before = {each: signal.signal(each, _interrupt) for each in STOPPING}
    try:
        with server:
            at = server.server_port
            live.look()
            lines = [f"{run}: {counts(study)}. {live.state}", f"Its page: {server.address}; Ctrl-C ends it."]
            lines.append(f"On another machine: ssh -L {at}:{HOST}:{at} this-machine, then the same address there.")
            console().print("\n".join(lines), markup=False, soft_wrap=True)
            server.serve_forever()
    except KeyboardInterrupt:
        console().print("The page has ended.")
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def data_of(run: Path) -> dict[str, Any]:
    """What the page of a run shows.

    Raises:
        ValueError: The run cannot be read.
    """
    from tuners.report.page.data import page_data

    try:
        study = studies.load(run)
        conclusions = again.conclude(run, study)
        return page_data(studies.title(run), study, conclusions, studies.given(run), studies.Acting(run, study))
    except Failure as failure:
        raise ValueError(str(failure)) from None
    except OSError as error:
        raise ValueError(describe(error)) from None


def _interrupt(signum: int, frame: types.FrameType | None) -> None:
    # A second Ctrl-C has nothing more to end.
    for each in STOPPING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt
