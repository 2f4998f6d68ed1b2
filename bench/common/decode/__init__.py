"""What the bench of decoding is made of: models, llama.cpp beside ours, bits a byte, and the memory's rate."""
