"""Reproduce the paper's Tables 2 and 3 with a release on your data, beside the paper's own figures and its errata."""

from __future__ import annotations

import argparse

from edgy_tf.cli.compare import add_sweep_arguments, command_of, task_of

EXAMPLE = """\
edgy reproduce-paper pi --corpus LibriSpeech RAVDESS --out docs       18 variants and two audits: some hours
  edgy reproduce-paper pi --corpus LibriSpeech --out out --quick        the same in little"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy reproduce-paper``; ``--work`` may be that of ``edgy compare``."""
    add_sweep_arguments(parser, "gets paper.md", "short fine-tuning, fewer utterances, fewer attackers")


def run(args: argparse.Namespace) -> None:
    """Reproduce, write the page and say where it is."""
    task, steps = task_of(args)
    from evaluation.reproduce.run import Reproduction

    work = Reproduction(
        task=task,
        steps=steps,
        utterances=10 if args.quick else 40,
        plan="quick" if args.quick else "paper",
        ray=args.ray,
    )
    path = work.run(command_of("reproduce-paper", args), args.out, lambda line: print(line, flush=True))
    print(f"the paper's tables beside ours: {path}")
