"""The data and networks of this project; configurations refer to them by their class paths."""
