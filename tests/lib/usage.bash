# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Loaded by bats files, after machine.bash: what a machine in use has in its sys and proc.

# of_class CLASS NAME ADDRESS [BETWEEN]: a node of sys/class, as a link to below its function.
of_class() {
	local dir

	dir=$(readlink "$ROOT/$DEVICES/$3")
	mkdir -p "$ROOT/sys/class/$1" "$ROOT/$DEVICES/$3${4:+/$4}/$1/$2"
	ln -s "../../${dir#../../../}${4:+/$4}/$1/$2" "$ROOT/sys/class/$1/$2"
}

# of_no_device CLASS NAME
of_no_device() {
	mkdir -p "$ROOT/sys/class/$1" "$ROOT/sys/devices/virtual/$1/$2"
	ln -s "../../devices/virtual/$1/$2" "$ROOT/sys/class/$1/$2"
}

# link_state INTERFACE STATE
link_state() {
	echo "$2" >"$ROOT/sys/class/net/$1/operstate"
}

# below INTERFACE LOWER...: what a stacked interface has under it.
below() {
	local upper=$1 lower

	shift
	for lower in "$@"; do
		ln -s "../../../net/$lower" "$ROOT/sys/class/net/$upper/lower_$lower"
	done
}

# default_route INTERFACE...
default_route() {
	local interface

	mkdir -p "$ROOT/proc/net"
	printf 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n' \
		>"$ROOT/proc/net/route"
	for interface in "$@"; do
		printf '%s\t00000000\t0202000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n' "$interface"
		printf '%s\t0002000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n' "$interface"
	done >>"$ROOT/proc/net/route"
}

# process PID NAME FILE...: with these files open.
process() {
	local pid=$1 name=$2 file number=0

	shift 2
	mkdir -p "$ROOT/proc/$pid/fd"
	echo "$name" >"$ROOT/proc/$pid/comm"
	for file in "$@"; do
		ln -s "$file" "$ROOT/proc/$pid/fd/$number"
		number=$((number + 1))
	done
}
