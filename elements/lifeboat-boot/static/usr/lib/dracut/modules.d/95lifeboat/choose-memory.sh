#!/bin/sh
# Sourced by dmsquash-live-root with the squashfs in $SQUASHED, before it is copied to memory: where there is no room for a copy and
# something to work in, the medium is kept. The alternative is a shell on a console that nobody may be looking at.
# shellcheck disable=SC2154  # SQUASHED and live_ram are dracut's
if [ -n "$live_ram" ]; then
    size=$(($(stat -c %s -- "$SQUASHED") >> 20))
    available=$(($(sed -n 's/^MemAvailable: *\([0-9]*\) kB$/\1/p' /proc/meminfo) >> 10))
    if [ $((available - size)) -lt 256 ]; then
        echo "Lifeboat: $available MiB of memory are too few to copy the image ($size MiB): the medium must stay in" > /dev/console
        live_ram=''
    fi
fi
