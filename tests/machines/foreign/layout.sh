# shellcheck shell=sh
# A disk of a ZFS pool, both parts of a bcache and a plain encrypted volume beside the system, left out by name.
# disks: 160M 300M
# exclude: tank ubdc2 ubdc3 veil
gpt "$D0" <<END
size=120M, type=linux, name=root
END
boot_code "$D0"
gpt "$D1" <<END
size=64M, type=6A898CC3-1DD2-11B2-99A6-080020736631, name=zfs
size=64M, type=linux, name=backing
size=64M, type=linux, name=cache
size=32M, type=linux, name=veil
END
mkfs.ext4 -q -L root "${D0}1"
python3 /bench/tests/machines/zfs_label.py "${D1}1" tank
udevadm settle
make-bcache -B "${D1}2" >/dev/null
make-bcache -C "${D1}3" >/dev/null
printf pass | cryptsetup open --type plain --cipher aes-xts-plain64 --key-size 256 --hash sha256 --key-file - "${D1}4" veil
udevadm settle
mkfs.ext4 -q -L veiled /dev/mapper/veil
root "${D0}1"
at /veil /dev/mapper/veil noauto
printf 'veil PARTLABEL=veil /etc/keys/veil plain,cipher=aes-xts-plain64,size=256\n' >"$MACHINE/etc/crypttab"
