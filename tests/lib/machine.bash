# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Loaded by the bats files: programs, machine trees and what to look at afterwards.

TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
REPO=$(dirname "$TESTS")
BUILD=${VFIO_CLAIM_BUILD:-build}
case "$BUILD" in
/*) ;;
*) BUILD=$REPO/$BUILD ;;
esac
# shellcheck disable=SC2034 # used by the bats files
TOOL=$BUILD/vfio-claim
HELPER=$BUILD/vfio-claim-boot
DEVICES=sys/bus/pci/devices

with_sanitizer() {
	case "$BUILD" in
	*asan*) return 0 ;;
	esac
	return 1
}

# machine TABLE: makes its tree in $ROOT.
machine() {
	ROOT=${BATS_TEST_TMPDIR:-$(mktemp -d)}/tree
	rm -rf "$ROOT"
	"$TESTS/machines/make-tree" "$TESTS/machines/$1.txt" "$ROOT"
	# As if vfio_pci were loaded already: no module is loaded into a tree.
	mkdir -p "$ROOT/sys/bus/pci/drivers/vfio-pci"
	: >"$ROOT/sys/bus/pci/drivers/vfio-pci/bind"
	: >"$ROOT/sys/bus/pci/drivers/vfio-pci/unbind"
}

# claims < CONFIG: writes the configuration and puts its table into the tree.
claims() {
	cat >"$ROOT/etc/vfio-claim.conf"
	"$TOOL" image --root "$ROOT" --dest "$ROOT"
}

# append ARGUMENTS: adds to the tree's kernel command line.
append() {
	echo "$(cat "$ROOT/proc/cmdline") $*" >"$ROOT/proc/cmdline"
}

# attribute ADDRESS NAME: prints it.
attribute() {
	cat "$ROOT/$DEVICES/$1/$2"
}

# record FILTER...: what jq makes of boot.json.
record() {
	jq -r "$@" "$ROOT/run/vfio-claim/boot.json"
}

# Every file of the tree with its contents and every link with its target.
tree_state() {
	(cd "$ROOT" && find . -type f -exec cksum {} + && find . -type l -printf '%p -> %l\n') | sort
}

# Devices whose driver_override is set, one a line: ADDRESS DRIVER.
overrides() {
	local file value

	for file in "$ROOT/$DEVICES"/*/driver_override; do
		value=$(cat "$file")
		[ "$value" = "(null)" ] || echo "$(basename "$(dirname "$file")") $value"
	done
}

# plan_of CASE: the plan of machines/golden/TABLE.CASE.conf, with TABLE.CASE.cmdline if there.
plan_of() {
	local case=$TESTS/machines/golden/$1

	machine "${1%%.*}" && claims <"$case.conf" || return 1
	[ ! -e "$case.cmdline" ] || append "$(cat "$case.cmdline")"
	"$HELPER" --root "$ROOT" --dry-run 2>&1
}

# outlook_of CASE: what `vfio-claim plan` says of that case, and its status: with names of our own,
# and root on no device of the machine.
outlook_of() {
	local case=$TESTS/machines/golden/$1 status=0

	machine "${1%%.*}" || return 1
	cp "$case.conf" "$ROOT/etc/vfio-claim.conf"
	[ ! -e "$case.cmdline" ] || append "$(cat "$case.cmdline")"
	install -D -m 0644 "$TESTS/machines/pci.ids" "$ROOT/usr/share/misc/pci.ids"
	mkdir -p "$ROOT/proc/self"
	echo '22 1 0:21 / / rw - tmpfs tmpfs rw' >"$ROOT/proc/self/mountinfo"
	: >"$ROOT/proc/swaps"
	"$TOOL" plan --root "$ROOT" --with-hardware 2>&1 || status=$?
	echo "exit $status"
}
