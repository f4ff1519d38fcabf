"""What people read of a study: the page, the terminal, files."""
