"""Looking at data before a training: what a table holds, and what is wrong with it."""
