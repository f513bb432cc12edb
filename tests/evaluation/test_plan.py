from pathlib import Path

import pytest

from edgy_tf.errors import PresetError
from evaluation.plan import load_plan, plan_names


@pytest.mark.parametrize("name", plan_names())
def test_plans_that_ship_begin_with_raw_speech(name: str) -> None:
    plan = load_plan(name)
    assert all(part.systems[0] == "raw" for part in (plan.utility, plan.identity, plan.attributes))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("utterances = 6", "utterances = 0"), "utility.utterances must be positive"),
        (("utterances = 6", "uterances = 6"), "unknown key 'uterances'"),
        (("seed = 0", "seed = 'x'"), "seed must be int"),
        (("[cost]", "[cost"), "not valid TOML"),
        (('"edgy-mel"]', '"edgy-mell"]'), "utility.systems knows no 'edgy-mell'; choose from raw, mcadams"),
        (('"cam++"', '"camp"'), "identity.verifiers knows no 'camp'"),
        (('"SVM"', '"svm"'), "attributes.classifiers knows no 'svm'"),
    ],
)
def test_errors_are_one_line(change: tuple[str, str], message: str, tmp_path: Path) -> None:
    import evaluation

    text = (Path(evaluation.__file__).parent / "plans" / "quick.toml").read_text()
    file = tmp_path / "mine.toml"
    file.write_text(text)
    assert load_plan(str(file)) == load_plan("quick")
    file.write_text(text.replace(*change))
    with pytest.raises(PresetError, match=message) as error:
        load_plan(str(file))
    assert "\n" not in str(error.value)


def test_a_plan_that_is_not_there() -> None:
    with pytest.raises(PresetError, match="choose one of codes, full, paper, quick, speech"):
        load_plan("fll")
    with pytest.raises(PresetError, match="cannot read audit plan"):
        load_plan("missing.toml")
