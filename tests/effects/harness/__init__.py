"""Strikes the programs of examples/effects and counts their effects."""
