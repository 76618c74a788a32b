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


class Grow(str, Enum):
    """What becomes of room that a larger disk has: it stays free, or goes to the last volume, all, those named."""

    NONE = "none"
    LAST = "last"
    PROPORTIONAL = "proportional"
    NAMED = "named"


class OneDisk(str, Enum):
    """What becomes of a mirror when there is one disk for several of its members."""

    DEGRADE = "degrade"
    LINEAR = "linear"
    SHARE = "share"


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
    NTFS = "ntfs"
    F2FS = "f2fs"


class LvType(str, Enum):
    LINEAR = "linear"
    STRIPED = "striped"
    RAID0 = "raid0"
    RAID1 = "raid1"
    RAID4 = "raid4"
    RAID5 = "raid5"
    RAID6 = "raid6"
    RAID10 = "raid10"
    MIRROR = "mirror"
    THIN_POOL = "thin-pool"
    THIN = "thin"
    CACHE_POOL = "cache-pool"
    CACHE = "cache"
    WRITECACHE = "writecache"
    SNAPSHOT = "snapshot"


class Loader(str, Enum):
    GRUB_EFI = "grub-efi"
    GRUB_PC = "grub-pc"
    SYSTEMD_BOOT = "systemd-boot"
    NONE = "none"


class StoreKind(str, Enum):
    RESTIC = "restic"
    TAR = "tar"
    DIRECTORY = "directory"
    BORG = "borg"
    RSYNC = "rsync"
    OTHER = "other"


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


class Compression(str, Enum):
    ZSTD = "zstd"
    NONE = "none"


class MdLevel(str, Enum):
    LINEAR = "linear"
    RAID0 = "raid0"
    RAID1 = "raid1"
    RAID4 = "raid4"
    RAID5 = "raid5"
    RAID6 = "raid6"
    RAID10 = "raid10"


class MdMetadata(str, Enum):
    V0_90 = "0.90"
    V1_0 = "1.0"
    V1_1 = "1.1"
    V1_2 = "1.2"


class Bitmap(str, Enum):
    NONE = "none"
    INTERNAL = "internal"


class LvRole(str, Enum):
    """``image`` and ``metadata`` are parts of RAID and mirrors; ``cache`` is a cache pool in use, or a volume that is
    one; ``spare`` is LVM's spare of pool metadata."""

    VOLUME = "volume"
    IMAGE = "image"
    METADATA = "metadata"
    LOG = "log"
    POOL_DATA = "pool-data"
    POOL_METADATA = "pool-metadata"
    CACHE = "cache"
    CACHE_DATA = "cache-data"
    SPARE = "spare"
    ORIGIN = "origin"


class CacheMode(str, Enum):
    WRITETHROUGH = "writethrough"
    WRITEBACK = "writeback"
    PASSTHROUGH = "passthrough"


class BcacheMode(str, Enum):
    WRITETHROUGH = "writethrough"
    WRITEBACK = "writeback"
    WRITEAROUND = "writearound"
    NONE = "none"


class BcachePolicy(str, Enum):
    LRU = "lru"
    FIFO = "fifo"
    RANDOM = "random"


class BtrfsProfile(str, Enum):
    SINGLE = "single"
    DUP = "dup"
    RAID0 = "raid0"
    RAID1 = "raid1"
    RAID1C3 = "raid1c3"
    RAID1C4 = "raid1c4"
    RAID5 = "raid5"
    RAID6 = "raid6"
    RAID10 = "raid10"


class MountSource(str, Enum):
    FSTAB = "fstab"
    UNIT = "unit"
    RUNNING = "running"


class OmittedWhy(str, Enum):
    """``excluded`` by the administrator, by name; ``snapshot``: a state of another volume; ``volatile``: made anew
    at every start."""

    EXCLUDED = "excluded"
    SNAPSHOT = "snapshot"
    VOLATILE = "volatile"


class AccessControl(str, Enum):
    NONE = "none"
    APPARMOR = "apparmor"
    SELINUX = "selinux"


class NetManager(str, Enum):
    IFUPDOWN = "ifupdown"
    NETWORKD = "networkd"
    NETWORKMANAGER = "networkmanager"
    NETPLAN = "netplan"


class Need(str, Enum):
    """What a driver or a file is needed to reach."""

    DISK = "disk"
    NETWORK = "network"
    STORE = "store"
    OTHER = "other"
