"""Placing without runtimes: worlds that say what would happen, a clock of events, and scores."""
