"""Settings of every test."""

from hypothesis import settings

# The same examples in every run: a change is judged by what it changed.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")
