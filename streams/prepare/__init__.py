"""Prepare: events into documents, and every rule that can drop one on its own merits."""
