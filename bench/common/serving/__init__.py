"""What the benches of the completion server are made of: typing, models, the server as a program, llama.cpp beside it."""
