# shellcheck shell=sh
# Disks with logical sectors of 4096 bytes: a GPT, and an MBR with a logical partition.
# disks: 16M
modprobe scsi_debug sector_size=4096 dev_size_mb=128 add_host=1 num_tgts=2 per_host_store=0 virtual_gb=0 || true
modprobe sd_mod
udevadm settle
lsblk -o KNAME,TYPE,SIZE,LOG-SEC,MODEL,SERIAL,WWN
gpt /dev/sda <<END
start=256, size=8192, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
start=8448, size=20000, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
END
boot_code /dev/sda
mkfs.ext4 -q /dev/sda2
root /dev/sda2
