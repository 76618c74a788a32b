# shellcheck shell=sh
# Thin pools, thin volumes larger than their pool, a thin snapshot, a pool whose data is a RAID 1.
# disks: 256M 192M
modprobe -a dm-thin-pool dm-raid
pvcreate -q "$D0" "$D1"
vgcreate -q vg0 "$D0" "$D1"
lvcreate -q -y --type thin-pool -l 40 -c 64k -n pool vg0 "$D0"
lvcreate -q -y -V 100M -T vg0/pool -n root
lvcreate -q -y -V 400M -T vg0/pool --addtag data -n data
lvcreate -q -y --type raid1 -m 1 --nosync -l 6 -n safe vg0
lvconvert -q -y --type thin-pool -c 128k -Zn --discards nopassdown vg0/safe
mkfs.ext4 -q /dev/vg0/root
mkfs.ext4 -q /dev/vg0/data
lvcreate -q -y -s vg0/root -n before
lvcreate -q -y -kn -s vg0/data -n copy
root /dev/vg0/root
boot_code "$D0"
at /data /dev/vg0/data
