# shellcheck shell=sh
# Two volume groups across the same two disks: extents of 1 MiB and of 64 MiB, tags, volumes in pieces, names with hyphens.
# disks: 416M 416M
for disk in "$D0" "$D1"; do gpt "$disk" <<END
start=2048, size=196608, type=E6D6D379-F507-44C2-A23C-238F2A3DF928
start=198656, type=E6D6D379-F507-44C2-A23C-238F2A3DF928
END
done
modprobe dm-raid
pvcreate -q --dataalignment 1m --dataalignmentoffset 192k "${D0}1"
pvcreate -q --metadatasize 4m "${D1}1"
pvcreate -q "${D1}2" "${D0}2"
vgcreate -q -s 1m --addtag site=north --addtag prod small-vg "${D0}1" "${D1}1"
vgcreate -q -s 64m big "${D1}2" "${D0}2"
volume() { lvcreate -q -y -Wn "$@"; }
volume -l 7 -n hole small-vg "${D0}1"
volume -l 13 --addtag boot --addtag a.b+c -n root-fs small-vg "${D0}1"
lvremove -q -y small-vg/hole
lvextend -q -l +11 small-vg/root-fs "${D1}1"
lvextend -q -l +5 small-vg/root-fs "${D0}1"
volume --type striped -i 2 -I 4k -l 10 -n s--t small-vg
volume --type raid1 -m 1 -l 4 --addtag mirror -n m.1 small-vg
volume --type raid1 -m 1 -l 2 -n data big
volume -l 1 --alloc contiguous -p rw -Mn -r 512 -n home big "${D0}2"
mkfs.ext4 -q /dev/small-vg/root-fs
mkfs.ext4 -q /dev/small-vg/s--t
mkfs.ext4 -q /dev/big/data
mkfs.ext4 -q /dev/big/home
root /dev/small-vg/root-fs
boot_code "$D0"
at /srv /dev/big/data
at /home /dev/big/home
at /tmp /dev/small-vg/s--t
