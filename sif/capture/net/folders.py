"""Where the configuration of networks lies."""

from __future__ import annotations

NETPLAN = ("/run/netplan", "/etc/netplan", "/usr/lib/netplan", "/lib/netplan")
PROFILES = ("/etc/NetworkManager/system-connections", "/run/NetworkManager/system-connections",
            "/usr/lib/NetworkManager/system-connections")
"""NetworkManager's."""
SCRIPTS = "/etc/sysconfig/network-scripts"
"""Those of Red Hat's family."""
