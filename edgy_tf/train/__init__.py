"""Training: the prepared corpus, batches that follow from a step number, and a loop that survives ``kill -9``."""
