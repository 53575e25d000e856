"""`python -m genlaws`: the command line."""

from genlaws.paper_checks.cli import main

if __name__ == "__main__":
    main()
