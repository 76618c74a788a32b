# shellcheck shell=sh
# LUKS2 with authenticated encryption: dm-integrity lies between the partition and the opened volume; a swap file beside.
# disks: 260M
gpt "$D0" <<END
size=160M, type=linux, name=root
size=64M, type=linux, name=sealed
END
boot_code "$D0"
mkfs.ext4 -q -L root "${D0}1"
luks luks2 "${D0}2" --integrity hmac-sha256 --integrity-no-wipe
unlock "${D0}2" sealed
dd if=/dev/zero of=/dev/mapper/sealed bs=1M oflag=direct status=none 2>/dev/null || true
mkswap -q -L sealed /dev/mapper/sealed
root "${D0}1"
swap /dev/mapper/sealed
crypttab sealed "${D0}2" none luks
dd if=/dev/zero of="$MACHINE/swapfile" bs=1M count=16 status=none
mkswap -q "$MACHINE/swapfile"
printf '/swapfile none swap pri=1 0 0\n' >>"$MACHINE/etc/fstab"
printf '/gone none swap sw 0 0\n' >>"$MACHINE/etc/fstab"
