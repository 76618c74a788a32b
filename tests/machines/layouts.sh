# shellcheck shell=sh
# What the layout scripts share. Each script makes a machine with direct tools on the blank disks $D0, $D1, ...
# and then says `root DEVICE`, `at /boot DEVICE` and so on, for what is mounted where; a real fstab comes of it.

# gpt DISK < lines of sfdisk: a GPT; dos DISK: an MBR
gpt() {
    { echo "label: gpt"; cat; } | sfdisk -q --wipe always "$1"
    udevadm settle
}

dos() {
    { echo "label: dos"; cat; } | sfdisk -q --wipe always "$1"
    udevadm settle
}

# boot_code DISK: something that looks like GRUB's in the first 440 bytes, the table behind it untouched
boot_code() {
    { printf '\353\143\220'; head -c 125 /dev/zero; printf 'GRUB Geom Hard Disk Read Error'; } |
        dd of="$1" bs=440 count=1 iflag=fullblock conv=notrunc,fsync status=none
    # udev has the kernel read the table again, for which the partitions go and come
    udevadm settle
}

# root DEVICE [OPTIONS]: the machine's root file system, with the few files that a capture asks a system for
root() {
    mkdir -p "$MACHINE"
    mount -o "${2:-defaults}" "$1" "$MACHINE"
    mkdir -p "$MACHINE/etc" "$MACHINE/boot/grub"
    echo machine.example.org >"$MACHINE/etc/hostname"
    echo 0123456789abcdef0123456789abcdef >"$MACHINE/etc/machine-id"
    echo 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"' >"$MACHINE/etc/os-release"
    ln -s /usr/share/zoneinfo/Etc/UTC "$MACHINE/etc/localtime"
    : >"$MACHINE/etc/fstab"
    fstab "$1" / "${2:-defaults}"
}

# at PLACE DEVICE [OPTIONS]: a further file system of the machine
at() {
    fstab "$2" "$1" "${3:-defaults}"
    mkdir -p "$MACHINE$1"
    mount -o "${3:-defaults}" "$2" "$MACHINE$1"
    if [ "$1" = /boot ]; then mkdir -p "$MACHINE/boot/grub"; fi
}

# swap DEVICE
swap() {
    fstab "$1" none sw
}

# luks TYPE DEVICE [OPTION...]: an encrypted volume (passphrase `pass`, key derivation as weak as can be)
luks() {
    type=$1 device=$2
    shift 2
    if [ "$type" = luks2 ]; then set -- --pbkdf-memory 32 --pbkdf-parallel 1 --pbkdf-force-iterations 4 "$@"
    else set -- --pbkdf-force-iterations 1000 "$@"; fi
    printf pass | cryptsetup luksFormat -q --type "$type" "$@" "$device" -
}

# unlock DEVICE NAME
unlock() {
    printf pass | cryptsetup open --key-file - "$1" "$2"
    udevadm settle
}

# crypttab NAME DEVICE KEYFILE OPTIONS: by UUID, after `root`
crypttab() {
    udevadm settle
    printf '%s UUID=%s %s %s\n' "$1" "$(blkid -p -s UUID -o value "$2")" "$3" "$4" >>"$MACHINE/etc/crypttab"
}

# fstab DEVICE PLACE OPTIONS: by UUID, as installers write it
fstab() {
    udevadm settle
    printf 'UUID=%s %s %s %s 0 0\n' "$(blkid -p -s UUID -o value "$1")" "$2" "$(blkid -p -s TYPE -o value "$1")" "$3" \
        >>"$MACHINE/etc/fstab"
}
