# shellcheck shell=sh
# A hybrid MBR beside the GPT, so that an old system sees two of the partitions.
# disks: 96M
gpt "$D0" <<END
start=2048, size=40960, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
start=43008, size=122880, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
END
printf 'r\nh\n1 2\nn\n83\ny\n83\nn\nn\nw\ny\n' | gdisk "$D0" >/dev/null
partprobe "$D0"
boot_code "$D0"
mkfs.ext4 -q "${D0}1"
mkfs.ext4 -q "${D0}2"
root "${D0}2"
at /boot "${D0}1"
