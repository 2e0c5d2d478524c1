"""GitHub, as this pipeline uses it: the only importers of its client; typed, and given plain values."""
