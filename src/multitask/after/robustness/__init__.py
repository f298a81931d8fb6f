"""How a trained model does under attack and on corrupted images."""
