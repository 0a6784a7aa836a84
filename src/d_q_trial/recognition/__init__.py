"""Interpret labels, and find the tables on a sheet."""
