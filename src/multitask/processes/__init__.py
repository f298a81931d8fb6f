"""The processes of a distributed training: how they find each other and connect."""
