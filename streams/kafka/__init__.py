"""Kafka as the stages see it: connection, topics, logs, positions, the producer."""
