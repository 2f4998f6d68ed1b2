"""Web recall: which pages of a crawl speak of code, found from seeds in rounds (OpenCoder, DeepSeek)."""
