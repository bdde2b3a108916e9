"""A source text, and what stands where in it. Rules on text; no model, no task."""
