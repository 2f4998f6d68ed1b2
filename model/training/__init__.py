"""Training: rows, batches, optimizer, score, and the loop."""
