"""Tasks of workflows whose place is chosen: lanes of this machine, a placer, and divided work."""
