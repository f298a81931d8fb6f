"""A trained model's encoder on a new task with few labels: what each way to adapt it is worth."""
