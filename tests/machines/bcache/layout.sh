# shellcheck shell=sh
# bcache: a backing device in a partition and one that is a whole disk, in writeback, on one cache set; one without a cache.
# The system is on the first one.
# disks: 200M 160M 128M
modprobe bcache
gpt "$D0" <<END
size=40M, type=linux, name=boot
size=140M, type=linux, name=backing
END
gpt "$D2" <<END
start=2048, size=131072, type=linux, name=cache
start=133120, size=100000, type=linux, name=alone
END
boot_code "$D0"
mkfs.ext4 -q -L boot "${D0}1"
make-bcache --block 4096 --bucket 65536 --cache_replacement_policy fifo -C "${D2}1" >/dev/null
cset=$(bcache-super-show "${D2}1" | sed -n 's/^cset.uuid[[:space:]]*//p')
make-bcache --block 4096 --data-offset 2048 --cset-uuid "$cset" -B "${D0}2" >/dev/null
make-bcache --block 4096 --writeback --cset-uuid "$cset" -B "$D1" >/dev/null
make-bcache -B "${D2}2" >/dev/null
udevadm settle
registered() { # DEVICE: its cached device; udev may have been first
    name=$(basename "$(readlink -f "$1")")
    [ -e "/sys/class/block/$name/bcache" ] || echo "$1" >/sys/fs/bcache/register || { dmesg | tail -9 >&2; exit 1; }
    udevadm settle
    if [ -e "/sys/class/block/$name/bcache/dev" ]; then echo "/dev/$(basename "$(readlink -f "/sys/class/block/$name/bcache/dev")")"; fi
}
registered "${D2}1"
first=$(registered "${D0}2")
second=$(registered "$D1")
alone=$(registered "${D2}2")
echo system >"/sys/class/block/$(basename "$first")/bcache/label"
mkfs.ext4 -q -L root "$first"
mkfs.xfs -q --unsupported "$second" 2>/dev/null || mkfs.ext4 -q "$second"
mkfs.ext4 -q "$alone"
root "$first"
at /boot "${D0}1"
at /srv "$second"
at /var "$alone"
