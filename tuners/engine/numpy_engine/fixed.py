"""Layers without weights that do the same to an example in every trial."""

from __future__ import annotations

from numpy.typing import NDArray

from tuners.engine.numpy_engine.kernels import Gradients, Kernel, single


class Fixed(Kernel):
    """A kernel that does the same to an example in every trial, and so can be applied to all data beforehand."""

    def key(self) -> tuple[object, ...]:
        """Equal for kernels that compute the same."""
        raise NotImplementedError

    def apply(self, x: NDArray) -> NDArray:
        """The output of examples [rows, ...] that are not of any member.

        Args:
            x: The input.
        """
        return self.forward(x[None], training=False)[0]


class Normalize(Fixed):
    """keras.layers.Normalization.

    Args:
        offset: Array that broadcasts to the inputs.
        scale: Likewise.
        invert: Whether normalised values are taken back.
    """

    def __init__(self, offset: NDArray, scale: NDArray, invert: bool) -> None:
        self.offset, self.scale, self.invert = offset, scale, invert

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        x = single(inputs[0])
        return x * self.scale + self.offset if self.invert else (x - self.offset) / self.scale

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        return (gradient * self.scale if self.invert else gradient / self.scale,)

    def key(self) -> tuple[object, ...]:
        """See `Fixed`."""
        return ("normalize", self.offset.tobytes(), self.scale.tobytes(), self.offset.shape, self.invert)


class Rescale(Fixed):
    """keras.layers.Rescaling with numbers.

    Args:
        scale: Factor.
        offset: Added after it.
    """

    def __init__(self, scale: float, offset: float) -> None:
        self.scale, self.offset = scale, offset

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        return single(inputs[0]) * self.scale + self.offset

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        return (gradient * self.scale,)

    def key(self) -> tuple[object, ...]:
        """See `Fixed`."""
        return ("rescale", self.scale, self.offset)


class Flatten(Fixed):
    """keras.layers.Flatten."""

    def forward(self, *inputs: NDArray, training: bool) -> NDArray:
        """See `Kernel`."""
        self._shape = inputs[0].shape
        return inputs[0].reshape(*self._shape[:2], -1)

    def backward(self, gradient: NDArray, *, wanted: bool) -> Gradients:
        """See `Kernel`."""
        return (gradient.reshape(self._shape),)

    def key(self) -> tuple[object, ...]:
        """See `Fixed`."""
        return ("flatten",)
