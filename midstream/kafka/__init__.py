"""The local Apache Kafka: its jars and its process."""
