#!/bin/busybox sh
# shellcheck shell=dash
# The first program of a start from the network. The boot loader fetches one file, image.cpio; in it are the squashfs and, packed as
# they were, kernel and initramfs, from which staging makes phase 2: so none of it travels twice but the kernel. Unpack the initramfs
# over this one and go on with it. In braces, because this file is replaced while it runs.
{
    file=/lifeboat/boot/initrd.img
    log=/lifeboat/unpack.log # there is no /dev/null yet
    # Bytes of dracut's compressed part, and where the builder's part begins behind it.
    read -r length start < /lifeboat/boot/initrd.parts
    if head -c "$length" "$file" | zstd -dcq | cpio -idmu 2> "$log" && [ -e /usr/lib/dracut-lib.sh ] &&
        tail -c "+$((start + 1))" "$file" | cpio -idmu 2>> "$log"; then
        rm -f /lifeboat/boot/initrd.parts "$log"
        exec /init "$@"
    fi
    echo "Lifeboat: the initramfs inside image.cpio cannot be unpacked: the download is damaged, or there is too little memory"
    cat "$log"
    exec sh
}
