"""Typed errors and the one table of exit codes that all of Lifeboat's programs share."""

from __future__ import annotations

from enum import IntEnum
from typing import Optional


class Exit(IntEnum):
    """Exit codes of every Lifeboat program. docs/exit-codes.md is checked against this table by a test."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    DIFFERENT = 3
    TOOL_MISSING = 4
    COMMAND_FAILED = 5
    SIF_SYNTAX = 10
    SIF_INVALID = 11
    SIF_SET_BROKEN = 12
    SIF_UNSUPPORTED = 13
    NOT_RESTORABLE = 14
    CAPTURE_FAILED = 15
    SIGNATURE_INVALID = 16
    SIGNATURE_MISSING = 17
    SIGNER_REFUSED = 18
    SECRET_UNAVAILABLE = 19
    MEDIUM_NOT_FOUND = 20
    NO_PLAN = 21
    CONSENT_MISSING = 22
    PHASE2_PENDING = 23
    PROVIDER_FAILED = 25
    STORE_UNREACHABLE = 26
    DISK_CHANGED = 30
    REBUILD_FAILED = 31
    STAGING_FAILED = 32
    RESTORE_FAILED = 40
    BOOT_LOADER_FAILED = 41
    CATALOG_DIFFERENT = 42
    BUILD_FAILED = 50
    DRILL_FAILED = 60


class LifeboatError(Exception):
    """A failure with everything the person in front of it needs.

    ``what`` happened, ``where`` (file:line:column, device, command), what was ``found``, what was
    ``wanted`` instead, and a ``hint``: what to do now. Every subclass owns its exit code; only ``main``
    functions exit.
    """

    code: Exit = Exit.INTERNAL

    def __init__(self, what: str, *, where: Optional[str] = None, found: Optional[str] = None,
                 wanted: Optional[str] = None, hint: Optional[str] = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.found = found
        self.wanted = wanted
        self.hint = hint

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        for title, text in (("found", self.found), ("wanted", self.wanted), ("what to do", self.hint)):
            if text:
                lines.append(f"  {title}: {text}")
        return "\n".join(lines)


class UsageError(LifeboatError):
    code = Exit.USAGE


class ToolMissing(LifeboatError):
    code = Exit.TOOL_MISSING


class CommandFailed(LifeboatError):
    code = Exit.COMMAND_FAILED
