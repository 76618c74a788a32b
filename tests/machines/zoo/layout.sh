# shellcheck shell=sh
# Every kind of file system, each made in a way that no default gives.
# disks: 160M 600M
gpt "$D0" <<END
size=120M, type=linux, name=root
END
boot_code "$D0"
gpt "$D1" <<END
size=120M, type=linux, name=flash
size=80M, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, name=windows
size=40M, type=uefi, name=esp
size=64M, type=linux, name=old
size=96M, type=linux, name=ext4
size=64M, type=linux, name=big
END
mkfs.ext4 -q -L root "${D0}1"
mkfs.f2fs -q -f -l flash -O extra_attr,inode_checksum,sb_checksum,compression -s 2 -E mkv -e log "${D1}1"
mkntfs -q -F -Q -c 8192 -L 'Win dows' -p 2048 -H 255 -S 63 "${D1}2" 2>/dev/null
ntfslabel --new-serial=0123456789ABCDEF "${D1}2"
mkfs.fat -F 16 -f 1 -R 8 -r 256 -h 63 -M 0xf0 -n LBL -i 7A3C91E2 "${D1}3"
mkfs.ext2 -q -b 1024 -i 4096 -m 1 -g 4096 -E stride=4,stripe_width=16,resize=200000 -e panic -L old "${D1}4"
tune2fs -c 33 -i 77777s -u 7 -g 9 "${D1}4"
mkfs.ext4 -q -b 2048 -I 512 -J size=9 -G 32 -g 8192 -O casefold,quota,fast_commit -e remount-ro \
    -E hash_seed=11111111-2222-4333-8444-555555555555,encoding=utf8-12.1,encoding_flags=strict "${D1}5"
tune2fs -o journal_data_writeback,nobarrier,^acl -E mount_opts=data=journal,hash_alg=tea "${D1}5"
mkfs.ext4 -q -C 16384 -O bigalloc,sparse_super2,project -E num_backup_sb=1 "${D1}6"
root "${D0}1"
at /old "${D1}4"
printf "LABEL=flash /flash f2fs noauto 0 0\n" >>"$MACHINE/etc/fstab"
