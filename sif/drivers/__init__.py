"""Drivers: which kernel modules a machine needs to reach its disks, network and stores, and their files."""
