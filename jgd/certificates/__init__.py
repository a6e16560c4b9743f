"""Certificates: bounds on what is left to gain, and the constants that say how large a step may be."""

from jgd.certificates._certificate import Certificate, certificate
from jgd.certificates._constants import smoothness, strong_convexity
from jgd.certificates._learning_rate import safe_learning_rate

__all__ = ["Certificate", "certificate", "safe_learning_rate", "smoothness", "strong_convexity"]
