# shellcheck shell=sh
# An MBR as old installers made it: first partition at sector 63, boot code, a boot loader's rest behind the MBR, four
# logical partitions out of order, one slot of the table free.
# disks: 192M
dos "$D0" <<END
label-id: 0x1a2b3c4d
${D0}1: start=63, size=40897, type=83, bootable
${D0}2: start=40960, size=20480, type=7
${D0}4: start=61440, size=300000, type=f
${D0}5: start=122880, size=40960, type=83
${D0}6: start=63488, size=20480, type=82
${D0}7: start=194560, size=81920, type=83
END
boot_code "$D0"
yes "a boot loader" | dd of="$D0" bs=512 seek=1 count=40 iflag=fullblock conv=notrunc,fsync status=none
udevadm settle
mkfs.ext4 -q "${D0}1"
mkfs.ext4 -q "${D0}5"
mkswap -q "${D0}6"
mkfs.ext4 -q "${D0}7"
root "${D0}7"
at /boot "${D0}1"
at /srv "${D0}5"
swap "${D0}6"
