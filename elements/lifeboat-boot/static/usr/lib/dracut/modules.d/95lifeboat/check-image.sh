#!/bin/sh
# Sourced by dmsquash-live-root with the squashfs in $SQUASHED, before it is mounted: it must have the digest that the builder put
# behind this initramfs. Finds damaged media and broken downloads, and binds the image to the initramfs.
# An initramfs without a digest is that of phase 2, started from the machine's own disk.
if [ -f /lifeboat/image.sha256 ]; then
    read -r wanted < /lifeboat/image.sha256
    # shellcheck disable=SC2154  # SQUASHED is dracut's
    found=$(sha256sum < "$SQUASHED")
    found=${found%% *}
    if [ "$found" != "$wanted" ]; then
        # A name that ends the start; dracut's die shows it and stops.
        die "Lifeboat: the image $SQUASHED is damaged or is not the one that belongs to this kernel (SHA-256 $found, wanted $wanted)"
        exit 1
    fi
    echo "$wanted" > /run/initramfs/lifeboat-image.sha256
fi
