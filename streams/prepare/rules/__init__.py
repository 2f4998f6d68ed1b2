"""What can drop a document on its own merits."""
