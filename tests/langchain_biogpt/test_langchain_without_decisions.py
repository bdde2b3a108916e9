"""What stands in the place of the decision model before langchain-core 1.8."""

import sys
from importlib.util import find_spec, module_from_spec

import pytest

from biogpt_plugins.values.errors import MissingExtraError


def test_a_decision_model_asks_for_a_newer_host_when_it_is_made(monkeypatch):
    monkeypatch.setitem(sys.modules, "langchain_core.decisions", None)
    spec = find_spec("langchain_biogpt.decisions")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(MissingExtraError, match=r"needs langchain-core 1\.8 or newer, and this is"):
        module.BioGPTDecisionModel(model="demo")
