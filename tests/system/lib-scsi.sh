# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# lib-scsi.sh - a SCSI target of the host's kernel (LIO) for a case: $wwpn

configfs=/sys/kernel/config
wwpn=naa.5001405000000001

# make_target IMAGE BYTES: a target of LIO with one file for a disk.
make_target()
{
	local store=$configfs/target/core/fileio_0/mote
	local group=$configfs/target/vhost/$wwpn/tpgt_1

	mountpoint -q "$configfs" || mount -t configfs none "$configfs"
	remove_target 2>/dev/null
	mkdir -p "$store"
	echo "fd_dev_name=$1,fd_dev_size=$2" >"$store/control"
	echo 1 >"$store/enable"
	mkdir -p "$group/lun/lun_0"
	echo naa.5001405000000002 >"$group/nexus"
	ln -s "$store" "$group/lun/lun_0/disk"
}

remove_target()
{
	local target=$configfs/target/vhost/$wwpn

	rm -f "$target/tpgt_1/lun/lun_0/disk"
	rmdir "$target/tpgt_1/lun/lun_0" "$target/tpgt_1" "$target" \
		"$configfs/target/core/fileio_0/mote" || true
}
