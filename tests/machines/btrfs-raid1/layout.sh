# shellcheck shell=sh
# btrfs over two partitions, not mounted at capture time: everything is read from its trees.
# disks: 400M 260M
gpt "$D0" <<END
size=120M, type=linux, name=root
size=200M, type=linux, name=a
END
gpt "$D1" <<END
size=220M, type=linux, name=b
END
boot_code "$D0"
mkfs.ext4 -q -L root "${D0}1"
# the second disk first, so that btrfs' order of devices is not the disks'
mkfs.btrfs -q -L tank -n 8192 --csum xxhash -O ^no-holes -d raid1 -m raid1 "${D1}1" "${D0}2"
mount "${D1}1" /mnt
mkdir -p /mnt/deep/er
btrfs -q subvolume create /mnt/media
btrfs -q subvolume create /mnt/deep/er/vm
chattr +C /mnt/deep/er/vm
btrfs -q subvolume create /mnt/media/new
btrfs -q subvolume snapshot -r /mnt/media /mnt/deep/media-1
btrfs -q subvolume create /mnt/gone
btrfs -q subvolume delete /mnt/gone
btrfs -q quota enable /mnt
btrfs -q qgroup limit 40M /mnt/deep/er/vm
btrfs -q qgroup create 1/100 /mnt
btrfs -q qgroup limit 90M 1/100 /mnt
# enough files that the tree has several levels
seq -f '/mnt/deep/file-with-quite-a-long-name-%05.0f' 3000 | xargs touch
seq -f '/mnt/deep/er/other-file-with-a-long-name-%05.0f' 2000 | xargs touch
sync
umount /mnt
root "${D0}1"
printf 'LABEL=tank /srv btrfs defaults,noauto 0 0\n' >>"$MACHINE/etc/fstab"
printf 'LABEL=tank /srv/vm btrfs subvol=deep/er/vm,noauto 0 0\n' >>"$MACHINE/etc/fstab"
