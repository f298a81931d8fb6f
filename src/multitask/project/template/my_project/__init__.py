"""The data and the networks of this project; configurations name them by their class paths."""
