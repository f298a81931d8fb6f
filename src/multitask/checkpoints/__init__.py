"""What a checkpoint holds, how it is written, and whether it fits a model."""
