#!/bin/sh
# Bring into the image (its root is writable memory) what is not in the squashfs, because it is in this initramfs or beside it: the
# kernel's modules, and kernel and initramfs as files, from which staging makes phase 2. Lay the site's files over it.
# shellcheck disable=SC2154  # NEWROOT is dracut's
modules=usr/lib/modules/$(uname -r)/kernel
cp -a "/$modules/." "$NEWROOT/$modules/"
if [ -d "$NEWROOT/opt/lifeboat/site" ]; then
    cp -a --remove-destination "$NEWROOT/opt/lifeboat/site/." "$NEWROOT/"
fi
boot=$NEWROOT/usr/lib/lifeboat/boot
for from in /run/initramfs/live/live /run/initramfs/live/lifeboat /lifeboat/boot; do
    if [ ! -e "$boot/vmlinuz" ] && [ -f "$from/vmlinuz" ] && [ -f "$from/initrd.img" ]; then
        cp "$from/vmlinuz" "$from/initrd.img" "$boot/"
    fi
done
