"""What is to be told leaves the building: the outbox, and every channel."""
