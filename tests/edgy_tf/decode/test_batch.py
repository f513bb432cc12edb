"""Rows in one batch: each as if it were alone, whoever joins and leaves beside it."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from edgy_tf.decode.batch import Batch, Piece, Row
from edgy_tf.decode.kernel import Weights, panels

UNITS, BUNCH, AFFINE, CLASSES, CONDITIONING, HOP = 21, 2, 11, 37, 5, 12
"""None of them fills a panel or a register."""


@pytest.fixture(scope="module")
def weights() -> Weights:
    rng = np.random.default_rng(0)

    def product(inputs: int, outputs: int) -> tuple[np.ndarray, np.ndarray]:
        kernel = rng.normal(size=(inputs, outputs)) / np.sqrt(inputs)
        return panels(kernel.astype(np.float32), rng.normal(size=outputs).astype(np.float32))

    return Weights(
        *product(CONDITIONING, 3 * UNITS),
        rng.normal(size=(BUNCH, CLASSES, 3 * UNITS)).astype(np.float32),
        *product(UNITS, 3 * UNITS),
        *product(UNITS, BUNCH * AFFINE),
        rng.normal(size=(BUNCH, BUNCH, CLASSES, AFFINE)).astype(np.float32),
        *product(AFFINE, CLASSES),
        CLASSES,
    )


def piece(number: int) -> Piece:
    """The same piece for the same number; some are long and some are short."""
    rng = np.random.default_rng(number)
    frames = 1 + number % 7
    row = Row(np.zeros(UNITS, np.float32), np.zeros(BUNCH, np.int32))
    return Piece(
        row,
        rng.normal(size=(frames, CONDITIONING)).astype(np.float32),
        rng.random((frames, HOP), np.float32),
    )


def alone(weights: Weights, number: int) -> np.ndarray:
    one = piece(number)
    Batch(weights, 1).draw([one])
    return one.classes


def test_a_row_is_the_same_alone_and_in_company(weights: Weights) -> None:
    for count, cores in ((2, 1), (3, 2), (100, 1), (100, 3)):
        pieces = [piece(i) for i in range(count)]
        Batch(weights, cores).draw(pieces)
        for i in range(0, count, 9):
            np.testing.assert_array_equal(pieces[i].classes, alone(weights, i))
    assert len(np.unique([p.classes[0] for p in pieces])) > CLASSES / 2, "rows that say nothing show nothing"


def test_threads_draw_in_one_batch(weights: Weights) -> None:
    """The second joins while the first is being drawn, and the first ends only after the second has begun."""
    batch, joined = Batch(weights, 2), threading.Event()
    late = [piece(i) for i in range(50, 60)]

    def second() -> Iterator[Piece]:
        for one in late:
            joined.set()
            yield one

    other = threading.Thread(target=lambda: batch.draw(second()))
    drawn = []

    def first() -> Iterator[Piece]:
        for i in range(200):
            if i == 100:  # Not all fit at a time, so this is asked for in the middle.
                other.start()
            if i == 199:
                assert joined.wait(30)
            drawn.append(piece(i))
            yield drawn[-1]

    batch.draw(first())
    other.join(30)
    assert all(p.drawn for p in [*drawn, *late])
    for i in range(0, 200, 23):
        np.testing.assert_array_equal(drawn[i].classes, alone(weights, i))
    for i, one in enumerate(late):
        np.testing.assert_array_equal(one.classes, alone(weights, 50 + i))


def test_many_threads_get_what_is_theirs(weights: Weights) -> None:
    batch, results = Batch(weights, 2), {}

    def draw(number: int) -> None:
        one = piece(number)
        batch.draw([one])
        results[number] = one.classes

    threads = [threading.Thread(target=draw, args=(i,)) for i in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for i in range(40):
        np.testing.assert_array_equal(results[i], alone(weights, i))


def test_a_thread_whose_pieces_fail_keeps_nobody_waiting(weights: Weights) -> None:
    batch = Batch(weights, 1)

    def failing() -> Iterator[Piece]:
        yield piece(1)
        yield piece(2)
        raise ValueError("no conditioning")

    with pytest.raises(ValueError, match="no conditioning"):
        batch.draw(failing())
    other = piece(3)
    thread = threading.Thread(target=lambda: batch.draw([other]), daemon=True)
    thread.start()
    thread.join(10)
    np.testing.assert_array_equal(other.classes, alone(weights, 3))
