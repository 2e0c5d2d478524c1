"""The embedded AWS that a laptop and the tests run against, and the demo on it.

Only the command that starts it imports it.
"""
