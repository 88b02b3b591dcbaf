"""Runs that are disturbed on purpose: their results must be the undisturbed ones."""
