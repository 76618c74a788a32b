# shellcheck shell=sh
# One disk of a storage network, reached by two adapters: a multipath map with partitions on it.
# disks: 1M
modprobe -a dm-multipath dm-service-time sd_mod
modprobe scsi_debug dev_size_mb=96 add_host=2 vpd_use_hostno=0
udevadm settle
mkdir -p /etc/multipath
mount -t tmpfs tmpfs /etc/multipath
gpt /dev/sda <<END
start=2048, size=40960, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
start=43008, size=122880, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
END
multipath -i -v0
udevadm settle
mkfs.ext4 -q /dev/mapper/1Linux_scsi_debug_2000-part1
mkfs.ext4 -q /dev/mapper/1Linux_scsi_debug_2000-part2
boot_code /dev/mapper/1Linux_scsi_debug_2000
root /dev/mapper/1Linux_scsi_debug_2000-part2
at /boot /dev/mapper/1Linux_scsi_debug_2000-part1
