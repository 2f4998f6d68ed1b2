"""FIM formats, tokenizer, decoder, trainer and checkpoints. Knows no Kafka and no gRPC."""
