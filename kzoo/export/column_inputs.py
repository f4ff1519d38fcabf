"""A model of encoded rows as one that takes the columns themselves, by their names: the encoding in TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kzoo.export.errors import ExportError
from kzoo.tables.calendar import MONTHS
from kzoo.tables.encoders import SEPARATORS, InNumpy, encode, texts
from kzoo.tables.encoding import TableEncoding

TOLERANCE = 1e-6
"""Largest difference of an encoded number from that of training, as a share of it or of 1."""


class InGraph:
    """Encodes columns of tensors: [rows] of float32 or text."""

    xp = tf.experimental.numpy

    def numbers(self, values: tf.Tensor) -> tf.Tensor:
        """See `kzoo.tables.encoders.Backend`."""
        return tf.cast(values, tf.float32)

    def cleaned(self, values: tf.Tensor, missing_words: Sequence[str]) -> tf.Tensor:
        """See `kzoo.tables.encoders.Backend`."""
        values = tf.strings.strip(values)
        if not missing_words:
            return values
        missing = tf.reduce_any(values[:, None] == tf.constant(list(missing_words))[None], axis=1)
        return tf.where(missing, "", values)

    def is_word(self, values: tf.Tensor, words: Sequence[str]) -> tf.Tensor:
        """See `kzoo.tables.encoders.Backend`; a comparison needs no table, so nothing to initialise in the server."""
        return tf.cast(values[:, None] == tf.constant(list(words))[None], tf.float32)

    def place(self, values: tf.Tensor, words: Sequence[str]) -> tf.Tensor:
        """See `kzoo.tables.encoders.Backend`."""
        known = values[:, None] == tf.constant(list(words))[None]
        return tf.where(tf.reduce_any(known, axis=1), tf.argmax(tf.cast(known, tf.int32), axis=1), len(words))

    def has_token(self, values: tf.Tensor, words: Sequence[str]) -> tf.Tensor:
        """See `kzoo.tables.encoders.Backend`."""
        return tf.sparse.to_dense(_token_matrix(values, words, tf.float32), validate_indices=False)

    def token_sum(self, values: tf.Tensor, words: Sequence[str], vectors: NDArray[np.float64]) -> tf.Tensor:
        """See `kzoo.tables.encoders.Backend`."""
        found = _token_matrix(values, words, tf.float64)
        # Small in the export, as they are in the record.
        return tf.sparse.sparse_dense_matmul(found, tf.cast(tf.constant(vectors.astype(np.float16)), tf.float64))

    def date_fields(
        self, values: tf.Tensor, expression: str, fields: Sequence[str]
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """See `kzoo.tables.encoders.Backend`."""
        matched = tf.strings.regex_full_match(values, expression)
        numbers = {}
        for group, name in enumerate(fields, start=1):
            text = tf.strings.regex_replace(values, f"^(?:{expression})$", rf"\{group}")
            if name == "month_name":
                months = tf.strings.substr(tf.strings.lower(text), 0, 3)[:, None] == tf.constant(MONTHS)[None]
                numbers[name] = tf.reduce_sum(tf.cast(months, tf.int64) * tf.range(1, 13, dtype=tf.int64), axis=1)
            elif name == "half":
                numbers[name] = tf.cast(tf.strings.lower(text) == "p", tf.int64)
            else:
                numbers[name] = tf.strings.to_number(tf.where(matched, text, "0"), tf.int64)
        return matched, numbers


def _token_matrix(values: tf.Tensor, words: Sequence[str], dtype: tf.DType) -> tf.SparseTensor:
    """[rows, words], 1 where a word is among the tokens of a text."""
    # ASCII alone is made small where no encoding is named.
    spaced = tf.strings.regex_replace(tf.strings.lower(values), f"[{_escaped(SEPARATORS)}]", " ")
    tokens = tf.strings.split(spaced, " ")
    places, count = _places(tokens.flat_values, words), len(words)
    known = places < count
    rows = tf.boolean_mask(tokens.value_rowids(), known)
    # A token that is twice in a text counts once.
    once = tf.unique(rows * count + tf.boolean_mask(places, known)).y
    shape = tf.stack([tf.size(values, out_type=tf.int64), count])
    return tf.SparseTensor(tf.stack([once // count, once % count], axis=1), tf.ones_like(once, dtype), shape)


def _places(tokens: tf.Tensor, words: Sequence[str]) -> tf.Tensor:
    """Which of these words each token is [tokens], len(words) where it is none.

    A token is compared with the words of its bucket alone, since every token beside every word may take more memory
    than there is, and a table would have to be initialised in the server.
    """
    size = 4 * len(words)
    with tf.init_scope():
        bucket_of = tf.strings.to_hash_bucket_fast(tf.constant(list(words)), size).numpy()
    depth = np.bincount(bucket_of).max()
    buckets, filled = np.full((size, depth), len(words)), np.zeros(size, dtype=int)
    for place, bucket in enumerate(bucket_of):
        buckets[bucket, filled[bucket]] = place
        filled[bucket] += 1
    candidates = tf.gather(tf.constant(buckets, tf.int64), tf.strings.to_hash_bucket_fast(tokens, size))
    # No token is the word of an empty place, since a space parts tokens.
    alike = tf.gather(tf.constant([*words, " "]), candidates) == tokens[:, None]
    return tf.reduce_min(tf.where(alike, candidates, len(words)), axis=1)


def _escaped(signs: str) -> str:
    return "".join(f"\\x{{{ord(sign):x}}}" for sign in signs)


class ColumnsModel(keras.Model):
    """A model that takes columns by name.

    Args:
        model: Takes encoded rows [rows, width].
        encoding: What its rows were encoded by.
    """

    def __init__(self, model: keras.Model, encoding: TableEncoding) -> None:
        super().__init__(name=model.name)
        self.model, self.encoding = model, encoding

    def call(self, columns: Mapping[str, tf.Tensor]) -> Any:
        """Answers of the model to columns [rows]."""
        return self.model(encode(self.encoding, columns, InGraph()), training=False)


def columns_of(examples: Any, encoding: TableEncoding) -> dict[str, np.ndarray]:
    """Examples as columns by name, with rows in which each column in turn is missing and has a word of no row.

    Args:
        examples: Encoded rows [rows, width], or columns by name.
        encoding: How they are encoded.

    Returns:
        Float32, or text as objects, [rows].

    Raises:
        ExportError: A column is not there, the rows have another width, or there are none.
    """
    if isinstance(examples, Mapping) or hasattr(examples, "columns"):
        gone = [column.name for column in encoding.columns if column.name not in examples]
        if gone:
            raise ExportError(f"examples lacks the column {gone[0]!r}; the model was trained on it.")
        given = {column.name: examples[column.name] for column in encoding.columns}
    else:
        rows = np.asarray(examples)
        if rows.ndim != 2 or rows.shape[1] != len(encoding.features):
            raise ExportError(
                f"examples has the shape {list(rows.shape)}; expected [rows, {len(encoding.features)}], as in "
                "data.x_train[:64], or the columns by their names."
            )
        given = encoding.decode(rows)
    columns = {
        column.name: np.array(texts(given[column.name]), dtype=object)
        if column.is_text
        else InNumpy().numbers(given[column.name])
        for column in encoding.columns
    }
    return _with_odd_rows(columns, encoding)


UNSEEN = "\u2014 a word of no row \u2014"


def _with_odd_rows(columns: dict[str, np.ndarray], encoding: TableEncoding) -> dict[str, np.ndarray]:
    odd: list[tuple[str, Any]] = []
    for column in encoding.columns:
        missing = ("", UNSEEN) if column.is_text else (np.float32(np.nan), *column.missing_numbers)
        odd += [(column.name, each) for each in missing]
    count = len(next(iter(columns.values())))
    if not count:
        raise ExportError("examples has no rows; give a few, such as data.x_train[:64].")
    rows = np.concatenate([np.arange(count), np.arange(len(odd)) % count])
    found = {name: values[rows] for name, values in columns.items()}
    for place, (name, value) in enumerate(odd, start=count):
        found[name][place] = value
    return found


def check_encoding(columns: Mapping[str, np.ndarray], encoding: TableEncoding) -> None:
    """Compare the encoding of the graph with that of training.

    Raises:
        ExportError: They differ.
    """
    tensors = {name: tf.constant(values) for name, values in columns.items()}
    found = np.asarray(tf.function(lambda given: encode(encoding, given, InGraph()), autograph=False)(tensors))
    expected = encoding.encode(columns)
    apart = np.abs(found - expected) > TOLERANCE * np.maximum(1, np.abs(expected))
    if apart.any():
        row, place = np.argwhere(apart)[0]
        raise ExportError(
            f"The feature {encoding.features[place]!r} would be served as {found[row, place]} where training had "
            f"{expected[row, place]}; leave its column out (--drop)."
        )
