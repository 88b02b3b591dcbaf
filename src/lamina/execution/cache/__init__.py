"""Which results of earlier runs stand in for a task, and why others do not."""
