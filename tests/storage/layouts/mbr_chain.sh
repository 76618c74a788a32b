# shellcheck shell=sh
# Logical partitions with their records where other partitioning tools put them, one of them with the boot flag; a GPT beside,
# the protective MBR of which has it.
# disks: 192M 64M
dos "$D0" <<END
label-id: 0xcafe0001
${D0}1: start=2048, size=20480, type=83, bootable
${D0}2: start=24576, size=360448, type=5
${D0}5: start=26624, size=40960, type=83
${D0}6: start=71680, size=40960, type=8e
${D0}7: start=120000, size=200000, type=83
END
# each record 1 MiB before its partition, as fdisk and parted align it: 24576, 69632, 117952
record() { # AT TYPE START SECTORS [NEXT END]
    {
        printf '\000\376\377\377'; printf "\\$(printf %03o "$2")"; printf '\376\377\377'; word "$3"; word "$4"
        if [ -n "${5:-}" ]; then printf '\000\376\377\377\005\376\377\377'; word "$5"; word "$6"; else head -c 16 /dev/zero; fi
        head -c 32 /dev/zero
        printf '\125\252'
    } | dd of="$D0" bs=1 seek=$(($1 * 512 + 446)) conv=notrunc,fsync status=none
}
word() { for shift in 0 8 16 24; do printf "\\$(printf %03o $(($1 >> shift & 255)))"; done; }
for at in 67584 67585 69632 112640 112641 117952 119999 71679 71678; do
    dd if=/dev/zero of="$D0" bs=512 seek=$at count=1 conv=notrunc,fsync status=none
done
record 24576 131 2048 40960 45056 43008
record 69632 142 2048 40960 93376 202048
record 117952 131 2048 200000
partprobe "$D0"
udevadm settle
gpt "$D1" <<END
size=40M, type=linux, name=data
END
sfdisk -q --activate --label-nested dos "$D1" 1 || sfdisk -q --activate "$D1" 1
boot_code "$D0"
mkfs.ext4 -q "${D0}1"
mkfs.ext4 -q "${D0}5"
mkfs.ext2 -q "${D0}6"
mkfs.ext4 -q "${D0}7"
mkfs.ext4 -q "${D1}1"
root "${D0}7"
at /boot "${D0}1"
at /srv "${D0}5"
at /var "${D1}1"
