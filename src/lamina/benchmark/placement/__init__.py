"""`benchmark placement`: policies in made-up worlds, beside oracles and what the paper printed."""
