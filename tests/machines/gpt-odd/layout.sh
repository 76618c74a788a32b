# shellcheck shell=sh
# A GPT with 200 entries, an end before the end of the disk, names, attributes, numbers and starts that no default gives,
# and the boot flag on its protective MBR.
# disks: 128M
gpt "$D0" <<END
label-id: 3D1C2B5E-6F0A-4A55-8F0E-0A4C7B9D1E01
first-lba: 64
last-lba: 250000
table-length: 200
${D0}7: start=64, size=1984, type=21686148-6449-6E6F-744E-656564454649, name="BIOS boot"
${D0}3: start=2049, size=40961, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name="b\\x22oo\\x24t", attrs="LegacyBIOSBootable GUID:60,63"
${D0}150: start=45001, size=204999, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, name="Wurzel äöü ß 根", attrs="RequiredPartition"
END
sfdisk -q --activate --label-nested dos "$D0" 1 || sfdisk -q --activate "$D0" 1
boot_code "$D0"
mkfs.ext4 -q "${D0}3"
mkfs.ext4 -q "${D0}150"
root "${D0}150"
at /boot "${D0}3"
