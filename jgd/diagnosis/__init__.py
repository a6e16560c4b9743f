"""Diagnoses: why a run went as it did, with numbers and the remedy; one family of causes a module."""

from jgd.diagnosis._diagnose import diagnose
from jgd.diagnosis._finding import CAUSES, Diagnosis, Finding

__all__ = ["CAUSES", "Diagnosis", "Finding", "diagnose"]
