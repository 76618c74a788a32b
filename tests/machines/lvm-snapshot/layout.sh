# shellcheck shell=sh
# Snapshots of / and of a mirrored volume that are there for a backup: they are left out.
# disks: 192M 64M
modprobe -a dm-snapshot dm-raid
pvcreate -q "$D0" "$D1"
vgcreate -q vg0 "$D0" "$D1"
lvcreate -q -y -l 20 -n root vg0 "$D0"
lvcreate -q -y --type raid1 -m 1 --nosync -l 4 -n data vg0
mkfs.ext4 -q /dev/vg0/root
mkfs.ext4 -q /dev/vg0/data
root /dev/vg0/root
boot_code "$D0"
at /srv /dev/vg0/data
lvcreate -q -y -s -l 5 -n backup vg0/root
lvcreate -q -y -s -l 3 -n dump vg0/data
lvcreate -q -y -s -l 3 -n older vg0/root
