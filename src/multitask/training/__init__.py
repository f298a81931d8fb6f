"""What a training step needs besides the model: mean losses, evaluation, optimizer, and so on."""
