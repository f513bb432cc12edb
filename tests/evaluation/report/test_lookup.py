"""What the report finds in a result."""

from evaluation.report.lookup import cases, reason, verdict_of
from tests.evaluation.report.made_up import Row


def test_the_framed_attack_is_the_verdicts(audit: Row) -> None:
    # Within a gender an attacker may do better, but the verdict is on mixed trials.
    audit["identity"][1]["attacks"][1] |= {"eer": 0.01, "counted": 0.01}
    found = [case for case in cases(audit) if case.system != "raw"]
    assert len(found) == 4
    for case in found:
        verdict = verdict_of(audit, case.attribute, case.system, case.source)
        assert verdict is not None
        assert case.best is not None
        assert (case.best.counted, case.best.scenario) == (verdict["best"]["value"], verdict["best"]["scenario"])
        assert case.best.attacker.startswith(verdict["best"]["attacker"])


def test_a_flipped_attacker_may_be_the_best(audit: Row) -> None:
    [row] = [
        r for r in audit["attributes"] if (r["attribute"], r["source"], r["system"]) == ("gender", "ravdess", "edgy")
    ]
    row["attacks"] = [a for a in row["attacks"] if a["broken"] or a["scenario"] == "raw"]
    [case] = [c for c in cases(audit) if (c.attribute, c.source, c.system) == ("gender", "ravdess", "edgy")]
    assert case.best is not None
    assert case.best.broken


def test_a_reason_may_stand_for_all(audit: Row) -> None:
    audit["not_measured"] = [{"what": "attributes", "system": "opus", "source": "-", "reason": "no codec"}]
    assert reason(audit, "gender", "opus", "nemo") == "no codec"
    assert reason(audit, "identity", "opus", "nemo") is None
    assert reason(audit, "gender", "raw", "nemo") is None
