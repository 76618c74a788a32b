"""What a probe looks at in the running rescue system."""

from __future__ import annotations

import textwrap

LOOK = textwrap.dedent("""
    import glob, os, subprocess
    def out(*argv):
        return subprocess.run(argv, capture_output=True, text=True).stdout
    def text(path):
        return open(path).read() if os.path.exists(path) else ""
    def missing_modules():
        folder = "/usr/lib/modules/" + os.uname().release
        names = [line.split(":")[0] for line in open(folder + "/modules.dep")]
        return [name for name in names if not os.path.exists(folder + "/" + name)] if names else ["all"]
    imports = "import blivet, dbus, gi, parted, sif.run, rescue.plan"
    seen = {
        "cmdline": open("/proc/cmdline").read(),
        "failed": [line.split()[0] for line in
                   out("systemctl", "list-units", "--failed", "--plain", "--no-legend").splitlines()],
        "lifeboat": out("systemctl", "show", "-P", "ExecMainStartTimestampMonotonic", "lifeboat.service").strip(),
        "image": os.path.getsize("/run/initramfs/squashed.img") if os.path.exists("/run/initramfs/squashed.img") else 0,
        "boot": sorted(os.listdir("/usr/lib/lifeboat/boot")),
        "mounts": [line.split()[0] for line in open("/proc/mounts") if line.startswith("/dev/")],
        "swaps": open("/proc/swaps").read().splitlines()[1:],
        "mdstat": [line for line in text("/proc/mdstat").splitlines() if line.startswith("md")],
        "mapper": sorted(set(os.listdir("/dev/mapper")) - {"control"}) if os.path.exists("/dev/mapper") else [],
        "holders": out("sh", "-c", "ls -d /sys/block/vd*/holders/* /sys/block/vd*/vd*/holders/* 2>/dev/null").split(),
        "disks": out("lsblk", "-dnro", "NAME").split(),
        "listening": out("ss", "-Hltnu").splitlines(),
        "efi": os.path.isdir("/sys/firmware/efi"),
        "efivars": bool(os.path.isdir("/sys/firmware/efi/efivars") and os.listdir("/sys/firmware/efi/efivars")),
        "ports": os.listdir("/dev/virtio-ports"),
        "secure": bool(glob.glob("/sys/firmware/efi/efivars/SecureBoot-*")
                       and open(glob.glob("/sys/firmware/efi/efivars/SecureBoot-*")[0], "rb").read()[4]),
        "missing": missing_modules(),
        "places": text("/proc/sys/kernel/randomize_va_space").strip(),
        "checked": text("/run/initramfs/lifeboat-image.sha256").strip(),
        "imports": subprocess.run(["python3", "-c", imports], stderr=subprocess.DEVNULL).returncode,
        "udisks": "Version" in out("busctl", "introspect", "org.freedesktop.UDisks2",
                                   "/org/freedesktop/UDisks2/Manager"),
        "networks": [name for name in os.listdir("/sys/class/net") if name != "lo"],
        "sshd": out("systemctl", "is-active", "lifeboat-ssh.service").strip(),
        "available": [line.split()[1] for line in open("/proc/meminfo") if line.startswith("MemAvailable")][0],
    }
""")
"""Leaves what it saw in ``seen``."""
OBSERVE = LOOK + "answer(seen)\n"
