# shellcheck shell=sh
# RAID 1 of two encrypted partitions with a bitmap and its first member read last; /boot on a RAID 10 of two halves.
# disks: 160M 160M
for disk in "$D0" "$D1"; do gpt "$disk" <<END
size=32M, type=raid, name=boot
type=linux, name=crypt
END
done
array() { mdadm --create "$@"; }
array /dev/md/boot --run --assume-clean --homehost=machine -e 1.0 -l 10 -n 2 -p f2 -c 64 "${D1}1" "${D0}1"
luks luks2 "${D0}2"
luks luks1 "${D1}2"
unlock "${D0}2" one
unlock "${D1}2" two
array /dev/md/root --run --assume-clean --homehost=machine -l 1 -n 2 -b internal --write-mostly /dev/mapper/one /dev/mapper/two
echo -writemostly >"/sys/class/block/$(basename "$(readlink -f /dev/md/root)")/md/dev-$(basename "$(readlink -f /dev/mapper/two)")/state"
udevadm settle
mkfs.ext4 -q /dev/md/boot
mkfs.ext4 -q /dev/md/root
root /dev/md/root
boot_code "$D0"
at /boot /dev/md/boot
crypttab one "${D0}2" none luks
crypttab two "${D1}2" none luks
