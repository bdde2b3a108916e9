"""`biogpt bench`: how fast this package is on this machine, with the user's model and papers."""
