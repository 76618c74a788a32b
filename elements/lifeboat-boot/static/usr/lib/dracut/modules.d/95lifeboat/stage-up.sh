#!/bin/sh
# Phase 2 may be staged on an array, a logical volume or a btrfs of several devices: bring up exactly what
# `rescue.stage.up=` names, and nothing else of the machine. An array waits until all its devices are there; stage-up-late.sh starts
# it without the missing ones when they don't come. Sourced by dracut's main loop whenever udev has settled.

command -v getargs > /dev/null || . /lib/dracut-lib.sh

lifeboat_array() {
    case "$(cat "/sys/class/block/$2/md/array_state" 2> /dev/null)" in
        "" | clear | inactive) ;;
        *) return ;;
    esac
    # shellcheck disable=SC2086  # $3 is an option, or nothing
    mdadm --assemble "/dev/$2" "--uuid=$1" $3 --config=partitions 2>&1 | vinfo
    case "$(cat "/sys/class/block/$2/md/array_state" 2> /dev/null)" in
        clear | inactive) mdadm --stop "/dev/$2" 2>&1 | vinfo ;;
    esac
    udevadm settle --timeout=30
}

lifeboat_stage_up() {
    for word in $(getargs rescue.stage.up=); do
        kind=${word%%,*}
        rest=${word#*,}
        case "$kind" in
            md) lifeboat_array "${rest%%,*}" "${rest#*,}" "$1" ;;
            vg) lvm vgchange --sysinit --activate y --select "vg_uuid=$rest" 2>&1 | vinfo ;;
            btrfs) btrfs device scan 2>&1 | vinfo ;;
        esac
    done
    unset word kind rest
}

lifeboat_stage_up ""
