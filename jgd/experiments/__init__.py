"""Experiments: many runs in one program."""

from jgd.experiments._ensemble import Ensemble, Spread, ensemble

__all__ = ["Ensemble", "Spread", "ensemble"]
