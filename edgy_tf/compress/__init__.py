"""Compression: a released encoder to a smaller variant that speaks the same codes, by a recipe of a few lines."""
