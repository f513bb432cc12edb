"""Which tool offers what, by version, and what the newest major version has dropped."""

from __future__ import annotations

from dataclasses import dataclass

TF_MOT, NNCF_2, NNCF_3 = "TF-MOT 0.8.1", "NNCF 2.19 (TensorFlow)", "NNCF 3.4 (PyTorch)"


@dataclass(frozen=True)
class Offer:
    """One technique: yes, no, or how far, by tool."""

    technique: str
    edgy: str
    tf_mot: str
    nncf_2: str
    nncf_3: str


OFFERS = (
    Offer("filter pruning by L1, L2, geometric median", "yes, removed", "no", "yes, masked", "dropped"),
    Offer("sparsity by magnitude", "TF-MOT's", "yes", "yes", "yes"),
    Offer("sparsity by regularisation", "yes, L0 gates", "no", "yes, RB", "yes, RB"),
    Offer("2:4 sparsity", "TF-MOT's", "yes", "no", "no"),
    Offer("clusters", "TF-MOT's", "yes", "no", "no"),
    Offer("int8 trained as such, asymmetric activations", "TF-MOT's", "yes", "yes", "yes"),
    Offer("int8 trained as such, symmetric activations", "yes", "weights alone", "yes", "yes"),
    Offer("sparsity kept through int8 training", "TF-MOT's", "yes, PQAT", "yes, at once", "one after the other"),
    Offer("clusters kept through int8 training", "TF-MOT's", "yes, CQAT and PCQAT", "no", "no"),
    Offer("filter pruning with int8 training", "yes", "no", "yes, at once", "dropped"),
    Offer("a configuration file for all of it", "recipe", "no", "yes, create_compressed_model", "dropped"),
    Offer("TensorFlow", "2.21, Keras 3 and 2", "Keras 2 models alone", "up to 2.15", "dropped"),
)
HEAD = ("technique", "`edgy compress`", TF_MOT, NNCF_2, NNCF_3)


def offers() -> list[list[str]]:
    """The rows of the table under ``HEAD``."""
    return [[o.technique, o.edgy, o.tf_mot, o.nncf_2, o.nncf_3] for o in OFFERS]
