# shellcheck shell=sh
# Volumes that hold what no tool knows: bare data, a partition table, nothing at all.
# disks: 192M
pvcreate -q "$D0"
vgcreate -q vg0 "$D0"
lvcreate -q -y -l 16 -n root vg0
lvcreate -q -y -l 2 -n empty vg0
lvcreate -q -y -l 2 -n database vg0
lvcreate -q -y -l 4 -n machine vg0
mkfs.ext4 -q /dev/vg0/root
yes "rows of a database" | dd of=/dev/vg0/database bs=4096 seek=16 count=20 iflag=fullblock conv=fsync status=none
gpt /dev/vg0/machine <<END
start=2048, size=4096
END
root /dev/vg0/root
boot_code "$D0"
