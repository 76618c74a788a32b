#!/bin/bash
# Sourced by dracut, whose options it may not change.
# dib-lint: disable=sete setu setpipefail dibdebugtrace
# dracut module: what the live image needs beyond dracut's own dmsquash-live.

check() {
    return 255
}

depends() {
    echo dmsquash-live
}

install() {
    # The sha256sum of coreutils: busybox's is several times slower, and libcrypto is in there already (kmod).
    inst_multiple btrfs cat cp lvm mdadm sha256sum umount
    # What gives an array its names in /dev/disk; the rule that would assemble arrays stays out.
    inst_rules 63-md-raid-arrays.rules
    # shellcheck disable=SC2154  # moddir is dracut's
    inst_simple "$moddir/check-image.sh" /usr/lib/lifeboat/check-image.sh
    inst_simple "$moddir/choose-memory.sh" /usr/lib/lifeboat/choose-memory.sh
    inst_hook cmdline 01 "$moddir/same-places.sh"
    inst_hook pre-udev 05 "$moddir/load-drivers.sh"
    inst_hook pre-pivot 20 "$moddir/lay-site.sh"
    inst_hook pre-pivot 30 "$moddir/release-medium.sh"
    inst_hook pre-pivot 99 "$moddir/other-places.sh"
    inst_hook initqueue/settled 30 "$moddir/stage-up.sh"
    inst_hook initqueue/timeout 30 "$moddir/stage-up-late.sh"
}
