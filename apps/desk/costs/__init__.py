"""What trading came to beside what it was expected to cost: the page and its file."""
