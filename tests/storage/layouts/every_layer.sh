# shellcheck shell=sh
# Every layer that a rebuild makes, small: two disks, RAID 1, LUKS, LVM (linear, RAID 1, thin), every usual file system.
# disks: 600M 600M
for disk in "$D0" "$D1"; do
    gpt "$disk" <<END
size=32M, type=uefi
size=48M, type=raid
size=96M, type=raid
size=200M, type=lvm
size=128M, type=linux
END
done
mdadm --create /dev/md0 --run --assume-clean --level=1 --metadata=1.2 --homehost=machine --name=boot --raid-devices=2 "${D0}2" "${D1}2"
mdadm --create /dev/md1 --run --assume-clean --level=1 --metadata=1.2 --homehost=machine --name=crypt --raid-devices=2 "${D0}3" "${D1}3"
udevadm settle
luks luks2 /dev/md1
unlock /dev/md1 md1_crypt
pvcreate -q /dev/mapper/md1_crypt
vgcreate -q vg0 /dev/mapper/md1_crypt
lvcreate -q -y -l 8 -n root vg0
lvcreate -q -y -l 2 -n swap vg0
vgcreate -q vg1 "${D0}4" "${D1}4"
lvcreate -q -y --type raid1 -m 1 --nosync -l 16 -n mirrored vg1
lvcreate -q -y --type thin-pool -l 16 -n pool vg1 -Zn
lvcreate -q -y -V 64M --thinpool pool -n thin vg1
udevadm settle
mkfs.fat -F 16 -n ESP "${D0}1"
mkfs.ext4 -q -L boot /dev/md0
mkfs.ext4 -q -L root /dev/vg0/root
mkswap -q /dev/vg0/swap
mkfs.xfs -q --unsupported -L data /dev/vg1/mirrored
mkfs.ext4 -q -L thin /dev/vg1/thin
mkfs.btrfs -q -f -d raid1 -m raid1 -L many "${D0}5" "${D1}5"
root /dev/vg0/root
at /boot /dev/md0
at /boot/efi "${D0}1"
at /data /dev/vg1/mirrored
at /thin /dev/vg1/thin
at /many "${D0}5"
btrfs -q subvolume create "$MACHINE/many/@home"
btrfs -q subvolume create "$MACHINE/many/@home/inner"
swap /dev/vg0/swap
crypttab md1_crypt /dev/md1 none luks,discard
