"""`python -m midstream` is the command `midstream`."""

from midstream.cli import program

program()
