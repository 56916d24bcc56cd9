"""Events from Kafka, each once: the offsets lie in the log, and move in the transaction of what was read."""
