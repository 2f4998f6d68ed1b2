"""The NER layer: a token classifier of Hugging Face's form finds names and secrets that no pattern has; off by
default."""

from streams.redact.ner.layer import Layer as Layer
from streams.redact.ner.layer import load as load
