"""The embedded AWS that `pipeline` and the tests run against on one machine, and the demo on it.

Only the command that starts it imports it.
"""
