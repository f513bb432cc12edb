from pathlib import Path

import pytest

from edgy_tf.errors import PresetError
from evaluation.attackers import CLASSIFIERS, NETWORK
from evaluation.attributes import FEATURES
from evaluation.plan import load_plan, plan_names
from evaluation.systems import VOCODERS
from evaluation.verifiers import NAMES

SYSTEMS = {"raw", "mcadams", "opus", "codec2", *VOCODERS}


@pytest.mark.parametrize("name", plan_names())
def test_plans_that_ship_name_what_there_is(name: str) -> None:
    plan = load_plan(name)
    for part in (plan.utility, plan.identity, plan.attributes):
        assert set(part.systems) <= SYSTEMS
        assert part.systems[0] == "raw"
    assert set(plan.identity.verifiers) <= set(NAMES)
    assert set(plan.attributes.features) <= set(FEATURES)
    assert set(plan.attributes.classifiers) <= {*CLASSIFIERS, NETWORK}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("utterances = 6", "utterances = 0"), "utility.utterances must be positive"),
        (("utterances = 6", "uterances = 6"), "unknown key 'uterances'"),
        (("seed = 0", "seed = 'x'"), "seed must be int"),
        (("[cost]", "[cost"), "cannot read plan"),
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
    with pytest.raises(PresetError, match="choose one of full, quick"):
        load_plan("fll")
    with pytest.raises(PresetError, match="cannot read plan"):
        load_plan("missing.toml")
