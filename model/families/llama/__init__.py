"""llama and what descends from it (llama, mistral, qwen2, qwen3, starcoder2, granite): rotary positions."""
