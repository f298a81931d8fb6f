"""Settings: read with their places, checked against signatures, trusted or not."""
