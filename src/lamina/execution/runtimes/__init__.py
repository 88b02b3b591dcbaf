"""Where tasks run: one file per runtime."""
