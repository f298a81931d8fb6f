"""A trained model as a folder of the Hugging Face hub."""
