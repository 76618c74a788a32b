"""The providers that come with us. Each module has ``METHODS`` for :func:`sif.provider.serve.serve`."""

from __future__ import annotations

SHIPPED = ("borg", "libvirt", "network-state", "postgresql", "restic", "rsync", "systemd-units", "tar")
"""Their names in a configuration; the module has ``_`` for ``-``."""
