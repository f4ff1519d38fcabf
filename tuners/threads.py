"""Threads that multiply matrices."""

from __future__ import annotations

import functools
from typing import Any

import threadpoolctl


def one_thread() -> Any:
    """A context in which one thread multiplies matrices.

    Threads that share a small product wait for each other in a busy loop: beside other processes that takes many times
    the time of the product.
    """
    return _pools().limit(limits=1, user_api="blas")


@functools.cache
def _pools() -> threadpoolctl.ThreadpoolController:
    # Kept, since finding the libraries takes longer than what is done within.
    return threadpoolctl.ThreadpoolController()
