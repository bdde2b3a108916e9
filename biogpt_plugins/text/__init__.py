"""Source texts: sentences, sections, names, abbreviations, cues and evidence.

Everything here is a rule on text and needs neither a model nor a task.
"""
