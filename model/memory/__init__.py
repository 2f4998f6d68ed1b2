"""The memory: counts of what a repository's text says, mixed into what a model expects."""
