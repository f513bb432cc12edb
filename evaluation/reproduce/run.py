"""Everything that the paper's tables need, from committed configurations; what is done is not done again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgy_tf.compress.recipe import load_recipe, with_budget
from edgy_tf.compress.variant import with_encoder
from edgy_tf.errors import ModelError
from evaluation.audit import Audit
from evaluation.compare.matrix import EDGY, PAPER, Entry
from evaluation.compare.run import compare
from evaluation.compression.task import Task, open_bench
from evaluation.cost import machine
from evaluation.plan import load_plan
from evaluation.reproduce.report import BASELINE, PRUNED, page


@dataclass(frozen=True)
class Reproduction:
    """What to reproduce with.

    Attributes:
        task: release, corpus, and the folder that keeps what is done: that of ``edgy compare`` has Table 2's variants.
        steps: of fine-tuning, of each recipe in all.
        utterances: of each source that words are read from.
        plan: of the audit for Table 3.
        ray: see `evaluation.compression.sweep.sweep`.
    """

    task: Task
    steps: int
    utterances: int
    plan: str
    ray: str | None = None

    def run(self, command: str, out: Path, say: Callable[[str], object]) -> Path:
        """Measure, and write ``paper.md`` into ``out``; its path.

        Raises:
            EdgyError: no such release, corpus, plan or cluster, or no recogniser.
        """
        plan = load_plan(self.plan)
        entries = [Entry(EDGY, with_budget(load_recipe(name), self.steps)) for name in PAPER]
        results = compare(self.task, entries, self.utterances, self.ray, say)
        bench = open_bench(self.task)
        base = bench.release
        if failed := next((r for r in results if r.row.variant == PRUNED and not r.made), None):
            raise ModelError(f"Table 3 needs {PRUNED}, which could not be made: {failed.row.reason}")
        pruned = self.task.work / f"{base.name}-{PRUNED}"
        with_encoder(base, PRUNED, bench.path(PRUNED), pruned)
        audits = {}
        for model, folder, variant in ((BASELINE, base.folder, "float32"), (PRUNED, pruned, PRUNED)):
            say(f"attacks on {model}")
            audit = Audit(plan, str(folder), variant, bench.corpus, self.task.work / "audit", self.task.work / model)
            audits[model] = audit.run(command)
        out.mkdir(parents=True, exist_ok=True)
        path = out / "paper.md"
        path.write_text(page(results, audits, base.title, command, machine()), "utf-8")
        return path
