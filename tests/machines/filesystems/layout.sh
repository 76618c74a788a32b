# shellcheck shell=sh
# File systems that do not fill their devices, or that other systems and older tools made: ext3 with a resized journal, XFS
# with stripes and with the features of ten years ago, FAT12 without a partition table, FAT32, NTFS, F2FS; swap of old pages.
# disks: 96M 1100M 8M
gpt "$D0" <<END
size=80M, type=linux, name=root
END
boot_code "$D0"
gpt "$D1" <<END
size=64M, type=linux, name=three
size=320M, type=linux, name=xfs
size=320M, type=linux, name=oldxfs
size=80M, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, name=fat32
size=61441K, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, name=ntfs
size=100M, type=linux, name=flash
size=24M, type=swap, name=swap
size=32M, type=linux, name=small
END
mkfs.ext4 -q -L root "${D0}1"
mkfs.ext3 -q -b 1024 -J size=5 -L three "${D1}1" 50000
mkfs.xfs -q -m rmapbt=1 -d su=64k,sw=3 -l size=4096b,su=64k -i maxpct=40 -n size=8192 -L stripes "${D1}2" 2>/dev/null ||
    mkfs.xfs -q --unsupported -m rmapbt=1 -d su=64k,sw=3 -l size=4096b,su=64k -i maxpct=40 -n size=8192 -L stripes "${D1}2"
mkfs.xfs -q --unsupported -m crc=0,finobt=0 -i size=256,sparse=0 -d size=60000b -l size=2560b,version=2 -n ftype=0 "${D1}3"
mkfs.fat -F 32 -s 2 -n FAT32 -i 11223344 "${D1}4" 70000 >/dev/null
mkntfs -q -F -Q -c 1024 -L small "${D1}5" 100000 2>/dev/null
mkfs.f2fs -q -f -l part -O encrypt,quota -z 2 "${D1}6" 180224
mkswap -q -L swap "${D1}7"
mkfs.ext4 -q -b 4096 -E offset=0 -O ^has_journal,^resize_inode -m 0 "${D1}8" 6000
mkfs.fat --mbr=no -F 12 -I -n FLOPPY -i 00C0FFEE "$D2" >/dev/null
root "${D0}1"
swap "${D1}7"
at /three "${D1}1"
at /xfs "${D1}2"
printf 'UUID=1122-3344 /fat32 vfat noauto 0 0\nUUID=00C0-FFEE /floppy vfat noauto 0 0\n' >>"$MACHINE/etc/fstab"
