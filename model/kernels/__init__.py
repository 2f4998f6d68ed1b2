"""Products, attention and whole steps of a decoder on a CPU, compiled by numba: no torch."""
