"""Settings of every test."""

from hypothesis import settings

# The same examples in every run: a change is judged by what it changed. And no time to keep: machines are shared.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
