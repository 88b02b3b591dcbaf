"""The benchmark room: Lamina beside its peers, on this machine, with equal threads."""
