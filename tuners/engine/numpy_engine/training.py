"""Members of one structure from their first epoch to their last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from tuners.engine.fit import Best
from tuners.engine.numpy_engine.crew import Crew
from tuners.engine.numpy_engine.member import Member
from tuners.engine.numpy_engine.network import Network
from tuners.engine.numpy_engine.optimizer import Optimizer
from tuners.engine.request import Trained
from tuners.engine.results import epochs_of


class Training:
    """Trains members that belong together, each as it would be trained alone.

    Args:
        members: Of one of `groups`.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self._runs = [Run(member, len(members)) for member in members]
        network = Network([member.program for member in members])
        self._crew = Crew(network, Optimizer([member.rule for member in members], network), list(members))

    def run(self) -> list[Trained | Exception]:
        """Train all epochs of each, or until something says to end it; what it gave or raised."""
        running = list(self._runs)
        for run in running:
            run.begin()
        epoch = 0
        while running:
            for run in running:
                run.begin_epoch(epoch)
            logs = self._crew.epoch(epoch)
            for place, run in enumerate(running):
                run.end_epoch(epoch, logs[place], self._crew.network, place)
            going = [place for place, run in enumerate(running) if not run.has_ended]
            if len(going) < len(running):
                running = [running[place] for place in going]
                if running:
                    self._crew = self._crew.part(going)
            epoch += 1
        return [run.outcome for run in self._runs if run.outcome is not None]


class Run:
    """What is kept of one member while it is trained.

    Args:
        member: The member.
        together: How many are trained at once.

    Attributes:
        outcome: What training gave or raised, once it has ended.
    """

    def __init__(self, member: Member, together: int) -> None:
        self.member = member
        self.outcome: Trained | Exception | None = None
        self._best = Best(member.request, together)
        self._model = member.request.model

    @property
    def has_ended(self) -> bool:
        """Whether there is no further epoch."""
        return self.outcome is not None

    def begin(self) -> None:
        """Before the first epoch."""
        self._model.stop_training = False
        self._callbacks = keras.callbacks.CallbackList(list(self.member.callbacks), add_history=True, model=self._model)
        self._guarded(self._callbacks.on_train_begin)

    def begin_epoch(self, epoch: int) -> None:
        """Before an epoch, which is numbered from 0."""
        self._guarded(self._callbacks.on_epoch_begin, epoch)

    def end_epoch(self, epoch: int, logs: dict[str, float], network: Network, place: int) -> None:
        """After an epoch.

        Args:
            epoch: Its number, from 0.
            logs: Its metrics.
            network: The network.
            place: Of the member in it.
        """
        self._guarded(self._take, epoch, logs, network, place)

    def _take(self, epoch: int, logs: dict[str, float], network: Network, place: int) -> None:
        if self.member.callbacks:
            self._model.set_weights(network.weights(place))
        self._callbacks.on_epoch_end(epoch, logs)
        stops = self._best.stops(epoch + 1, logs, lambda: network.weights(place))
        if stops or self._model.stop_training or epoch + 1 >= self.member.epochs:
            self._callbacks.on_train_end()
            request, weights = self.member.request, self._best.weights
            self.outcome = Trained(
                epochs_of(self._model.history, request.objective),
                network.weights(place) if weights is None else weights,
                self._model.get_build_config(),
            )

    def _guarded(self, call: Any, *args: Any) -> None:
        if self.has_ended:
            return
        # What goes wrong with one member is not to end the others.
        try:
            call(*args)
        except Exception as error:
            self.outcome = error
