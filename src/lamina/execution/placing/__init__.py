"""Placing for real: pods that serve a function, sites that have them, and who drives them."""
