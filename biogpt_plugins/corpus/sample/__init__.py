"""Twelve short papers to try commands on, written for this package, about invented studies."""

from biogpt_plugins.corpus.sample.papers import SampleFormat, sample_papers, sample_text

__all__ = ["SampleFormat", "sample_papers", "sample_text"]
