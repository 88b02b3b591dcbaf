"""Placed jobs over time: a ledger as a trace, and the page that shows what policies were worth."""
