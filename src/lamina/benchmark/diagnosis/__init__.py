"""`benchmark diagnosis`: detectors beside each other, on the same splits of the same runs."""
