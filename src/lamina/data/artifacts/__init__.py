"""Values and files named by their content: kept once, verified when read."""
