# shellcheck shell=sh
# A volume group that is not active, and a volume that is not, on the disk that the system is on.
# disks: 160M
dos "$D0" <<END
start=2048, size=131072, type=8e
start=133120, type=8e
END
pvcreate -q "${D0}1" "${D0}2"
vgcreate -q vg0 "${D0}1"
vgcreate -q vg1 "${D0}2"
lvcreate -q -y -l 9 -n root vg0
lvcreate -q -y -l 5 -n one vg0
lvcreate -q -y -l 12 -n data vg1
mkfs.ext4 -q /dev/vg0/root
mkfs.ext4 -q /dev/vg0/one
mkfs.ext4 -q /dev/vg1/data
root /dev/vg0/root
boot_code "$D0"
vgchange -q -an vg1
lvchange -q -an vg0/one
