#!/bin/sh
# Once the image is in memory, let go of the medium or of the staging file system it came from: a CD can be ejected, and phase 2
# can mount the file system as its own. dracut does so only for an ISO inside a file system.
if [ -f /run/initramfs/squashed.img ]; then
    umount /run/initramfs/live
fi
