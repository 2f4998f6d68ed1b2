"""The demo: the whole path once, on real input."""
