"""`python -m biogpt_plugins` is `biogpt`."""

from biogpt_plugins.cli import main

main()
