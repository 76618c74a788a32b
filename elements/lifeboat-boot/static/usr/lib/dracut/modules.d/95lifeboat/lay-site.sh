#!/bin/sh
# Lay the site's files over the image (its root is writable memory), and bring kernel and initramfs into it, from which staging
# makes phase 2: they are on the medium already and need not be in the squashfs too.
# shellcheck disable=SC2154  # NEWROOT is dracut's
if [ -d "$NEWROOT/opt/lifeboat/site" ]; then
    cp -a --remove-destination "$NEWROOT/opt/lifeboat/site/." "$NEWROOT/"
fi
boot=$NEWROOT/usr/lib/lifeboat/boot
for from in /run/initramfs/live/live /run/initramfs/live/lifeboat /lifeboat/boot; do
    if [ ! -e "$boot/vmlinuz" ] && [ -f "$from/vmlinuz" ] && [ -f "$from/initrd.img" ]; then
        cp "$from/vmlinuz" "$from/initrd.img" "$boot/"
    fi
done
