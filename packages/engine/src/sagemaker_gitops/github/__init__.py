"""GitHub's API: the only importers of its client; typed, fed with plain values. It may import project."""
