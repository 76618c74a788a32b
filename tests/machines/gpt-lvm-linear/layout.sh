# shellcheck shell=sh
# The plain server: GPT, /boot beside one volume group over two disks, a volume in two pieces.
# disks: 192M 128M
gpt "$D0" <<END
first-lba: 34
start=34, size=2014, type=21686148-6449-6E6F-744E-656564454649, name="BIOS boot"
start=2048, size=65536, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name="boot"
start=67584, size=323584, type=E6D6D379-F507-44C2-A23C-238F2A3DF928
END
gpt "$D1" <<END
start=2048, size=258048, type=E6D6D379-F507-44C2-A23C-238F2A3DF928
END
boot_code "$D0"
mkfs.ext4 -q -L boot "${D0}2"
pvcreate -q "${D0}3" "${D1}1"
vgcreate -q --addtag prod vg0 "${D0}3" "${D1}1"
lvcreate -q -y -l 20 -n root vg0 "${D0}3"
lvcreate -q -y -l 4 -n swap vg0
lvcreate -q -y -l 10 -n srv --addtag bulk vg0 "${D1}1"
lvextend -q -l +10 vg0/root "${D0}3" "${D1}1"
mkfs.ext4 -q -L root /dev/vg0/root
mkfs.ext4 -q -m 0 /dev/vg0/srv
mkswap -q /dev/vg0/swap
root /dev/vg0/root
at /boot "${D0}2"
at /srv /dev/vg0/srv noatime
swap /dev/vg0/swap
