# shellcheck shell=sh
# The same, and more, not left out (but for the bcache, which is not foreign): everything that is wrong is said at once.
# disks: 160M 300M
# exclude: ubdc2
gpt "$D0" <<END
size=120M, type=linux, name=root
size=32M, type=linux, name=closed
END
boot_code "$D0"
gpt "$D1" <<END
size=64M, type=6A898CC3-1DD2-11B2-99A6-080020736631, name=zfs
size=64M, type=linux, name=cache
size=64M, type=linux, name=detached
size=64M, type=linux, name=zone
END
mkfs.ext4 -q -L root "${D0}1"
luks luks2 "${D0}2"
python3 /bench/tests/machines/zfs_label.py "${D1}1" tank
udevadm settle
make-bcache -C "${D1}2" >/dev/null
truncate -s 16M /run/header
luks luks2 "${D1}3" --header /run/header
printf pass | cryptsetup open --header /run/header --key-file - "${D1}3" headless
udevadm settle
mkfs.ext4 -q /dev/mapper/headless
mkfs.ext4 -q -O journal_dev "${D1}4"
root "${D0}1"
at /data /dev/mapper/headless
crypttab shut "${D0}2" none luks
printf 'headless PARTLABEL=detached none luks,header=/etc/header\n' >>"$MACHINE/etc/crypttab"
