# shellcheck shell=sh
# A disk as Windows makes it beside the Linux one: ESP, reserved partition, NTFS with 4096-byte clusters, recovery partition
# kept sector by sector; names, attributes and the space before the recovery partition as its setup leaves them.
# disks: 160M 384M
gpt "$D0" <<END
size=120M, type=linux, name=root
END
boot_code "$D0"
gpt "$D1" <<END
label-id: 8C2D7A10-52B4-4E0B-9E35-61F0A2C4D7E8
first-lba: 34
start=2048, size=204800, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name="EFI system partition", attrs="GUID:63"
start=206848, size=32768, type=E3C9E316-0B5C-4DB8-817D-F92DF00215AE, name="Microsoft reserved partition", attrs="GUID:63"
start=239616, size=409600, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, name="Basic data partition"
start=651264, size=122880, type=DE94BBA4-06D1-4D40-A16A-BFD50179D6AC, attrs="RequiredPartition GUID:63"
END
mkfs.ext4 -q -L root "${D0}1"
mkfs.fat -F 32 -s 1 -R 6190 -a -h 2048 -n SYSTEM -i 5A01C3D7 "${D1}1" >/dev/null
mkntfs -q -F -Q -c 4096 -p 239616 -H 255 -S 63 -L Windows "${D1}3" 2>/dev/null
ntfslabel --new-serial=A41C5E2C1C5DFB26 "${D1}3"
mkntfs -q -F -Q -c 4096 -p 651264 -H 255 -S 63 -L Recovery "${D1}4" 2>/dev/null
yes "WinRE.wim" | dd of="${D1}4" bs=4096 seek=9000 count=2000 iflag=fullblock conv=notrunc,fsync status=none
yes "state" | dd of="${D1}2" bs=512 count=9 iflag=fullblock conv=notrunc,fsync status=none
root "${D0}1"
printf 'UUID=5A01-C3D7 /mnt/esp vfat noauto 0 0\n' >>"$MACHINE/etc/fstab"
