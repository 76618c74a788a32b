# shellcheck shell=sh
# RAID 1 of two logical volumes of two volume groups, and a volume group on it again.
# disks: 192M 192M
for number in 0 1; do
    eval "disk=\$D$number"
    pvcreate -q "$disk"
    vgcreate -q "vg$number" "$disk"
    lvcreate -q -y -l 30 -n half "vg$number"
done
mdadm --create /dev/md/mirror --run --assume-clean --homehost=machine -l 1 -n 2 /dev/vg0/half /dev/vg1/half
udevadm settle
pvcreate -q --config 'devices{scan_lvs=1}' /dev/md/mirror
vgcreate -q top /dev/md/mirror
lvcreate -q -y -l 20 -n root top
mkfs.ext4 -q /dev/top/root
root /dev/top/root
boot_code "$D0"
