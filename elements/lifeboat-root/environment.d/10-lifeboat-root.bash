# Read by every hook, inside and outside the image. The builder sets DIB_RELEASE and the LIFEBOAT_* variables.
export DISTRO_NAME=debian
export DIB_INIT_SYSTEM=systemd
export DEBIAN_FRONTEND=noninteractive
# The kernel's post-install hooks must not make an initramfs: lifeboat-boot makes the only one, at the end.
export INITRD=No
