"""Settings: read with their source positions, checked against signatures and trust."""
