# shellcheck shell=sh
# A disk that has grown under its GPT: the table ends before the disk does, and the backup is where the end was.
# disks: 96M 64M
gpt "$D0" <<END
last-lba: 131038
start=2048, size=122880, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
END
boot_code "$D0"
gpt "$D1" <<END
start=2048, size=122880, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
END
mkfs.ext4 -q "${D0}1"
mkfs.ext4 -q "${D1}1"
root "${D0}1"
at /srv "${D1}1"
dd if=/dev/zero of="$D1" bs=512 seek=131039 count=33 conv=notrunc,fsync status=none
