"""One pass over one configuration: what is wrong in it, and where, in one sentence."""
