"""Who is told of an alert, how, and when the next one: ladders, duty, messages."""
