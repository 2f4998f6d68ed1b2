"""A stage as a process: the Faust shell and what keeps it honest."""
