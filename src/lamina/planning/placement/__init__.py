"""Placing tasks while they come: what is known of each, who decides, and what follows from that."""
