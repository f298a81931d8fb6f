"""Use of a model after training, from its checkpoint alone."""
