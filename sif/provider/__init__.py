"""The provider API: how a backup program or a collector takes part in capture and restore (docs/provider-api.md)."""

DEFAULT_CONFIG = "/etc/sif/providers"
"""Where providers are configured."""
