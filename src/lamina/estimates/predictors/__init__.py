"""Predictors, one file each; `lamina.estimates.PREDICTORS` is their table."""
