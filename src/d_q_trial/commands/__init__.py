"""Subcommands of ``python -m d_q_trial``, a module each: read, call one function, write.

A module has ``HELP``, ``add_arguments(parser)`` and ``run(arguments)``, and imports heavy libraries in ``run`` alone.
"""
