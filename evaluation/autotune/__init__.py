"""The search for the recipe that suits a device: what fits into its limits, and of that the best.

- ``space``: the recipes that are searched; ``limits``: what must hold of a variant, and which trial wins.
- ``trial`` compresses by a recipe and measures what came out, ``words`` and ``leak`` what the cloud loses and an
  attacker gains by it.
- ``search`` keeps the trials and draws the next one, ``cluster`` runs them by Ray.
- ``results`` and ``page`` write what was found.
"""
