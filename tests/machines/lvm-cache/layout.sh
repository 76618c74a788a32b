# shellcheck shell=sh
# A cached volume with a cache pool, one with a cache volume, one with a write cache; a cache pool in reserve.
# disks: 256M 128M
modprobe -a dm-cache dm-cache-smq dm-writecache
gpt "$D0" <<END
start=2048, size=100000, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
start=102400, type=E6D6D379-F507-44C2-A23C-238F2A3DF928
END
pvcreate -q "${D0}2" "$D1"
vgcreate -q vg0 "${D0}2" "$D1"
for name in one two three; do lvcreate -q -y -l 12 -n $name vg0 "${D0}2"; done
lvcreate -q -y --type cache-pool -l 6 -n pool vg0 "$D1"
lvcreate -q -y -l 4 -n volume vg0 "$D1"
lvcreate -q -y -an -Zn -l 4 -n quick vg0 "$D1"
lvcreate -q -y --type cache-pool -l 3 --cachemode writeback -n reserve vg0 "$D1"
mkfs.ext4 -q "${D0}1"
for name in one two three; do mkfs.ext4 -q /dev/vg0/$name; done
lvconvert -q -y --type cache --cachepool vg0/pool --cachemode writethrough vg0/one
lvconvert -q -y --type cache --cachevol volume --cachemode writeback vg0/two
lvchange -q -an vg0/three
lvconvert -q -y --type writecache --cachevol quick vg0/three
lvchange -q -ay vg0/three
root "${D0}1"
boot_code "$D0"
at /srv/one /dev/vg0/one
at /srv/two /dev/vg0/two
at /srv/three /dev/vg0/three
