# shellcheck shell=sh
# btrfs on one disk as installers make it: @ is /, @home is /home, snapshots beside them, limits, no top level mounted.
# disks: 64M 400M
gpt "$D0" <<END
size=48M, type=linux, name=boot
END
boot_code "$D0"
mkfs.ext4 -q -L boot "${D0}1"
mkfs.btrfs -q -L system "$D1"
mount "$D1" /mnt
for name in @ @home @vm; do btrfs -q subvolume create "/mnt/$name"; done
chattr +C /mnt/@vm
mkdir /mnt/@/var
btrfs -q subvolume create /mnt/@/var/machines
mkdir /mnt/@snapshots
btrfs -q subvolume snapshot -r /mnt/@home /mnt/@snapshots/home-1
btrfs -q subvolume set-default /mnt/@
btrfs -q quota enable /mnt
btrfs -q qgroup limit 100M /mnt/@home
btrfs -q qgroup limit -e 50M /mnt/@
sync
umount /mnt
root "$D1" subvol=@,noatime
at /boot "${D0}1"
at /home "$D1" subvol=@home,compress=zstd
at /vm "$D1" subvol=/@vm
truncate -s 0 "$MACHINE/vm/swapfile"
fallocate -l 24M "$MACHINE/vm/swapfile"
mkswap -q -L onbtrfs "$MACHINE/vm/swapfile"
printf '/vm/swapfile none swap pri=5 0 0\n' >>"$MACHINE/etc/fstab"
