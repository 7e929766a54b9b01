"""One run: its command, its flow, its status and summary."""
