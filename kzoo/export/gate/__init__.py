"""What an export has to pass before it is published, in a process of its own."""
