# shellcheck shell=sh
# Disks with logical sectors of 4096 bytes: a GPT on one, on the other an MBR with logical partitions.
# disks: 1M
modprobe scsi_debug sector_size=4096 dev_size_mb=96 per_host_store=1 add_host=2
modprobe sd_mod
udevadm settle
gpt /dev/sda <<END
first-lba: 6
start=6, size=250, type=21686148-6449-6E6F-744E-656564454649
start=256, size=20000, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
END
dos /dev/sdb <<END
start=63, size=4096, type=83
start=4352, size=18000, type=5
start=4400, size=4000, type=83
start=8500, size=8000, type=83
END
boot_code /dev/sda
mkfs.ext4 -q /dev/sdb1
mkfs.ext4 -q /dev/sdb5
mkfs.ext4 -q /dev/sdb6
mkfs.ext4 -q /dev/sda2
root /dev/sda2
at /one /dev/sdb1
at /five /dev/sdb5
at /six /dev/sdb6
