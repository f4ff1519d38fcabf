"""Trials on a Ray cluster: the oracle in an actor, each trial a task, everything between them plain JSON.

Whatever dies is replaced: an actor that is restarted reads the search from its directory, and the trial of a task
that has died is run again, on whatever node there is.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import json
import os
import socket
import time
from collections.abc import Sequence
from typing import Any

from tuners.machine import THREADS
from tuners.parallel.interrupt import Interrupt
from tuners.parallel.messages import Ended, Epoch, Order, decode, encode, expected

POLL = 0.5
"""Seconds between looks at what has come."""

CONNECT = 10.0
"""Seconds that a cluster has to answer."""

TRIALS_PER_PROCESS = 100
"""Trials after which Ray replaces the process that trains them."""


@dataclasses.dataclass(frozen=True)
class Needs:
    """What a trial needs of a node.

    Attributes:
        cpus: Cores.
        gpus: GPUs; a fraction where trials share one.
        at_once: Trials at once at most, or None for as many as there is room for.
        trial_timeout: Seconds that a trial may take, or None.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    at_once: int | None = None
    trial_timeout: float | None = None


def search_on_ray(
    maker: str, arguments: Sequence[str], *, address: str, observer: Any = None, needs: Needs = Needs()
) -> None:
    """Search with the trials as tasks of a Ray cluster.

    The directory of the search must be the same on all nodes, on a file system that they share.

    Args:
        maker: "package.module:function", importable on all nodes. The function takes `arguments` and returns a
            `FastTuner` and a function without arguments, which returns the arguments of `model.fit` as (args, kwargs).
        arguments: Given to it.
        address: Address of the cluster, "HOST:PORT", or "auto" for the one that this machine is a node of.
        observer: Is told of epochs, trials and tasks as they end.
        needs: What a trial needs.

    Raises:
        ModuleNotFoundError: Ray is not installed.
        ValueError: The address is neither "HOST:PORT" nor "auto".
        ConnectionError: Nothing answers at this address.
        RuntimeError: The oracle cannot be started, or too many trials in a row have failed.
        KeyboardInterrupt: The search was interrupted; it can go on.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise ModuleNotFoundError("Ray is not installed; install kzoo[ray].", name="ray") from None
    check_address(address)
    if address != "auto":
        _knock(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(address=address, log_to_driver=False, logging_level="ERROR", configure_logging=False)
    try:
        with Interrupt() as interrupt:
            _Driver(maker, tuple(arguments), observer, needs).run(interrupt)
    finally:
        ray.shutdown()
    if interrupt.asked:
        raise KeyboardInterrupt


def check_address(address: str) -> None:
    """Refuse what is not the address of a cluster.

    Raises:
        ValueError: It is neither "HOST:PORT" nor "auto".
    """
    host, _, port = address.rpartition(":")
    if address != "auto" and not (host and port.isdecimal() and "/" not in host):
        raise ValueError(f"The address of a Ray cluster is {address!r}; expected HOST:PORT, or auto.")


def _knock(address: str) -> None:
    """Fail at once where nothing answers at an address; Ray itself keeps trying for minutes."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT).close()
    except OSError as error:
        raise ConnectionError(f"No Ray cluster answers at {address}: {error.strerror or error}") from None


class OracleActor:
    """The oracle of a search, in an actor: the driver asks it for trials; the driver and the tasks tell it the results.

    Every call may come twice, since a call during which the actor died is made again.

    Args:
        maker: See `search_on_ray`.
        arguments: See `search_on_ray`.
    """

    def __init__(self, maker: str, arguments: tuple[str, ...]) -> None:
        from tuners.parallel.dispatch import Dispatch

        self.tuner, _ = _call(maker, arguments)
        self.tuner.oracle.verbose = 0
        self.tuner.oracle.reload()
        self.tuner.observer = self
        self.dispatch = Dispatch(self.tuner)
        self.news: list[tuple[str, str]] = []

    def take(self, flying: list[str]) -> str | None:
        """An order for the next trial that is not being trained already, as JSON, or None."""
        while (trial := self.dispatch.take()) is not None:
            if trial.trial_id not in flying:
                return encode(self.dispatch.order(trial)).decode()
        return None

    def end(self, answer: str) -> None:
        """The answer of a task."""
        ended = expected(decode(answer), Ended)
        trial = self.tuner.oracle.trials.get(ended.trial_id)
        if trial is not None:
            self.dispatch.end(trial, ended)

    def lose(self, trial_id: str, words: str, guilty: bool) -> None:
        """A task has died, through its own fault or not."""
        trial = self.tuner.oracle.trials.get(trial_id)
        if trial is None or trial_id in self.tuner.oracle.end_order:
            return
        if guilty:
            self.dispatch.lose(trial, words)
        else:
            self.dispatch.give_back(trial)

    def tell(self, epoch: str) -> bool:
        """A task has begun, which is its epoch 0, or an epoch of it has ended; whether it is to end with it."""
        self.news.append(("epoch", epoch))
        told = expected(decode(epoch), Epoch)
        trial = self.tuner.oracle.trials.get(told.trial_id)
        return told.epoch > 0 and trial is not None and self.dispatch.report(trial, told)

    def hear(self) -> list[tuple[str, str]]:
        """What has come since this was last asked: epochs, and trials that have ended, as JSON."""
        news, self.news = self.news, []
        return news

    def on_epoch(self, trial: Any, epoch: int, epochs: int, logs: Any) -> None:
        """Tasks tell of their epochs themselves."""

    def on_trial_end(self, trial: Any) -> None:
        """A trial has ended."""
        self.news.append(("ended", json.dumps(trial.get_state())))


def train(maker: str, arguments: tuple[str, ...], order: str, oracle: Any, threads: int) -> str:
    """The task: train a trial and give the answer as JSON."""
    for name in THREADS:
        os.environ.setdefault(name, str(threads))
    import ray

    from tuners.parallel.worker import train_trial

    asked = expected(decode(order), Order)
    tuner, args, kwargs = _trainer(maker, arguments)
    oracle.tell.remote(encode(Epoch(asked.trial_id, 0, 0, {})).decode())

    def report(epoch: Epoch) -> bool:
        told = oracle.tell.remote(encode(epoch).decode())
        return epoch.asks and ray.get(told)

    return encode(train_trial(tuner, asked, report, *args, **kwargs)).decode()


@functools.cache
def _trainer(maker: str, arguments: tuple[str, ...]) -> tuple[Any, Any, Any]:
    tuner, load = _call(maker, arguments)
    args, kwargs = load()
    return tuner, args, kwargs


def _call(maker: str, arguments: Sequence[str]) -> Any:
    module, _, function = maker.partition(":")
    return getattr(importlib.import_module(module), function)(*arguments)


@dataclasses.dataclass
class _Flight:
    """A task: the trial that it trains, its place in the display, and when it began, in monotonic seconds."""

    order: Order
    place: int
    began: float | None = None


class _Driver:
    def __init__(self, maker: str, arguments: tuple[str, ...], observer: Any, needs: Needs) -> None:
        import ray
        import ray.util.scheduling_strategies

        self.ray, self.maker, self.arguments = ray, maker, arguments
        self.observer, self.needs = observer, needs
        self.flights: dict[Any, _Flight] = {}
        # With the driver, as long as there is room: its node is the last to go.
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=True
        )
        options = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": here}
        self.oracle = ray.remote(**options)(OracleActor).remote(maker, arguments)
        self.task = ray.remote(num_cpus=needs.cpus, num_gpus=needs.gpus, max_retries=0, max_calls=TRIALS_PER_PROCESS)(
            train
        )

    def run(self, interrupt: Interrupt) -> None:
        while True:
            if not interrupt.asked:
                self._launch()
            if not self.flights:
                self._hear()
                return
            landed, _ = self.ray.wait(list(self.flights), timeout=POLL)
            # First what they reported while they ran.
            self._hear()
            for reference in landed:
                self._land(reference)
            self._look_at_the_clock()

    def _ask(self, method: Any, *arguments: Any) -> Any:
        """What the oracle answers; what it raises is raised as it was there."""
        try:
            return self.ray.get(method.remote(*arguments))
        except self.ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except self.ray.exceptions.RayActorError as error:
            raise RuntimeError(f"The oracle cannot be started on the cluster: {error}") from None

    def _launch(self) -> None:
        while len(self.flights) < self._room():
            line = self._ask(self.oracle.take, [flight.order.trial_id for flight in self.flights.values()])
            if line is None:
                return
            order = expected(decode(line), Order)
            taken = {flight.place for flight in self.flights.values()}
            place = next(number for number in range(1, len(taken) + 2) if number not in taken)
            threads = max(1, int(self.needs.cpus))
            reference = self.task.remote(self.maker, self.arguments, line, self.oracle, threads)
            self.flights[reference] = _Flight(order, place)
            self._tell(self.flights[reference], "starting")

    def _room(self) -> int:
        """Trials that the cluster has room for as it is now; one waits for a node where there is none."""
        there = self.ray.cluster_resources()
        rooms = [there.get("CPU", 0) / self.needs.cpus]
        if self.needs.gpus:
            rooms.append(there.get("GPU", 0) / self.needs.gpus)
        return max(1, min(int(min(rooms)), self.needs.at_once or 2**31))

    def _land(self, reference: Any) -> None:
        flight = self.flights.pop(reference)
        errors = self.ray.exceptions
        try:
            answer = self.ray.get(reference)
        except errors.RayTaskError as error:
            # What a trial raises is in its answer: this is the making of the tuner or the reading of the data.
            raise RuntimeError(f"A task cannot be prepared on the cluster:\n{error}") from None
        except errors.RayError as error:
            guilty = not isinstance(error, errors.NodeDiedError)
            self._ask(self.oracle.lose, flight.order.trial_id, str(error), guilty)
        else:
            self._ask(self.oracle.end, answer)
        self._tell(flight, "idle")

    def _look_at_the_clock(self) -> None:
        limit = self.needs.trial_timeout
        for reference, flight in list(self.flights.items()):
            if limit is not None and flight.began is not None and time.monotonic() - flight.began > limit:
                del self.flights[reference]
                self.ray.cancel(reference, force=True)
                ended = Ended(flight.order.trial_id, "FAILED", f"The trial took longer than {limit:g} s.")
                self._ask(self.oracle.end, encode(ended).decode())
                self._tell(flight, "idle")

    def _hear(self) -> None:
        flights = {flight.order.trial_id: flight for flight in self.flights.values()}
        for kind, line in self._ask(self.oracle.hear):
            if kind == "ended":
                self._tell_of_end(line)
                continue
            epoch = expected(decode(line), Epoch)
            flight = flights.get(epoch.trial_id)
            if flight is None:
                continue
            if epoch.epoch == 0:
                flight.began = time.monotonic()
                self._tell(flight, "training")
            elif self.observer is not None:
                self.observer.on_epoch(flight.order, epoch.epoch, epoch.epochs, epoch.logs)

    def _tell_of_end(self, state: str) -> None:
        if self.observer is not None:
            from keras_tuner.engine.trial import Trial

            self.observer.on_trial_end(Trial.from_state(json.loads(state)))

    def _tell(self, flight: _Flight, state: str) -> None:
        hear = getattr(self.observer, "on_worker", None)
        if hear is not None:
            hear(flight.place, state, None if state == "idle" else flight.order)
