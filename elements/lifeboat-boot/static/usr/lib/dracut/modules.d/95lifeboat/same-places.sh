#!/bin/sh
# Hundreds of short-lived programs run before the image does. At the same places in memory each time, an emulated processor
# need not translate them again for each, and does not keep the old translations: without this half of a start went there.
# The image itself gets random places again (other-places.sh).
# shellcheck disable=SC2034  # for other-places.sh, in the same shell
read -r lifeboat_places < /proc/sys/kernel/randomize_va_space
echo 0 > /proc/sys/kernel/randomize_va_space
