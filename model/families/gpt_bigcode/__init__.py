"""gpt_bigcode (SantaCoder, arXiv 2301.03988; StarCoder, arXiv 2305.06161): learned positions, LayerNorm, a wide MLP."""
