# shellcheck shell=sh
# btrfs with the system in LUKS2; a swap file on a file system of its own.
# disks: 64M 300M 96M
gpt "$D0" <<END
size=48M, type=linux, name=boot
END
boot_code "$D0"
mkfs.ext4 -q -L boot "${D0}1"
luks luks2 "$D1"
unlock "$D1" system
mkfs.btrfs -q -m single /dev/mapper/system
mkfs.ext4 -q -L more "$D2"
root /dev/mapper/system
at /boot "${D0}1"
at /more "$D2"
dd if=/dev/zero of="$MACHINE/more/swap.img" bs=1M count=16 status=none
mkswap -q -U 4d63cc45-3b6d-46cc-9e59-3be4a7c397de "$MACHINE/more/swap.img"
printf '/more/swap.img none swap sw 0 0\n' >>"$MACHINE/etc/fstab"
crypttab system "$D1" none luks
