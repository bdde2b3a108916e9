"""`biogpt bench`: speed against what one would use instead, measured side by side in one run."""
