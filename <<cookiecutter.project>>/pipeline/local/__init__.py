"""The embedded AWS that a laptop and the tests run against."""
