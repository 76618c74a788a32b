# shellcheck shell=sh
# Arrays with write-mostly and failfast members, several spares, empty slots in every level; a stripe over two mirrors.
# disks: 96M 96M 96M 96M
for disk in "$D0" "$D1" "$D2" "$D3"; do
    for number in 0 1 2 3 4 5 6; do
        echo "start=$((2048 + number * 20480)), size=20480, type=A19D880F-05FC-4D3B-A006-743F0F84911E"
    done | gpt "$disk"
done
array() { mdadm --create "$@"; }
flag() { echo "$3" >"/sys/class/block/$(basename "$(readlink -f "$1")")/md/dev-$(basename "$2")/state"; }
array /dev/md/first --run --assume-clean --homehost=machine -l 1 -n 4 missing "${D0}1" "${D1}1" "${D2}1"
flag /dev/md/first "${D0}1" writemostly
flag /dev/md/first "${D1}1" writemostly
flag /dev/md/first "${D1}1" failfast
flag /dev/md/first "${D2}1" failfast
array /dev/md/spared --run --assume-clean --homehost=machine -e 1.0 -l 1 -n 2 -x 2 --bitmap=internal "${D1}2" "${D0}2" "${D3}2" "${D2}2"
array /dev/md5 --run --assume-clean -e 0.90 -l 5 -n 3 -c 16 -p rs "${D0}3" missing "${D2}3"
array /dev/md/six --run --assume-clean --homehost=machine -e 1.1 -l 6 -n 4 -c 32 -p la "${D3}4" "${D1}4" missing "${D0}4"
array /dev/md/least --run --assume-clean --homehost=machine -l 6 -n 4 missing "${D2}5" "${D1}5" missing
array /dev/md/four --run --assume-clean --homehost=machine -l 4 -n 3 "${D0}5" missing "${D3}5"
array /dev/md10 --run --assume-clean -e 0.90 -l 10 -n 4 -c 64 -p n2 "${D3}6" "${D2}6" "${D1}6" "${D0}6"
array /dev/md/left --run --assume-clean --homehost=machine -l 1 -n 2 "${D0}7" "${D1}7"
array /dev/md/right --run --assume-clean --homehost=machine -l 1 -n 2 "${D2}7" "${D3}7"
array /dev/md/both --run --homehost=machine -l 0 -n 2 -c 8 /dev/md/right /dev/md/left
udevadm settle
mkfs.ext4 -q /dev/md/first
mkfs.ext4 -q /dev/md/six
mkfs.ext4 -q /dev/md/both
root /dev/md/first
boot_code "$D0"
at /srv /dev/md/six
at /var /dev/md/both
