"""Topics of texts: latent semantic analysis (Deerwester et al., 1990) of which tokens stand in which text."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kzoo.tables.encoders import tokens

MOST_TOPICS = 64
"""Numbers of a text."""

MOST_TEXTS = 20_000
"""Of which topics are found; more say the same."""

LEAST = 1e-6
"""Singular value of a topic, as a share of the first one's; what is below is rounding."""


def learn_topics(texts: Sequence[str], words: Sequence[str]) -> str:
    """The vectors of tokens, by which the tokens of a text are its topics.

    A text is the tokens that stand in it, each weighted by its inverse document frequency, and of length 1. The
    vectors are the first right singular vectors of all texts, times these weights.

    Args:
        texts: Of the training rows.
        words: The tokens that are told apart.

    Returns:
        As `vectors_of` takes them.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfTransformer

    some = np.unique(np.linspace(0, len(texts) - 1, MOST_TEXTS).round().astype(int))
    found = token_matrix([texts[row] for row in some], words)
    weights = TfidfTransformer()
    found = weights.fit_transform(found)
    most = min(MOST_TOPICS, min(found.shape) - 1)
    analysis = TruncatedSVD(most, algorithm="arpack", random_state=0).fit(found)
    sizes = analysis.singular_values_
    vectors = analysis.components_[sizes > LEAST * sizes.max()].T * weights.idf_[:, None]
    return base64.b64encode(vectors.astype("<f2").tobytes()).decode()


def vectors_of(topics: str, count: int) -> NDArray[np.float64]:
    """Vectors of tokens [count, topics] from the text that `learn_topics` returns: base64 of their float16.

    Raises:
        ValueError: It is none of so many tokens.
    """
    numbers = np.frombuffer(base64.b64decode(topics, validate=True), dtype="<f2").astype(np.float64)
    if not count or not len(numbers) or len(numbers) % count or not np.isfinite(numbers).all():
        raise ValueError(f"no vectors of {count} tokens")
    return numbers.reshape(count, -1)


def token_matrix(texts: Sequence[str], words: Sequence[str]) -> Any:
    """A sparse matrix [texts, words], 1 where a word is among the tokens of a text."""
    import scipy.sparse

    place = {word: number for number, word in enumerate(words)}
    found = [[place[token] for token in {*tokens(text)} if token in place] for text in texts]
    ends = np.cumsum([0, *map(len, found)])
    inside = np.fromiter((each for row in found for each in row), dtype=np.int64, count=ends[-1])
    return scipy.sparse.csr_array((np.ones(len(inside)), inside, ends), shape=(len(texts), len(words)))
