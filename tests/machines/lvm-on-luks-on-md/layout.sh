# shellcheck shell=sh
# What a careful installer makes: RAID 1, on it LUKS2, in it LVM with root and swap; /boot on a RAID 1 of its own.
# disks: 400M 400M
for disk in "$D0" "$D1"; do
    gpt "$disk" <<END
size=64M, type=raid
type=raid
END
    boot_code "$disk"
done
mdadm --create /dev/md0 --run --assume-clean --level=1 --metadata=1.2 --homehost=machine --name=boot --raid-devices=2 "${D0}1" "${D1}1"
mdadm --create /dev/md1 --run --assume-clean --level=1 --metadata=1.2 --homehost=machine --name=crypt --raid-devices=2 "${D0}2" "${D1}2"
udevadm settle
mkfs.ext4 -q -L boot /dev/md0
luks luks2 /dev/md1
unlock /dev/md1 md1_crypt
pvcreate -q /dev/mapper/md1_crypt
vgcreate -q vg0 /dev/mapper/md1_crypt
lvcreate -q -y -l 40 -n root vg0
lvcreate -q -y -l 8 -n swap vg0
mkfs.ext4 -q -L root /dev/vg0/root
mkswap -q /dev/vg0/swap
root /dev/vg0/root
at /boot /dev/md0
swap /dev/vg0/swap
crypttab md1_crypt /dev/md1 none luks,discard
