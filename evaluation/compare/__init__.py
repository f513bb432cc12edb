"""TF-MOT and what we add to it against NNCF: the same encoder, recipes, data and steps, measured by the same code."""
