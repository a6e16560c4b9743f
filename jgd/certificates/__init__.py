"""Certificates: bounds on what is left to gain, and the constants that say how large a step may be."""

from jgd.certificates._certificate import Certificate, certificate

__all__ = ["Certificate", "certificate"]
