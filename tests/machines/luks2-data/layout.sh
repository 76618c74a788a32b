# shellcheck shell=sh
# A data volume in LUKS2 with label, tokens, two keyslots, 4096-byte sectors; swap with a random key; a closed one.
# disks: 400M
gpt "$D0" <<END
size=120M, type=linux, name=root
size=64M, type=linux, name=data
size=32M, type=swap, name=cswap
size=64M, type=linux, name=closed
END
boot_code "$D0"
mkfs.ext4 -q -L root "${D0}1"
luks luks2 "${D0}2" --label data --subsystem backup --sector-size 4096
printf pass >/run/pass
printf more >/run/more
cryptsetup luksAddKey -q --key-file /run/pass --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "${D0}2" /run/more
printf '{"type":"luks2-keyring","keyslots":["0"],"key_description":"data"}' | cryptsetup token import "${D0}2"
cryptsetup open --persistent --allow-discards --key-file /run/pass "${D0}2" cryptdata
udevadm settle
luks luks2 "${D0}4"
mkfs.ext4 -q -L data /dev/mapper/cryptdata
root "${D0}1"
at /srv /dev/mapper/cryptdata
crypttab cryptdata "${D0}2" /etc/keys/data.key luks,discard
printf 'cswap PARTLABEL=cswap /dev/urandom plain,swap,cipher=aes-xts-plain64,size=256\n' >>"$MACHINE/etc/crypttab"
printf '/dev/mapper/cswap none swap sw 0 0\n' >>"$MACHINE/etc/fstab"
