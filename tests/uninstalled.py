"""Libraries that are not installed, for modules of ours that are imported anew."""

import sys
from contextlib import contextmanager

import pytest


def _inside(package):
    return {name: one for name, one in sys.modules.items() if name.startswith(f"{package}.")}


@contextmanager
def uninstalled(package, *libraries):
    """Without libraries, import the modules of a package anew; afterwards all are as before.

    A module that stayed would hold classes of the others that are not the ones in use.
    """
    before = _inside(package)
    try:
        for name in before:
            del sys.modules[name]
        with pytest.MonkeyPatch.context() as patch:
            for library in libraries:
                patch.setitem(sys.modules, library, None)
            yield
    finally:
        for name in _inside(package):
            del sys.modules[name]
        for name, module in before.items():
            sys.modules[name] = module
            parent, _, child = name.rpartition(".")
            setattr(sys.modules[parent], child, module)
