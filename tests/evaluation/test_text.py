"""The normaliser rule by rule, its properties on any text, and the counts of word errors."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgy_tf.errors import CorpusError
from evaluation.text import WordErrors, cardinal, normalise, word_errors

# fmt: off
VALUES = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
    "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}
# fmt: on
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}


def parse(words: str) -> int:
    """The number that words say: the inverse of `cardinal`, by another way."""
    total = below_scale = 0
    for word in words.split():
        if word == "hundred":
            below_scale *= 100
        elif word in SCALES:
            total, below_scale = total + below_scale * SCALES[word], 0
        else:
            below_scale += VALUES[word]
    return total + below_scale


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Hello,  WORLD! (twice)", "hello world twice"),
        ("“Café” – naïve ﬁne…", "cafe naive fine"),
        ("well-known, to-day", "well known to day"),
        ("R&D at 5% or 5 per cent", "r and d at five percent or five percent"),
        # Contractions, with any apostrophe.
        ("Don't don’t don´t don`t", "do not do not do not do not"),
        ("can't cannot won't shan't isn't ain't", "can not can not will not shall not is not aint"),
        ("I'm we're they've we'll let's", "i am we are they have we will let us"),
        ("I'd go, I'd been, you'd better, who'd've", "i would go i had been you had better who would have"),
        ("it's, that's, who's, he's been, she's got", "it is that is who is he has been she has got"),
        ("get 'em, 'tis, 'twas, 'cause", "get them it is it was because"),
        # Possessives sound as plurals do.
        ("John's dogs' o'clock O'Reilly's", "johns dogs oclock oreillys"),
        # Numbers.
        ("0 7 13 20 42 105", "zero seven thirteen twenty forty two one hundred five"),
        ("1,842", "one thousand eight hundred forty two"),
        ("one hundred and five; a thousand and twentieth", "one hundred five one thousand twentieth"),
        ("one hundred and so on", "one hundred and so on"),
        ("1842 1905 1900 2000 2005 2012 1066", "eighteen forty two nineteen oh five nineteen hundred two thousand "
         "two thousand five twenty twelve one thousand sixty six"),
        ("1990s '80s 6s", "nineteen nineties eighties sixes"),
        ("1st 2nd 3rd 12th 20th 21st 100th", "first second third twelfth twentieth twenty first one hundredth"),
        ("3.14 0.5 1842.5", "three point one four zero point five one thousand eight hundred forty two point five"),
        ("5% 99.9 %", "five percent ninety nine point nine percent"),
        ("$1 $5 $2.50 $0.01", "one dollar five dollars two dollars and fifty cents one cent"),
        ("$1.5 million, £3, €10", "one point five million dollars three pounds ten euros"),
        ("007 1234567890123456", "zero zero seven one two three four five six seven eight nine zero one two three four "
         "five six"),
        ("mp3 10:30 2-3", "mp three ten thirty two three"),
        # Titles; a saint or a street.
        ("Mr. Smith, Mrs Jones, Dr. No, St. John's St.", "mister smith missus jones doctor no st johns st"),
        ("colour color", "colour color"),
        ("Привет, 世界 _x_", "привет 世界 x"),
        ("... '' -", ""),
    ],
)  # fmt: skip
def test_rules(written: str, spoken: str) -> None:
    assert normalise(written) == spoken


@given(st.text() | st.text("abdeghimnorstuv'’&$%.,0123456789- ", max_size=60))
@example("ŉ ´ İ ß ǰ Ⅷ ½ ² ١٢ ͅ \ud800")
@example("can'not m'r a'hundred hundred and one hundred and two")
def test_any_text_is_left_alone_the_second_time(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert once == " ".join(once.split())


@given(st.integers(0, 10**15 - 1) | st.integers(0, 2100))
def test_number_words_say_the_number(n: int) -> None:
    assert parse(cardinal(n)) == n
    assert normalise(f"{n:,}" if n > 999 else str(n)) == cardinal(n)


@given(st.integers(1100, 2099))
def test_years_say_their_digits(year: int) -> None:
    words = normalise(str(year)).replace(" oh ", " ")
    if 2000 <= year < 2010 or year % 100 == 0:
        assert parse(words) == year
    else:
        head = cardinal(year // 100)
        assert words.startswith(f"{head} ")
        assert parse(words.removeprefix(head)) == year % 100


def test_word_errors() -> None:
    found = word_errors(["The cat sat on 2 mats.", "Don't!", "hm"], ["the cat sat in two mats", "do not", "oh hm"])
    assert (found.substitutions, found.deletions, found.insertions, found.words) == (1, 0, 1, 9)
    assert found.wer == pytest.approx(2 / 9)
    assert found.per_utterance == (WordErrors(1, 0, 0, 6), WordErrors(0, 0, 0, 2), WordErrors(0, 0, 1, 1))
    assert word_errors(["a b c"], [""]).deletions == 3


def test_utterances_without_words() -> None:
    found = word_errors(["...", "one"], ["noise", "one"])
    assert (found.insertions, found.words, found.wer) == (1, 1, 1.0)
    assert math.isnan(found.per_utterance[0].wer)
    with pytest.raises(CorpusError, match="no words"):
        word_errors(["..."], ["word"])
    with pytest.raises(CorpusError, match="no words"):
        word_errors([], [])
    with pytest.raises(ValueError, match="shorter"):
        word_errors(["a", "b"], ["a"])
