# shellcheck shell=sh
# Firmware RAID in a DDF container, and a part of the system on it.
# disks: 96M 96M 96M
mkfs.ext4 -q "$D2"
mdadm --create /dev/md/ddf --run -e ddf -l container -n 2 "$D0" "$D1"
udevadm settle
mdadm --create /dev/md/data --run -l 1 -n 2 /dev/md/ddf
udevadm settle
mkfs.ext4 -q /dev/md/data
root "$D2"
boot_code "$D0"
at /srv /dev/md/data
