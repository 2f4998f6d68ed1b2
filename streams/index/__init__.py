"""The near-duplicate index and its own log."""
