"""Tokenizers, and the encoder that reproduces their ids faster."""
