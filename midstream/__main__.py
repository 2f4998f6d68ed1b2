"""`python -m midstream` is the command `midstream`."""

from midstream.cli import main

main(prog_name="midstream")
