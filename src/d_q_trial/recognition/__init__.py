"""What labels say, and which cells form a table."""
