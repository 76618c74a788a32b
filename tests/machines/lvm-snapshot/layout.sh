# shellcheck shell=sh
# A snapshot of / that is there for a backup: it is left out.
# disks: 192M
modprobe dm-snapshot
pvcreate -q "$D0"
vgcreate -q vg0 "$D0"
lvcreate -q -y -l 20 -n root vg0
mkfs.ext4 -q /dev/vg0/root
root /dev/vg0/root
boot_code "$D0"
lvcreate -q -y -s -l 5 -n backup vg0/root
