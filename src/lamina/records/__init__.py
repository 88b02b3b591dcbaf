"""What happened: the record of runs, and what it can be exported as."""
