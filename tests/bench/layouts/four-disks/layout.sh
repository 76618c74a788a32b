# shellcheck shell=sh
# Four disks: ESP, /boot and LVM on RAID 1 over two of them, an XFS on the third, LUKS2 and a volume group on the fourth.
# disks: 640M 640M 512M 512M
. /bench/machine/direct.sh
tables
settled
arrays
mkfs.fat -F 32 -n ESP -i 7A3C91E2 "${D0}1"
mkfs.fat -F 32 -n ESP2 -i 7A3C91E3 "${D1}1"
pvcreate -q --uuid "$PV0" --norestorefile /dev/md201
vgcreate -q system /dev/md201
for volume in root:30 var:20 log:10 swap:16; do
    lvcreate -q -y -l "${volume#*:}" -n "${volume%:*}" system
done
luks luks2 "${D3}1" --uuid "$LUKS"
unlock "${D3}1" "lifeboat-$LUKS"
pvcreate -q --uuid "$PV1" --norestorefile "/dev/mapper/lifeboat-$LUKS"
vgcreate -q safe "/dev/mapper/lifeboat-$LUKS"
lvcreate -q -y -l 40 -n vault safe
lvcreate -q -y -l 20 -n mail safe
file_systems
boot_code "$D0"
boot_code "$D1"
root /dev/system/root
at /boot /dev/md200
at /boot/efi "${D0}1"
at /efi2 "${D1}1"
at /var /dev/system/var
at /var/log /dev/system/log
at /srv "${D2}1"
at /data "${D2}2"
at /vault /dev/safe/vault
at /mail /dev/safe/mail
swap /dev/system/swap
crypttab "lifeboat-$LUKS" "${D3}1" none luks
