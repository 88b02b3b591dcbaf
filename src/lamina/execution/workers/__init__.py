"""Worker processes: the zygote that forks them, what they do, and what they send."""
