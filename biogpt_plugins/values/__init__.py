"""Inputs, results and errors: values that depend on no other part of the package."""
