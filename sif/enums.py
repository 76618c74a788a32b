"""The closed lists of words that keys of a SIF may hold."""

from __future__ import annotations

from enum import Enum


class Firmware(str, Enum):
    BIOS = "bios"
    UEFI = "uefi"


class MachineId(str, Enum):
    RESTORE = "restore"
    REGENERATE = "regenerate"
    KEEP = "keep"


class Mode(str, Enum):
    RECOVER = "recover"
    REPLICATE = "replicate"
    DRILL = "drill"


class Intact(str, Enum):
    KEEP = "keep"
    VERIFY = "verify"
    REBUILD = "rebuild"


class Fit(str, Enum):
    EXACT = "exact"
    SHRINK_FREE = "shrink-free"
    PROPORTIONAL = "proportional"
    FAIL = "fail"


class Overwrite(str, Enum):
    """Which disks an unattended run may overwrite without a person's consent."""

    BLANK_ONLY = "blank-only"
    SAME_DISK = "same-disk"
    ANY = "any"


class DiskRole(str, Enum):
    """``critical`` disks are rebuilt; ``data`` and ``ignore`` disks are never candidates."""

    CRITICAL = "critical"
    DATA = "data"
    IGNORE = "ignore"


class TableType(str, Enum):
    GPT = "gpt"
    MBR = "mbr"
    NONE = "none"


class FsType(str, Enum):
    EXT2 = "ext2"
    EXT3 = "ext3"
    EXT4 = "ext4"
    XFS = "xfs"
    VFAT = "vfat"


class LvType(str, Enum):
    LINEAR = "linear"


class Loader(str, Enum):
    GRUB_EFI = "grub-efi"
    GRUB_PC = "grub-pc"


class StoreKind(str, Enum):
    RESTIC = "restic"
    TAR = "tar"
    DIRECTORY = "directory"


class SecretSource(str, Enum):
    """Where a secret comes from: the set's age file, opened by an identity at hand, or the operator."""

    IDENTITY = "identity"
    PROMPT = "prompt"


class Phase(str, Enum):
    """When a command runs: before the rebuild, in the restore, after it, or when another one failed."""

    PRE = "1"
    RESTORE = "2"
    FINAL = "final"
    ERROR = "error"


class Then(str, Enum):
    STOP = "stop"
    CONTINUE = "continue"
    RETRY = "retry"
    SHELL = "shell"


class Progress(str, Enum):
    NONE = "none"
    LINES = "lines"
    JSON_LINES = "json-lines"


class CatalogPolicy(str, Enum):
    """What a restore makes of a file that is not as the catalog says: end it as failed, or only report it."""

    REFUSE_DIFFERENT = "refuse-different"
    REPORT = "report"
