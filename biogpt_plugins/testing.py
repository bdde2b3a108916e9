"""What tests of programs that use this package need: an engine whose completions are given."""

from biogpt_plugins.engine.scripted import ScriptedEngine

__all__ = ["ScriptedEngine"]
