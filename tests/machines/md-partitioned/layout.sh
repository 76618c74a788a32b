# shellcheck shell=sh
# An array with a partition table on it.
# disks: 96M 96M
mdadm --create /dev/md/all --run --assume-clean --homehost=machine -l 1 -n 2 "$D0" "$D1"
udevadm settle
gpt /dev/md/all <<END
start=2048, size=100000
END
device=$(readlink -f /dev/md/all)
mkfs.ext4 -q "${device}p1"
root "${device}p1"
