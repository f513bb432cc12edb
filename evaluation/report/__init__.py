"""The audit's report: a page that needs nothing beside it, figures, the paper's tables beside ours, and a summary.

All of it is made from one dictionary, the contents of ``audit.json``. Figures in it are fractions; a measurement that
is missing stands in its ``not_measured`` with the reason, and nowhere as a number.
"""

from evaluation.report.page import write_report
from evaluation.report.paper import paper_tables
from evaluation.report.summary import summary

__all__ = ["paper_tables", "summary", "write_report"]
