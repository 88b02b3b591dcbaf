"""The command line: one small file per verb, loaded when the verb is used."""
