# shellcheck shell=sh
# Pools of mirrors: thin pools with metadata on a RAID 1 and in stripes, one with cached data; a cache in RAID 1.
# disks: 256M 256M 96M
modprobe -a dm-thin-pool dm-raid dm-cache dm-cache-smq
pvcreate -q "$D0" "$D1" "$D2"
vgcreate -q vg0 "$D0" "$D1" "$D2"
volume() { lvcreate -q -y -Wn "$@"; }
volume -l 5 -n root vg0 "$D0"
volume --type raid1 -m 1 --nosync -l 2 -n safe_meta vg0 "$D0" "$D1"
volume --type striped -i 2 -I 32k -l 14 -n safe vg0 "$D0" "$D1"
lvconvert -q -y --type thin-pool --poolmetadata vg0/safe_meta --poolmetadataspare n -c 64k vg0/safe
volume --type striped -i 2 -I 8k -l 2 -n wide_meta vg0 "$D0" "$D1"
volume -l 10 -n wide vg0 "$D1"
lvconvert -q -y --type thin-pool --poolmetadata vg0/wide_meta --poolmetadataspare n -c 256k vg0/wide
lvcreate -q -y -V 80M -T vg0/safe -n data
lvcreate -q -y -V 200M -T vg0/wide -n home
lvcreate -q -y --type cache-pool -l 4 --poolmetadatasize 8m --poolmetadataspare n -n quick vg0 "$D2"
lvconvert -q -y --type cache --cachepool vg0/quick --cachemode writethrough vg0/wide
volume -l 6 -n one vg0 "$D0"
volume --type raid1 -m 1 --nosync -l 3 -n mirror vg0 "$D1" "$D2"
volume --type raid1 -m 1 --nosync -l 2 -n mirror_meta vg0 "$D1" "$D2"
lvconvert -q -y --type cache-pool --poolmetadata vg0/mirror_meta --poolmetadataspare n vg0/mirror
mkfs.ext4 -q /dev/vg0/one
lvconvert -q -y --type cache --cachepool vg0/mirror --cachemode writeback vg0/one
mkfs.ext4 -q /dev/vg0/root
mkfs.ext4 -q /dev/vg0/data
mkfs.ext4 -q /dev/vg0/home
root /dev/vg0/root
boot_code "$D0"
at /data /dev/vg0/data
at /home /dev/vg0/home
at /srv /dev/vg0/one
