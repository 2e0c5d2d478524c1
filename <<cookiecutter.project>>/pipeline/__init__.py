"""Stages that train, gate, release, watch and roll back one model."""
