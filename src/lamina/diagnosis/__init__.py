"""What went wrong in a run: detectors that learn from labelled runs, and what they say."""
