"""Word error rate of English: one explicit spelling for what sounds the same, then the alignment by jiwer.

`normalise` goes, in this order, through the rules below; both reference and hypothesis go through it.

1. Case and typography: compatibility forms and accents fold ("Café" -> "cafe", full-width, ligatures); curly and
   other apostrophes become "'".
2. Contractions open up: "don't" -> "do not", "can't" and "cannot" -> "can not", "I'm", "we'll", "they've", "'em" ->
   "them", "'tis" -> "it is". "'d" is "would", before "been" and "better" "had". "'s" is "is" ("has" before "been"
   and "got") after pronouns and question words only, where it can hardly be a possessive; after any other word the
   apostrophe is dropped ("the dog's" -> "the dogs"), for possessive and plural sound the same. "ain't" stays a word.
3. Numbers are read out: cardinals without "and" ("105" and "one hundred and five" -> "one hundred five"), ordinals,
   decimals, per cent, dollars, pounds and euros. Four bare digits from 1100 to 1999 and from 2010 to 2099 are a
   year ("1842" -> "eighteen forty two", "1990s" -> "nineteen nineties"); with a comma they are a count. Leading zeros,
   and numbers of more than 15 digits, are read digit by digit. Signs, ranges, times and fractions are read as bare
   numbers.
4. Punctuation, hyphens included, becomes a space; "&" is "and".
5. Titles open up: "mr" -> "mister", "mrs" -> "missus", "dr" -> "doctor". "st" may be a saint or a street: it stays.
   So do British and American spellings and compounds ("to day").
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import jiwer

from edgy_tf.errors import CorpusError

# fmt: off
_SMALL = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]
_SMALL_ORDINALS = [
    "zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth",
    "nineteenth",
]
# fmt: on
_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ORDINALS = dict(zip(_SMALL, _SMALL_ORDINALS, strict=True)) | {tens: f"{tens[:-1]}ieth" for tens in _TENS[2:]}
_SCALES = {10**12: "trillion", 10**9: "billion", 10**6: "million", 10**3: "thousand", 10**2: "hundred"}
_MOST_DIGITS = 15
_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
}
_YEARS = (range(1100, 2000), range(2010, 2100))

_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u201b\u02bb\u02bc\u2032`", "'"))
_SUBJECT = r"\b(it|he|she|that|there|here|what|who|where|when|how|why)"
_CONTRACTIONS = [
    (re.compile(pattern), spoken)
    for pattern, spoken in (
        (r"\bcan't\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"\bshan't\b", "shall not"),
        (r"\b(?!ain't)(\w+)n't\b", r"\1 not"),
        (r"\blet's\b", "let us"),
        (r"(?<!\w)'em\b", "them"),
        (r"(?<!\w)'cause\b", "because"),
        (r"(?<!\w)'t(is|was|will|were)\b", r"it \1"),
        (r"\bi'm\b", "i am"),
        (r"(?<=\w)'re\b", " are"),
        (r"(?<=\w)'ve\b", " have"),
        (r"(?<=\w)'ll\b", " will"),
        (r"(?<=\w)'d (?=(?:been|better)\b)", " had "),
        (r"(?<=\w)'d\b", " would"),
        (_SUBJECT + r"'s (?=(?:been|got)\b)", r"\1 has "),
        (_SUBJECT + r"'s\b", r"\1 is"),
        (r"(?<=\w)'(?=\w)", ""),
    )
]
_NUMBER = re.compile(
    r"(?P<currency>[$£€])?(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.(?P<part>[0-9]+))?"
    r"(?:(?P<suffix>st|nd|rd|th|s)\b|(?P<percent> ?%))?(?P<scale> (?:hundred|thousand|million|billion|trillion)\b)?"
)
_NUMERALS = "|".join({*_ORDINALS.keys(), *_ORDINALS.values()})
_WORDS = [
    (re.compile(pattern), spoken)
    for pattern, spoken in (
        (r"\bmr\b", "mister"),
        (r"\bmrs\b", "missus"),
        (r"\bdr\b", "doctor"),
        (r"\bcannot\b", "can not"),
        (r"\bper cent\b", "percent"),
        (r"\ba (?=(?:hundred|thousand|million|billion)\b)", "one "),
        (rf"\b(hundred|thousand|million|billion|trillion) and (?=(?:{_NUMERALS})\b)", r"\1 "),
    )
]


@dataclass(frozen=True)
class WordErrors:
    """Edits that turn references into hypotheses, in words; of one utterance or of many.

    Attributes:
        substitutions: reference words that were replaced.
        deletions: reference words that are missing.
        insertions: words that no reference has.
        words: words of the references.
        per_utterance: the same for every utterance, in order; empty in those of one utterance.
    """

    substitutions: int
    deletions: int
    insertions: int
    words: int
    per_utterance: tuple["WordErrors", ...] = ()

    @property
    def errors(self) -> int:
        """All edits."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def wer(self) -> float:
        """Word error rate: edits per reference word, above 1 if there are many insertions; NaN without words."""
        return self.errors / self.words if self.words else float("nan")


def word_errors(references: Sequence[str], hypotheses: Sequence[str]) -> WordErrors:
    """Compare transcripts after `normalise`; the minimal edits are jiwer's (Levenshtein 1966).

    Args:
        references: what was said, one text per utterance.
        hypotheses: what was recognised, in the same order.

    Raises:
        CorpusError: the references hold no word at all.
    """
    each = []
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        found = jiwer.process_words(normalise(reference), normalise(hypothesis))
        words = found.hits + found.substitutions + found.deletions
        each.append(WordErrors(found.substitutions, found.deletions, found.insertions, words))
    total = WordErrors(
        sum(one.substitutions for one in each),
        sum(one.deletions for one in each),
        sum(one.insertions for one in each),
        sum(one.words for one in each),
        tuple(each),
    )
    if not total.words:
        raise CorpusError("the references have no words; give utterances with transcripts")
    return total


def normalise(text: str) -> str:
    """English as it is spoken: lower-case words with single spaces between (the rules are the module's).

    Works on any text, and changes nothing that it has already normalised.
    """
    text = _fold(text).translate(_APOSTROPHES)
    for pattern, spoken in _CONTRACTIONS:
        text = pattern.sub(spoken, text)
    text = _NUMBER.sub(_read_out, text).replace("&", " and ")
    text = " ".join(re.sub(r"[^\w]|_", " ", text).split())
    for pattern, spoken in _WORDS:
        text = pattern.sub(spoken, text)
    return text


def cardinal(n: int) -> str:
    """A whole number in words, ``0 <= n < 10**15``, without hyphens or "and": "one hundred five"."""
    if n < 20:
        return _SMALL[n]
    if n < 100:
        return f"{_TENS[n // 10]} {_SMALL[n % 10]}" if n % 10 else _TENS[n // 10]
    size, name = next((size, name) for size, name in _SCALES.items() if n >= size)
    head, rest = divmod(n, size)
    return f"{cardinal(head)} {name} {cardinal(rest)}" if rest else f"{cardinal(head)} {name}"


def _fold(text: str) -> str:
    """Lower case, compatibility forms and accents gone."""
    # The acute accent alone would decompose to a space; it is used for an apostrophe.
    text = text.replace("\u00b4", "'")
    # Twice, because either step may make work for the other.
    for _ in range(2):
        text = unicodedata.normalize("NFKD", text).casefold()
    text = unicodedata.normalize("NFKD", text)
    return "".join(character for character in text if not unicodedata.category(character).startswith("M"))


def _read_out(number: re.Match[str]) -> str:
    currency, whole, part, suffix, percent, scale = number.group(
        "currency", "whole", "part", "suffix", "percent", "scale"
    )
    scale = scale or ""
    if currency:
        return f" {_money(currency, whole, part, scale)} "
    words = _whole(whole) if part is None else _decimal(whole, part)
    if suffix:
        *before, last = words.split()
        words = " ".join([*before, _plural(last) if suffix == "s" else _ordinal(last)])
    return f" {words}{' percent' if percent else ''}{scale} "


def _money(currency: str, whole: str, part: str | None, scale: str) -> str:
    one, many, hundredth, hundredths = _CURRENCIES[currency]
    if scale or (part and len(part) != 2):
        return f"{_decimal(whole, part) if part else _amount(whole)}{scale} {many}"
    units, cents = int(whole.replace(",", "")), int(part or 0)
    words = [f"{_amount(whole)} {one if units == 1 else many}"] if units or not cents else []
    if cents:
        words.append(f"{cardinal(cents)} {hundredth if cents == 1 else hundredths}")
    return " and ".join(words)


def _whole(digits: str) -> str:
    """A number that may be a year."""
    if len(digits) == 4 and any(int(digits) in years for years in _YEARS):
        head, rest = divmod(int(digits), 100)
        if not rest:
            return f"{cardinal(head)} hundred"
        return f"{cardinal(head)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"
    return _amount(digits)


def _amount(digits: str) -> str:
    digits = digits.replace(",", "")
    if len(digits) > _MOST_DIGITS or (digits[0] == "0" and len(digits) > 1):
        return _one_by_one(digits)
    return cardinal(int(digits))


def _decimal(whole: str, part: str) -> str:
    return f"{_amount(whole)} point {_one_by_one(part)}"


def _one_by_one(digits: str) -> str:
    return " ".join(_SMALL[int(digit)] for digit in digits)


def _ordinal(word: str) -> str:
    return _ORDINALS.get(word, f"{word}th")


def _plural(word: str) -> str:
    if word.endswith("y"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word == "six" else f"{word}s"
