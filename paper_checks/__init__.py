"""Claims, statistical tests, verdicts, runs and the command line."""
