"""Several runs as one model: which fit each other, how good they are together, and how sure."""
