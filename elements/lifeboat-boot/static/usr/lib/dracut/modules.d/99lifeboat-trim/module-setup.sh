#!/bin/bash
# Sourced by dracut, whose options it may not change.
# dib-lint: disable=sete setu setpipefail dibdebugtrace
# dracut module: takes away what other modules brought; its name makes it the last one.

check() {
    return 255
}

depends() {
    echo lifeboat
}

install() {
    # Of what dracut's own modules bring: nothing here unpacks archives or repairs thin pools, and no input, sound or network
    # device needs a rule before the image's own udev runs. Each rule costs each device time.
    # shellcheck disable=SC2154  # initdir is dracut's
    local bin=${initdir:?}/usr/bin sbin=${initdir:?}/usr/sbin udev=${initdir:?}/usr/lib/udev rules=${initdir:?}/usr/lib/udev/rules.d
    rm -f "$bin"/{zstd,sg_inq} "$sbin"/{pdata_tools,cache_*,era_*,thin_*} "$udev"/{dmi_memory_id,fido_id,mtd_probe,v4l_id} \
        "$rules"/5?-scsi-sg3_* "$rules"/60-{autosuspend,drm,evdev,fido,input,persistent-alsa,persistent-input}* \
        "$rules"/60-{persistent-storage-tape,persistent-v4l,sensor,serial}* "$rules"/7[0-8]-* "$rules"/80-net* "$rules"/81-net*
}
