"""The configuration of a build: one TOML file, every key typed, checked and documented where it is declared."""

from __future__ import annotations

from builder_lib.config.model import Boot, Config, Driver, File, Image, Network, Pxe, Recovery, Release, Ssh, Trust, Usb
from builder_lib.config.read import ConfigRefused, parse_config, read_config

__all__ = ["Boot", "Config", "ConfigRefused", "Driver", "File", "Image", "Network", "Pxe", "Recovery", "Release",
           "Ssh", "Trust", "Usb", "parse_config", "read_config"]
