"""Captures on schedule and on change: their configuration, the run, the systemd units and the udev rule."""
