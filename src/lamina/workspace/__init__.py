"""The one place where parts meet: each verb of the command line, as a function."""
