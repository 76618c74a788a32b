# shellcheck shell=sh
# /boot on RAID 1 with metadata 1.0, the rest LVM on RAID 1 with metadata 1.2, on two disks with MBR.
# disks: 256M 256M
for disk in "$D0" "$D1"; do
    dos "$disk" <<END
start=2048, size=65536, type=fd, bootable
start=67584, size=450560, type=fd
END
    boot_code "$disk"
done
mdadm --create /dev/md0 --run --assume-clean --level=1 --metadata=1.0 --homehost=machine --name=boot --raid-devices=2 "${D0}1" "${D1}1"
mdadm --create /dev/md1 --run --assume-clean --level=1 --metadata=1.2 --homehost=machine --name=system --bitmap=internal --raid-devices=2 "${D0}2" "${D1}2"
udevadm settle
mkfs.ext4 -q -L boot /dev/md0
pvcreate -q /dev/md1
vgcreate -q vg0 /dev/md1
lvcreate -q -y -l 30 -n root vg0
lvcreate -q -y -l 4 -n swap vg0
mkfs.ext4 -q -L root /dev/vg0/root
mkswap -q /dev/vg0/swap
root /dev/vg0/root
at /boot /dev/md0
swap /dev/vg0/swap
