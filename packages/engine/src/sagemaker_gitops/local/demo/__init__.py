"""The demo: one release after another, timed and reported."""
