# shellcheck shell=sh
# A GPT whose first header is damaged while the machine runs on: only the backup at the end is whole.
# disks: 96M
gpt "$D0" <<END
start=2048, size=122880, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
END
mkfs.ext4 -q "${D0}1"
root "${D0}1"
boot_code "$D0"
printf 'x' | dd of="$D0" bs=1 seek=536 conv=notrunc,fsync status=none
