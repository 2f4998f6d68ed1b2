"""The HTTP face: the shapes of OpenAI, Mistral, llama.cpp and Ollama over the same engine as gRPC."""
