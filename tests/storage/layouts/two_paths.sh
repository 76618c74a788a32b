# shellcheck shell=sh
# A disk that two paths lead to: a SCSI disk with one WWN, seen twice. It carries the system: a GPT, /boot, and LVM.
# disks: 1M
modprobe -a virtio_scsi sd_mod dm-multipath dm-service-time
udevadm settle
mkdir -p /etc/multipath
mount -t tmpfs tmpfs /etc/multipath
[ -b /dev/sda ] && [ -b /dev/sdb ]
gpt /dev/sda <<END
start=2048, size=40960, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
start=43008, size=450560, type=E6D6D379-F507-44C2-A23C-238F2A3DF928
END
multipath -i -v0 /dev/sda
udevadm settle
map=$(echo /dev/mapper/3*-part1)
map=${map%-part1}
boot_code "$map"
mkfs.ext4 -q "$map-part1"
pvcreate -q "$map-part2"
vgcreate -q vg0 "$map-part2"
lvcreate -q -y -l 40 -n root vg0
mkfs.ext4 -q /dev/vg0/root
root /dev/vg0/root
at /boot "$map-part1"
