"""Adapters: low-rank parts (LoRA, DoRA) beside frozen weights, in the files of the `peft` package."""
