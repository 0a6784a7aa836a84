"""Typed configuration: what an analyst may vary, checked before anything runs."""
