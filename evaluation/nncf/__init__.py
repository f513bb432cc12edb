"""NNCF, the paper's compression tool, on our encoders: in an environment of its own, with files in between."""
