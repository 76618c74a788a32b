"""The set itself, what is to be done with it, and the programs that restore."""

from __future__ import annotations

from typing import ClassVar, Optional, Tuple

from sif.enums import Fit, Grow, Intact, Mode, Need, OneDisk, Overwrite, Phase, Progress, SecretSource, StoreKind, Then
from sif.keys import MOUNTABLE, Form, Ref, key
from sif.plain import dataclass


@dataclass(frozen=True)
class Version:
    KIND: ClassVar[str] = "VERSION"
    ID_LESS: ClassVar[bool] = True

    signature: str = key("the literal `$SIF$`", form=Form.QUOTED, example='"$SIF$"', identity=False)
    format: str = key("format version, `major.minor`", form=Form.BARE, example="2.0", identity=False)
    set_id: str = key("id of the set; equal in all its parts", form=Form.UUID, identity=False,
                      example="5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11")
    part: int = key("number of this part, from 1", identity=False, example="1")
    parts: int = key("how many parts the set has", identity=False, example="2")
    requires: Tuple[str, ...] = key("features a reader must understand, by name", default=(),
                                    identity=False, example='["gpt", "lvm", "xfs"]')
    provider: Optional[str] = key("program that wrote the set", default=None, identity=False,
                                  example='"sif 0.1.0"')
    created: Optional[str] = key("when the capture began, RFC 3339 UTC", form=Form.TIME, default=None,
                                 identity=False, example="2026-11-22T02:10:04Z")
    serial: Optional[int] = key("counts the captures of this machine", default=None, identity=False,
                                example="417")


@dataclass(frozen=True)
class Include:
    KIND: ClassVar[str] = "INCLUDE"

    id: str
    path: str = key("file name in the same directory", identity=False, example='"web01.commands.sif"')
    sha256: str = key("SHA-256 of that file's bytes", form=Form.QUOTED, identity=False,
                      example='"5b25544c66c4068efbe5ee47b76b951e3435282c880aa242c83c2e8443121a39"')


@dataclass(frozen=True)
class Policy:
    KIND: ClassVar[str] = "POLICY"
    ID_LESS: ClassVar[bool] = True

    mode: Mode = key("what the restore is for", default=Mode.RECOVER, identity=False, example="recover")
    intact: Intact = key("what becomes of volumes that survived", default=Intact.REBUILD, identity=False,
                         example="rebuild")
    intact_sample: int = key("with `intact = keep`: so many files of the catalog are compared on each volume before it "
                             "is kept (`verify`: all of them)", default=200, identity=False, example="200")
    fit: Fit = key("how volumes adapt to disks of another size: `exact` keeps the saved geometry where it fits, else "
                   "volumes give up free space, by consent; `shrink-free` does so without asking; `proportional` as "
                   "well, and gives more room to all; `fail` refuses every other size", default=Fit.EXACT,
                   identity=False, example="exact")
    grow: Grow = key("who gets the room that a larger disk has", default=Grow.NONE, identity=False, example="last")
    grow_volumes: Tuple[Ref, ...] = key("the file systems that grow, with `grow = named`", refs=MOUNTABLE, default=(),
                                        identity=False, example="[srv]")
    one_disk: OneDisk = key("a mirror with one disk for several members: one member is made and the others are "
                            "missing, it becomes a plain volume, or the members share the disk",
                            default=OneDisk.DEGRADE, identity=False, example="degrade")
    replica_hostname: Optional[str] = key(
        "with `mode = replicate`: the replica's full name; `{name}` is what it is called, `{number}` the digits at the "
        "end of that", default=None, identity=False, example='"{name}.example.org"')
    replica_addresses: Tuple[str, ...] = key(
        "with `mode = replicate`: the replica's static addresses, `interface=address`, several joined by `+`",
        default=(), identity=False, example='["enp4s0=192.0.2.{number}/24"]')
    accept: Tuple[str, ...] = key("codes of adjustments that an unattended run may make without a person's consent",
                                  default=(), identity=False, example='["volume-lost"]')
    overwrite: Overwrite = key("disks an unattended run may overwrite; a disk that is neither blank nor the "
                               "recorded one needs `any` or a person", default=Overwrite.SAME_DISK,
                               identity=False, example="same-disk")
    shared_disk_mirror: bool = key("consent to a mirror with two legs on one disk", default=False, identity=False,
                                   example="false")


@dataclass(frozen=True)
class Store:
    KIND: ClassVar[str] = "STORE"

    id: str
    kind: StoreKind = key("what is there", example="restic", identity=False)
    location: str = key("URL, or a path on `device`", example='"/restic"', identity=False)
    device: Optional[str] = key("file system to mount read-only: `UUID=` or `LABEL=`", default=None,
                                example='"LABEL=store"', identity=False)
    snapshot: Optional[str] = key("which backup", default=None, example='"7f3a9b21"', identity=False)
    password: Optional[str] = key("what opens it; `${secretfile:NAME}` gives it to a command", form=Form.SECRET,
                                  default=None, example="secret:restic-web01", identity=False)


@dataclass(frozen=True)
class Command:
    KIND: ClassVar[str] = "COMMAND"

    id: str
    phase: Phase = key("when it runs", example="2", identity=False)
    vendor: str = key("whose program it is", example='"restic"', identity=False)
    title: str = key("what the operator sees", example='"Restore files"', identity=False)
    argv: Tuple[str, ...] = key("program and arguments; `${...}` is substituted once", identity=False,
                                example='["restic", "-r", "${store:s3}", "restore", "${snapshot:s3}"]')
    env: Tuple[str, ...] = key("`NAME=value` pairs", default=(), example="[]", identity=False)
    user: str = key("who runs it", form=Form.BARE, default="root", example="root", identity=False)
    chroot: bool = key("run inside the restored system", default=False, example="false", identity=False)
    network: bool = key("needs the network", default=False, example="false", identity=False)
    timeout_s: int = key("limit", unit="seconds", default=14400, example="14400", identity=False)
    retries: int = key("how often to try again", default=0, example="2", identity=False)
    success: Tuple[int, ...] = key("exit codes that mean success", default=(0,), example="[0]", identity=False)
    critical: bool = key("whether its failure ends the restore", default=True, example="true", identity=False)
    on_error: Optional[Ref] = key("error command to run", refs=("COMMAND",), default=None, example="9000",
                                  identity=False)
    then: Then = key("what follows an error command", default=Then.STOP, example="stop", identity=False)
    volumes: Tuple[Ref, ...] = key("file systems it restores", refs=MOUNTABLE, default=(), example="[root, boot]",
                                   identity=False)
    progress: Progress = key("how its output maps to a progress bar", default=Progress.NONE, example="json-lines",
                             identity=False)

    @property
    def sequence(self) -> int:
        """Its place in the order of commands: the section's id is the number."""
        return int(self.id)


@dataclass(frozen=True)
class Driver:
    """A kernel module that the machine needs. What is needed for disk, network or store lies on the medium, and so do
    the modules and the firmware that it depends on, which have at least the same `needs`; they are for the same kernel.
    A restore loads the modules of the kernel that it runs on, each after those it depends on, and says which it skips.
    """

    KIND: ClassVar[str] = "DRIVER"

    id: str
    module: str = key("name of the module", form=Form.BARE, example="megaraid_sas", identity=False)
    kernel: str = key("kernel release it was built for", form=Form.BARE, example="6.12.38+deb13-amd64", identity=False)
    path: Optional[str] = key("the module: `media:PATH`, or `store:NAME/PATH`; none: built into the kernel",
                              form=Form.QUOTED, default=None, example='"media:drivers/6.12/megaraid_sas.ko.xz"',
                              identity=False)
    sha256: Optional[str] = key("SHA-256 of that file", form=Form.QUOTED, default=None, identity=False,
                                example='"5b25544c66c4068efbe5ee47b76b951e3435282c880aa242c83c2e8443121a39"')
    version: Optional[str] = key("version the module states", default=None, identity=False, example='"07.727.03.00"')
    source_version: Optional[str] = key("checksum of the module's source (srcversion)", form=Form.BARE, default=None,
                                        identity=False, example="3B8E7A1F5D20C4A1B6E9F70")
    out_of_tree: bool = key("whether it does not come with the kernel (DKMS and others)", default=False, identity=False,
                            example="false")
    needs: Tuple[Need, ...] = key("what the machine reaches by it", default=(), identity=False, example="[disk]")
    depends: Tuple[Ref, ...] = key("modules that are loaded before", refs=("DRIVER",), default=(), identity=False,
                                   example="[scsi_transport_sas]")
    firmware: Tuple[Ref, ...] = key("its firmware files", refs=("FILE",), default=(), identity=False,
                                    example="[fw_tg3]")
    parameters: Optional[str] = key("options as in modprobe.d", default=None, identity=False,
                                      example='"msix_disable=1"')
    devices: Tuple[Ref, ...] = key("devices bound to it", refs=("DEVICE",), default=(), identity=False,
                                   example="[pci-0000-04-00.0]")


@dataclass(frozen=True)
class SetFile:
    """A file that is copied into the restore environment before drivers are loaded and programs run; one on a store,
    before the data is restored. Targets lie below /lib/firmware, /usr/local, /opt or /var/lib/lifeboat, or are
    /sbin/mount.TYPE; no link is followed to them, and no two files have one target."""

    KIND: ClassVar[str] = "FILE"

    id: str
    path: str = key("the file: `media:PATH`, or `store:NAME/PATH`", form=Form.QUOTED, identity=False,
                    example='"media:files/tigon/tg3.bin"')
    sha256: str = key("SHA-256 of that file's bytes", form=Form.QUOTED, identity=False,
                      example='"5b25544c66c4068efbe5ee47b76b951e3435282c880aa242c83c2e8443121a39"')
    target: str = key("absolute path in the restore environment", identity=False,
                      example='"/lib/firmware/tigon/tg3.bin"')
    mode: str = key("permissions, octal", form=Form.BARE, default="0644", identity=False, example="0644")
    needs: Tuple[Need, ...] = key("what needs it", default=(), identity=False, example="[network]")
    vendor: Optional[str] = key("whose file it is", default=None, identity=False, example='"restic"')


@dataclass(frozen=True)
class SecretsFile:
    """The age file with the values of the set's `secret:NAME`. Without this section the operator is asked."""

    KIND: ClassVar[str] = "SECRETS"
    ID_LESS: ClassVar[bool] = True

    path: str = key("the age file", form=Form.QUOTED, identity=False, example='"media:secrets/web01.age"')
    sha256: str = key("SHA-256 of that file's bytes", form=Form.QUOTED, identity=False,
                      example='"5b25544c66c4068efbe5ee47b76b951e3435282c880aa242c83c2e8443121a39"')
    order: Tuple[SecretSource, ...] = key(
        "where a secret is looked for, in turn", default=(SecretSource.IDENTITY, SecretSource.PROMPT), identity=False,
        example="[identity, prompt]")
