# shellcheck shell=sh
# Encrypted logical volumes: the root file system in one, swap in another, /boot outside.
# disks: 400M
gpt "$D0" <<END
size=64M, type=linux, name=boot
type=lvm
END
boot_code "$D0"
mkfs.ext4 -q -L boot "${D0}1"
pvcreate -q "${D0}2"
vgcreate -q vg0 "${D0}2"
lvcreate -q -y -l 45 -n root vg0
lvcreate -q -y -l 16 -n swap vg0
luks luks2 /dev/vg0/root
luks luks1 /dev/vg0/swap
unlock /dev/vg0/root cryptroot
unlock /dev/vg0/swap cryptswap
mkfs.ext4 -q -L root /dev/mapper/cryptroot
mkswap -q -L cswap /dev/mapper/cryptswap
root /dev/mapper/cryptroot
at /boot "${D0}1"
swap /dev/mapper/cryptswap
crypttab cryptroot /dev/vg0/root none luks
crypttab cryptswap /dev/vg0/swap /etc/keys/swap.key luks
