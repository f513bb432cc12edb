"""The sentences say what the figures say, and turn round when these do."""

from dataclasses import replace

from edgy_tf.compress.recipe import Filters, Quantise, Recipe, Sparsity
from evaluation.compare.matrix import EDGY, NNCF
from evaluation.compare.report import front
from evaluation.compare.results import LEFT, ONLY, SHRUNK, Result, form_of
from evaluation.compare.verdict import FAMILIES, tool_against_tool, verdict
from evaluation.compression.rows import Row
from evaluation.stages import StageCost
from evaluation.utility import Utility

FEWER = Recipe("PF", "fewer", 0, (Filters(criterion="gm", rate=0.2, steps=4),))
INT8 = Recipe("Q", "int8", 0, (Quantise(kind="qat", steps=4),))
ZEROS = Recipe("MS", "zeros", 0, (Sparsity(method="magnitude", rate=0.6, steps=4),))


def _cost(seconds: float) -> StageCost:
    return StageCost("network", seconds, seconds, seconds, seconds, seconds, 0, 0)


def _result(tool: str, recipe: Recipe | None, form: str, agreement: float, zipped: int, macs: float = 1e6) -> Result:
    name = f"{tool}_{recipe.name}_{form[-6:]}" if recipe else "float32"
    row = Row(name, "", size=2 * zipped, zipped=zipped, macs=macs, agreement=agreement, seconds=60)
    return Result(tool, recipe, form, row, cost=_cost(zipped / 1e6), instructions=10 * zipped)


BASE = _result("–", None, ONLY, 1.0, 4_000_000, 2e6)
OURS = _result(EDGY, FEWER, SHRUNK, 0.95, 2_000_000)
MASKED = _result(NNCF, FEWER, LEFT, 0.92, 3_000_000, 2e6)
NARROW = _result(NNCF, FEWER, SHRUNK, 0.92, 2_200_000, 1.2e6)
SMALL = _result(EDGY, INT8, ONLY, 0.91, 700_000)


def test_each_need_gets_the_variant_that_is_best_at_it() -> None:
    text = " ".join(verdict([BASE, OURS, MASKED, NARROW, SMALL]))
    assert "For the fewest bytes to send choose `EDGY_Q_–` (EDGY): 700 kB zipped of 4,000, 91.0 % of the codes." in text
    assert "For the most of the codes choose `EDGY_PF_shrunk` (EDGY): 2,000 kB zipped, 95.0 % of the codes." in text
    assert "For the least time on x86 choose `EDGY_Q_–` (EDGY): 5.7 times as fast as float32" in text
    assert "Raspberry Pi 4 choose `EDGY_Q_–` (EDGY): 18 % of float32's instructions" in text


def test_of_equal_costs_the_one_with_most_codes_is_chosen() -> None:
    near = replace(SMALL, row=replace(SMALL.row, variant="near", agreement=0.93, zipped=720_000))
    assert "For the fewest bytes to send choose `near` (EDGY): 720 kB" in " ".join(verdict([BASE, SMALL, near]))
    far = replace(near, row=replace(near.row, zipped=770_000))
    assert "For the fewest bytes to send choose `EDGY_Q_–` (EDGY)" in " ".join(verdict([BASE, SMALL, far]))


def test_tools_are_compared_by_the_same_recipe_and_on_the_same_network() -> None:
    results = [BASE, OURS, MASKED, NARROW, SMALL]
    assert tool_against_tool(results) == [
        ["fewer filters", "1", "95.0", "92.0", "EDGY", "1.0 and 1.2 MMAC/s", "1.10", "1.00"]
    ]
    assert len(FAMILIES) == 8
    assert "EDGY keeps more of the codes with fewer filters." in " ".join(verdict(results))
    better = replace(NARROW, row=replace(NARROW.row, agreement=0.99))
    assert "NNCF does with fewer filters." in " ".join(verdict([BASE, OURS, better]))
    near = replace(NARROW, row=replace(NARROW.row, agreement=0.945))
    assert "Both keep the same, within 1 % of the codes, with fewer filters." in " ".join(verdict([BASE, OURS, near]))
    assert not tool_against_tool([BASE, OURS, MASKED])


def test_zeros_that_a_tool_does_not_make_are_named() -> None:
    ours = _result(EDGY, ZEROS, ONLY, 0.93, 1_500_000)
    theirs = _result(NNCF, ZEROS, ONLY, 0.99, 3_500_000)
    pair = [replace(r, row=replace(r.row, zeros=z)) for r, z in ((ours, 0.6), (theirs, 0.0))]
    assert "60 and 0 % zeros" in tool_against_tool([BASE, *pair])[0]


def test_words_are_held_against_the_interval_of_float32() -> None:
    def read(result: Result, wer: float) -> Result:
        return replace(result, words=[Utility(result.row.variant, "text", "a", "there", 40, 6, wer, 0.5, 0.6)])

    text = " ".join(verdict([read(BASE, 0.55), read(OURS, 0.59), read(NARROW, 0.61)]))
    assert "1 of 2 variants are read as well as float32, " in text
    assert "on every source; not `NNCF_PF_shrunk` (NNCF)." in text
    assert "are read as well" not in " ".join(verdict([BASE, OURS]))


def test_masks_cost_what_they_cost() -> None:
    text = " ".join(verdict([BASE, OURS, MASKED, NARROW]))
    assert "as it leaves them, the files need 100 % of float32's multiplications; with the zeros removed" in text
    assert text.endswith("which is not the tool's work, 60 %.")


def test_nothing_is_recommended_that_loses_the_codes() -> None:
    poor = replace(OURS, row=replace(OURS.row, agreement=0.5))
    text = " ".join(verdict([BASE, poor]))
    assert "no variant keeps 90 % of the codes; nearest is `EDGY_PF_shrunk` (EDGY) with 50.0 %" in text
    assert "choose `" not in text


def test_what_failed_is_named() -> None:
    failed = replace(MASKED, row=Row("gone", "", reason="NNCF failed"), cost=None)
    assert "Not made, see below: `gone` (NNCF)." in verdict([BASE, OURS, failed])
    assert verdict([BASE, failed]) == ["Nothing could be made, so there is nothing to choose."]


def test_the_form_is_that_of_the_file() -> None:
    assert form_of(EDGY, FEWER, "PF") == SHRUNK
    assert form_of(NNCF, FEWER, "NNCF_PF") == LEFT
    assert form_of(NNCF, FEWER, "NNCF_PF_shrunk") == SHRUNK
    assert form_of(NNCF, INT8, "NNCF_Q") == ONLY


def test_the_front_has_what_nothing_beats() -> None:
    assert front([(3, 9), (1, 5), (2, 4), (2, 7), (4, 9)]) == [(1, 5), (2, 7), (3, 9)]
    assert front([]) == []
