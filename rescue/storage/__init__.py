"""Rebuilds disks exactly as the SIF says, and mounts what was rebuilt.

The only place that knows blivet and libblockdev (``exact`` and ``rebuild``); importing the package, its pure
modules or ``mounts`` needs neither.
"""
