# shellcheck shell=sh
# The four disks again, as an administrator's own script would do it with the distribution's tools: every id as it was,
# volume groups from their saved metadata ($SET/lvm), the file systems one after the other, nothing verified.
PV0=aaaaaa-1111-2222-3333-4444-5555-000001 PV1=aaaaaa-1111-2222-3333-4444-5555-000002
LUKS=0f6a3c1f-7d11-4f6e-9a59-5b7f3a0e0001

settled() {
    udevadm settle
}

tables() {
    number=0
    for disk in "$D0" "$D1"; do
        number=$((number + 1))
        sfdisk -q --wipe always --wipe-partitions always "$disk" <<END
label: gpt
label-id: 3D1C2B5E-6F0A-4A55-8F0E-0A4C7B9D1E0$number
start=2048, size=81920, type=uefi, name=ESP, uuid=3D1C2B5E-6F0A-4A55-8F0E-0A4C7B9D1E1$number
start=83968, size=262144, type=raid, name=boot, uuid=3D1C2B5E-6F0A-4A55-8F0E-0A4C7B9D1E2$number
start=346112, size=960512, type=raid, name=system, uuid=3D1C2B5E-6F0A-4A55-8F0E-0A4C7B9D1E3$number
END
    done
    sfdisk -q --wipe always --wipe-partitions always "$D2" <<END
label: gpt
label-id: 3D1C2B5E-6F0A-4A55-8F0E-0A4C7B9D1E03
start=2048, size=700000, type=linux, name=srv, uuid=3D1C2B5E-6F0A-4A55-8F0E-0A4C7B9D1E43
start=704512, size=300000, type=linux, name=data, uuid=3D1C2B5E-6F0A-4A55-8F0E-0A4C7B9D1E44
END
    sfdisk -q --wipe always --wipe-partitions always "$D3" <<END
label: gpt
label-id: 3D1C2B5E-6F0A-4A55-8F0E-0A4C7B9D1E04
start=2048, size=1000000, type=linux, name=safe, uuid=3D1C2B5E-6F0A-4A55-8F0E-0A4C7B9D1E45
END
}

arrays() {
    mdadm --quiet --create /dev/md200 --run --assume-clean --level=1 --metadata=1.0 --homehost=machine --name=boot \
        --uuid=11111111:22222222:33333333:44444441 --raid-devices=2 "${D0}2" "${D1}2"
    mdadm --quiet --create /dev/md201 --run --assume-clean --level=1 --metadata=1.2 --homehost=machine --name=system \
        --bitmap=internal --uuid=11111111:22222222:33333333:44444442 --raid-devices=2 "${D0}3" "${D1}3"
}

efi() {
    mkfs.fat -F 32 -n ESP -i 7A3C91E2 "${D0}1"
    mkfs.fat -F 32 -n ESP2 -i 7A3C91E3 "${D1}1"
}

encrypted() {
    printf pass | cryptsetup luksFormat -q --type luks2 --uuid "$LUKS" --pbkdf-memory 32 --pbkdf-parallel 1 \
        --pbkdf-force-iterations 4 "${D3}1" -
    printf pass | cryptsetup open --key-file - "${D3}1" "lifeboat-$LUKS"
}

groups() {
    pvcreate -q -y --uuid "$PV0" --restorefile "$SET/lvm/system.vgcfg" /dev/md201
    vgcfgrestore -q -y -f "$SET/lvm/system.vgcfg" system
    pvcreate -q -y --uuid "$PV1" --restorefile "$SET/lvm/safe.vgcfg" "/dev/mapper/lifeboat-$LUKS"
    vgcfgrestore -q -y -f "$SET/lvm/safe.vgcfg" safe
    vgchange -q -a y system safe
}

file_systems() {
    mkfs.ext4 -q -F -L boot -U 0f6a3c1f-7d11-4f6e-9a59-5b7f3a0e0010 -E hash_seed=0f6a3c1f-7d11-4f6e-9a59-5b7f3a0e0010 /dev/md200
    mkfs.ext4 -q -F -L root -U 0f6a3c1f-7d11-4f6e-9a59-5b7f3a0e0011 -E hash_seed=0f6a3c1f-7d11-4f6e-9a59-5b7f3a0e0011 /dev/system/root
    mkfs.ext4 -q -F -L var -U 0f6a3c1f-7d11-4f6e-9a59-5b7f3a0e0012 -E hash_seed=0f6a3c1f-7d11-4f6e-9a59-5b7f3a0e0012 /dev/system/var
    mkfs.ext4 -q -F -L log -U 0f6a3c1f-7d11-4f6e-9a59-5b7f3a0e0013 -E hash_seed=0f6a3c1f-7d11-4f6e-9a59-5b7f3a0e0013 /dev/system/log
    mkswap -q -L swap -U 0f6a3c1f-7d11-4f6e-9a59-5b7f3a0e0014 /dev/system/swap
    mkfs.xfs -q -f -L srv -m uuid=0f6a3c1f-7d11-4f6e-9a59-5b7f3a0e0015 "${D2}1"
    mkfs.ext4 -q -F -L data -U 0f6a3c1f-7d11-4f6e-9a59-5b7f3a0e0016 -E hash_seed=0f6a3c1f-7d11-4f6e-9a59-5b7f3a0e0016 "${D2}2"
    mkfs.ext4 -q -F -L vault -U 0f6a3c1f-7d11-4f6e-9a59-5b7f3a0e0017 -E hash_seed=0f6a3c1f-7d11-4f6e-9a59-5b7f3a0e0017 /dev/safe/vault
    mkfs.ext4 -q -F -L mail -U 0f6a3c1f-7d11-4f6e-9a59-5b7f3a0e0018 -E hash_seed=0f6a3c1f-7d11-4f6e-9a59-5b7f3a0e0018 /dev/safe/mail
}

again() {
    tables
    settled
    efi
    arrays
    encrypted
    groups
    settled
    file_systems
    settled
}
