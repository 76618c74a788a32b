# shellcheck shell=sh
# RAID 1 on whole disks, without partition tables; one of its disks has failed and was taken out.
# disks: 96M 96M
mdadm --create /dev/md/root --run --assume-clean --homehost=machine -l 1 -n 2 "$D0" "$D1"
udevadm settle
mdadm /dev/md/root --fail "$D1" --remove "$D1"
mdadm --zero-superblock "$D1"
mkfs.ext4 -q /dev/md/root
root /dev/md/root
boot_code "$D0"
