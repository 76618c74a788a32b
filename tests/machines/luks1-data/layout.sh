# shellcheck shell=sh
# LUKS1 with two keyslots and another hash on a whole disk, MBR on the first one.
# disks: 160M 64M
dos "$D0" <<END
start=2048, size=300000, type=83, bootable
END
boot_code "$D0"
mkfs.ext4 -q -L root "${D0}1"
luks luks1 "$D1" --hash sha512 --cipher aes-cbc-essiv:sha256 --key-size 256
printf pass >/run/pass
printf more >/run/more
cryptsetup luksAddKey -q --key-file /run/pass --pbkdf-force-iterations 1000 "$D1" /run/more
unlock "$D1" vault
mkfs.xfs -q --unsupported -L vault /dev/mapper/vault 2>/dev/null || mkfs.ext3 -q -L vault /dev/mapper/vault
root "${D0}1"
at /vault /dev/mapper/vault
crypttab vault "$D1" none luks
