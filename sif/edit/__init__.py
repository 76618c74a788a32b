"""Changing a set that exists: one key, one section; every other byte stays as it was, comments too."""

from __future__ import annotations

from sif.edit.sets import Change, edit_set
from sif.edit.text import EditRefused, add_section, remove_section, set_key, unset_key

__all__ = ["Change", "EditRefused", "add_section", "edit_set", "remove_section", "set_key", "unset_key"]
