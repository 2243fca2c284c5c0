"""Chaos and failover testing for clusters: what really happens when something breaks."""

__version__ = "0.1.0"
