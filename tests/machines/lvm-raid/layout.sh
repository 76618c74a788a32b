# shellcheck shell=sh
# One volume group over five whole disks with every kind of RAID, stripes and mirrors; / is striped.
# disks: 160M 160M 160M 160M 160M
modprobe -a dm-raid dm-mirror
pvcreate -q "$D0" "$D1" "$D2" "$D3" "$D4"
vgcreate -q -s 2m vg0 "$D0" "$D1" "$D2" "$D3" "$D4"
volume() { lvcreate -q -y -Wn "$@"; }
volume --type striped -i 3 -I 16k -l 15 -n root vg0
volume -l 3 -n root2 vg0
lvextend -q -i 1 -l +4 vg0/root "$D4"
volume --type raid0 -i 2 -I 32k -l 4 -n r0 vg0
volume --type raid0_meta -i 2 -l 4 -n r0m vg0
volume --type raid1 -m 1 --nosync -l 3 -n r1 vg0
volume --type raid1 -m 2 --nosync -l 3 -R 1m -n r1triple vg0
volume --type raid4 -i 2 --nosync -l 4 -n r4 vg0
volume --type raid5 -i 2 -l 4 -n r5 vg0
volume --type raid5_ra -i 3 -l 6 -n r5ra vg0
volume --type raid6 -i 3 -l 6 -n r6 vg0
volume --type raid10 -i 2 -m 1 --nosync -l 4 -n r10 vg0
volume --type mirror -m 1 --nosync --mirrorlog core -l 3 -n m1core vg0
volume --type mirror -m 1 --nosync -l 3 -n m1disk vg0
mkfs.ext4 -q /dev/vg0/root
mkfs.ext4 -q /dev/vg0/r5
mkfs.ext4 -q /dev/vg0/r1
root /dev/vg0/root
boot_code "$D0"
at /srv /dev/vg0/r5
at /var /dev/vg0/r1
