# shellcheck shell=sh
# Arrays of every level and three versions of metadata: a journal, a spare, an empty slot, odd layouts and chunks.
# disks: 96M 96M 96M 96M 96M
for disk in "$D0" "$D1" "$D2" "$D3" "$D4"; do gpt "$disk" <<END
start=2048, size=40960, type=A19D880F-05FC-4D3B-A006-743F0F84911E
start=43008, size=20480, type=A19D880F-05FC-4D3B-A006-743F0F84911E
start=63488, size=20480, type=A19D880F-05FC-4D3B-A006-743F0F84911E
start=83968, size=20480, type=A19D880F-05FC-4D3B-A006-743F0F84911E
start=104448, size=20480, type=A19D880F-05FC-4D3B-A006-743F0F84911E
END
done
array() { mdadm --create "$@"; }
array /dev/md/root --run --assume-clean --homehost=machine -l 5 -n 3 -x 1 --chunk=64 --layout=ra --write-journal "${D4}1" "${D2}1" "${D0}1" "${D1}1" "${D3}1"
array /dev/md/ten --run --assume-clean --homehost=machine -l 10 -n 4 -c 32 -p f2 "${D0}2" "${D1}2" missing "${D3}2"
array /dev/md9 --run --assume-clean -e 0.90 -l 6 -n 4 "${D3}3" "${D2}3" "${D1}3" "${D0}3"
array /dev/md/fast --run --homehost=any -e 1.1 -l 0 -n 3 -c 16 "${D0}4" "${D1}4" "${D2}4"
array /dev/md/one --run --assume-clean --homehost=machine -e 1.0 -l 1 -n 2 --bitmap=internal --bitmap-chunk=8M "${D0}5" --write-mostly "${D1}5"
array /dev/md/four --run --assume-clean --homehost=machine -l 4 -n 3 --data-offset=4M "${D2}5" "${D3}5" "${D4}5"
array /dev/md/near --run --assume-clean --homehost=machine -l 10 -n 3 -p o2 "${D4}2" "${D2}2" "${D3}4"
udevadm settle
mkfs.ext4 -q /dev/md/root
mkfs.ext4 -q /dev/md9
mkfs.ext4 -q /dev/md/fast
root /dev/md/root
boot_code "$D0"
at /srv /dev/md9
at /tmp /dev/md/fast
