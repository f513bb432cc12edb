import numpy as np
import pytest

from edgy_tf.errors import CorpusError
from edgy_tf.train.pages import FRAMES, TOKENS, Pages
from edgy_tf.whisper_base import END, PROMPT, ZERO

LENGTHS = np.array([300, 500, FRAMES, FRAMES + 2, 200, 100])
TEXTS = [
    [ZERO, 1, 8, ZERO + 150],
    [ZERO, 2, ZERO + 250],
    [ZERO, 3, ZERO + 750],
    [ZERO, 4, ZERO + 751],
    [],
    [6] * (TOKENS - len(PROMPT)),
]


def test_a_page_holds_whole_utterances_and_their_words_where_they_lie() -> None:
    pages, seen = Pages(LENGTHS, TEXTS), set()
    for i in range(30):
        places, tokens = pages.draw(np.random.default_rng(i))
        assert tokens.shape == (TOKENS + 1,)
        assert tokens[: len(PROMPT)].tolist() == PROMPT
        end, place = 0, len(PROMPT)
        for u, frame in places:
            assert frame == end
            expected = [t + frame // 2 if t >= ZERO else t for t in TEXTS[u]]
            assert tokens[place : place + len(expected)].tolist() == expected
            end, place = frame + LENGTHS[u], place + len(expected)
            seen.add(u)
        assert end <= FRAMES
        assert set(tokens[place:]) == {END}
    # Each that fits; never one that is too long in frames or tokens, or that has no words.
    assert seen == {0, 1, 2}


def test_nothing_to_read_is_refused() -> None:
    with pytest.raises(CorpusError, match="no utterance with words"):
        Pages(LENGTHS, [[]] * len(LENGTHS))
