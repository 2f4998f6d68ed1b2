"""From a source record to a training batch: Kafka, Faust, and the pure stages between them."""
