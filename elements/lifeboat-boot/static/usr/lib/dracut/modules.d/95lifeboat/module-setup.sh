#!/bin/bash
# dracut module: what the live image needs beyond dracut's own dmsquash-live.

check() {
    return 255
}

depends() {
    echo dmsquash-live
}

install() {
    inst_multiple umount
    # shellcheck disable=SC2154  # moddir is dracut's
    inst_hook pre-pivot 30 "$moddir/release-medium.sh"
}
