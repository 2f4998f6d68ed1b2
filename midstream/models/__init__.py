"""The model that the settings describe, held against checkpoints, weights that somebody brings, and tokenizers."""
