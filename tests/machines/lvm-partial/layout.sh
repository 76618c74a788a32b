# shellcheck shell=sh
# A volume group that has lost a disk.
# disks: 128M 64M
modprobe dm-raid
pvcreate -q "$D0" "$D1"
vgcreate -q vg0 "$D0" "$D1"
lvcreate -q -y --type raid1 -m 1 --nosync -l 8 -n root vg0
mkfs.ext4 -q /dev/vg0/root
root /dev/vg0/root
boot_code "$D0"
sync
dd if=/dev/zero of="$D1" bs=1M count=1 conv=fsync status=none
udevadm trigger --settle "$D1"
