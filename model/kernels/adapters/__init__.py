"""What stands beside the matrices of a compiled step: low-rank parts, and the lengths of rows that DoRA needs."""
