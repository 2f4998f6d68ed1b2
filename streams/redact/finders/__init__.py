"""What is looked for: rows of detectors by topic, with what confirms them."""
