"""GGUF, the one file of a model that llama.cpp and what is built on it read: checkpoints written as such."""
