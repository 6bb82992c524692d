# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154  # S, dir and generator are those of the caller
# A root disk that comes over the network (`disk: iscsi`), and network devices.
#
# The server is tgtd, which needs nothing of the kernel. It and QEMU are alone in a
# network namespace, where QEMU's own network (`-netdev user`) leads to it and nothing
# else does. Its file is a copy of the release's root disk.

# Not 10.0.2.2, QEMU's word for the host: tgtd tells the machine the address that it was
# called by, which would be 127.0.0.1.
ISCSI_SERVER=192.0.2.1
ISCSI_TARGET=iqn.2026-01.test.lab:root
ISCSI_INITIATOR=iqn.2026-01.test.lab:machine

# What the image of such a machine is made with.
NETWORK_PACKAGES=(open-iscsi dracut-network)
# The server, beside QEMU.
NETWORK_13_PACKAGES=(tgt iproute2)
NETWORK_12_PACKAGES=()
NETWORK_testing_PACKAGES=()

# ---- The packages, beside the tree

network_packages() {
	local -n more="NETWORK_$1_PACKAGES"

	printf '%s\n' "${NETWORK_PACKAGES[@]}" "${more[@]}"
}

# network_layer RELEASE: the directory that holds them, to lie over the tree.
network_layer() {
	local -a packages

	mapfile -t packages < <(network_packages "$1")
	layer_of network "$1" "${packages[@]}"
}

build_network_layer() {
	local -a packages

	mapfile -t packages < <(network_packages "$1")
	with_lock layers make_layer network "$1" "${packages[@]}"
}

# network_releases MACHINE...: those whose packages are needed; 13 for the server.
network_releases() {
	local machine
	local -A S
	local -a releases=()

	for machine; do
		load_machine "$machine"
		[ "${S[disk]}" != iscsi ] || releases+=(13 "${S[release]}")
	done
	[ ${#releases[@]} = 0 ] || printf '%s\n' "${releases[@]}" | sort -u
}

# lab_network_layers MACHINE...
lab_network_layers() {
	local release

	for release in $(network_releases "$@"); do
		build_network_layer "$release"
	done
}

# ---- The image (variant `network`); these have build_in_tree's variables

# The hook of open-iscsi asks for this file, which may be empty.
prepare_network_hook() {
	mkdir -p "$root/etc/iscsi"
	: >"$root/etc/iscsi/iscsi.initramfs"
}

# ---- The machine

# dracut 106 puts a file among the directories of iscsiadm's records, for iscsid of
# Fedora 34, on which iscsiadm 2.1.11 of Debian 13 gives up ("iSCSI database failure").
mend_records() { first_words lab-iscsi <<<'rm -f /var/lib/iscsi/nodes/.dracut'; }

# network_arguments: how its initramfs finds the disk. The NIC in slot 1 is the one.
network_arguments() {
	[ "${S[disk]}" = iscsi ] || return 0
	case ${S[generator]} in
	initramfs-tools)
		echo "ip=dhcp BOOTIF=01-52-54-00-00-00-01 iscsi_initiator=$ISCSI_INITIATOR" \
			"iscsi_target_name=$ISCSI_TARGET iscsi_target_ip=$ISCSI_SERVER" \
			"iscsi_target_port=3260 iscsi_target_group=1"
		;;
	*)
		echo "ifname=boot0:52:54:00:00:00:01 ip=boot0:dhcp rd.neednet=1" \
			"rd.iscsi.initiator=$ISCSI_INITIATOR rd.iscsi.testroute=0" \
			"netroot=iscsi:$ISCSI_SERVER::3260:1:$ISCSI_TARGET"
		;;
	esac
}

# add_networks: what the devices name with `netdev=NAME` and `subsys=NAME`. net1 leads to
# the server and has DHCP; net2 and so on are wires to nowhere.
add_networks() {
	local name

	for name in $(grep -o 'subsys=[a-z0-9]*' <<<"${S[device]-}" | sed 's/subsys=//'); do
		qemu+=(-device "nvme-subsys,id=$name")
	done
	for name in $(grep -o 'netdev=[a-z0-9]*' <<<"${S[device]-}" | sed 's/netdev=//'); do
		case $name in
		net1) qemu+=(-netdev "user,id=net1") ;;
		*) qemu+=(-netdev "hubport,id=$name,hubid=${name#net}") ;;
		esac
	done
}

# mount_server ROOT DIRECTORY: Debian 13 with QEMU and tgtd.
mount_server() {
	mount -t overlay overlay -o "lowerdir=$(network_layer 13):$(tree_of 13)" "$1"
}

# The first process of a namespace, which ends with QEMU, whatever else runs in it.
iscsi_server_script() {
	cat <<-END
		ip link set lo up
		ip address add $ISCSI_SERVER dev lo
		mkdir -p /run/tgtd
		tgtd -f --iscsi portal=$ISCSI_SERVER:3260 >/mnt/tgtd.log 2>&1 &
		n=0
		until tgtadm --lld iscsi --op new --mode target --tid 1 -T $ISCSI_TARGET 2>/dev/null; do
			n=\$((n + 1))
			[ \$n -lt 100 ]
			sleep 0.1
		done
		tgtadm --lld iscsi --op new --mode logicalunit --tid 1 --lun 1 -b /mnt/root.img
		tgtadm --lld iscsi --op bind --mode target --tid 1 -I ALL
		exec "\$@"
	END
}
