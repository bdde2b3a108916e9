"""What goes in, what comes out, and what can go wrong: pydantic values that know nothing else."""
