#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A sysfs that is not what it should be: the programs end, say what they could not do, and touch
# nothing but the devices of the claims.

setup() {
	load lib/machine.bash
	bats_require_minimum_version 1.5.0
	machine twin-gpus
	claims <<<$'[claim gpu]\nmatch = 10de:1c30'
	mkdir -p "$ROOT/proc/self"
	echo '22 1 0:21 / / rw - tmpfs tmpfs rw' >"$ROOT/proc/self/mountinfo"
	: >"$ROOT/proc/swaps"
}

teardown() {
	# Who changes the tree meanwhile.
	[ -z "${OTHER:-}" ] || kill "$OTHER" 2>/dev/null || :
	rm -rf "${MANY:-$BATS_TEST_TMPDIR/none}"
}

# every_program: none of them dies, hangs or says that all is well. Their answers are in $output.
every_program() {
	mkdir -p "$ROOT/sysroot/etc"
	"$HELPER" --root "$ROOT" >"$BATS_TEST_TMPDIR/out" 2>&1
	"$HELPER" --root "$ROOT" --late /sysroot >>"$BATS_TEST_TMPDIR/out" 2>&1
	every_command
}

# one_command COMMAND...: its answer goes to the others; it ends by itself, with a code of ours.
one_command() {
	local status=0

	timeout 60 "$TOOL" "$@" --root "$ROOT" >>"$BATS_TEST_TMPDIR/out" 2>&1 || status=$?
	[ "$status" -le 5 ] || { echo "$* ended with $status"; cat "$BATS_TEST_TMPDIR/out"; return 1; }
}

# every_command: the tool's part of that. It is also called where a failure ends nothing by itself.
every_command() {
	local command

	output=
	for command in list plan status "list --json" "plan --json" "status --json" "export nova" \
		"claim --dry-run --force 0000:01:00.0" "release --dry-run --force 0000:01:00.0"; do
		# shellcheck disable=SC2086 # a command and its option
		one_command $command --with-hardware || return 1
	done
	one_command snapshot --with-hardware --output "$BATS_TEST_TMPDIR/snapshot" || return 1
	one_command apply --dry-run || return 1
	if grep -aE 'Sanitizer|runtime error' "$BATS_TEST_TMPDIR/out"; then
		return 1
	fi
	output=$(tr -d '\0' <"$BATS_TEST_TMPDIR/out")
}

# device ADDRESS: its directory.
device() {
	echo "$ROOT/$DEVICES/0000:$1"
}

# claimed: the addresses that have vfio-pci in driver_override, in one line.
claimed() {
	overrides | sed 's/^0000://; s/ vfio-pci$//' | paste -sd ' '
}

@test "hostile: attributes that are not there" {
	rm "$(device 01:00.1)/driver_override" "$(device 02:00.0)/iommu_group" "$(device 02:00.1)/uevent"
	every_program
	[ "$(claimed)" = "01:00.0 02:00.0" ]
	record -e '.devices[] | select(.address == "0000:01:00.1") |
		.outcome == "failed" and (.reason | test("driver_override could not be written"))'
}

@test "hostile: attributes that are empty, or a directory" {
	: >"$(device 01:00.1)/uevent"
	: >"$(device 02:00.0)/driver_override"
	rm "$(device 02:00.1)/uevent"
	mkdir "$(device 02:00.1)/uevent"
	every_program
	[ "$(claimed | tr ' ' '\n' | grep -c :)" -eq 2 ]
	record -e '[.devices[].address] == ["0000:01:00.0", "0000:02:00.0"]'
}

@test "hostile: huge attributes" {
	{ cat "$(device 01:00.0)/uevent"; head -c 20000000 /dev/zero | tr '\0' x; } >"$BATS_TEST_TMPDIR/huge"
	cp "$BATS_TEST_TMPDIR/huge" "$(device 01:00.0)/uevent"
	for name in driver_override numa_node sriov_totalvfs reset_method; do
		cp "$BATS_TEST_TMPDIR/huge" "$(device 01:00.1)/$name"
	done
	every_program
	record -e '.peak_memory_kib < 200000'
	record -e '[.devices[].address] | index("0000:01:00.0") != null'
}

@test "hostile: numbers that are none" {
	printf 'DRIVER=%0300d\nPCI_CLASS=GGGG\nPCI_ID=10DE\nPCI_SUBSYS_ID=:\n' 1 >"$(device 01:00.1)/uevent"
	printf 'PCI_CLASS=30000\nPCI_ID=10DE:1C30\nPCI_SUBSYS_ID=123456789:1\nDRIVER=\nDRIVER' \
		>"$(device 02:00.0)/uevent"
	echo -99999999999999999999 >"$(device 01:00.0)/numa_node"
	echo 99999999999999999999 >"$(device 01:00.0)/sriov_totalvfs"
	every_program
	[[ $(claimed) == "01:00.0 02:00.0"* ]]
}

@test "hostile: attributes that cannot be read" {
	# A link to what is no file of sysfs: read(2) on it fails.
	ln -sf /proc/self/mem "$(device 01:00.1)/uevent"
	ln -sf /proc/self/mem "$(device 02:00.0)/driver_override"
	every_program
	record -e '.devices[] | select(.address == "0000:02:00.0") | .outcome == "failed"'
}

@test "hostile: links in a circle, and to nowhere" {
	ln -sfn ../devices/0000:01:00.0 "$ROOT/$DEVICES/0000:01:00.0"
	ln -sfn "$(printf '../%.0s' {1..400})nowhere" "$ROOT/$DEVICES/0000:01:00.1"
	ln -s loop "$ROOT/$DEVICES/0000:07:00.0"
	ln -sfn driver "$(device 02:00.0)/driver"
	ln -sfn iommu_group "$(device 02:00.0)/iommu_group"
	every_program
	record -e '[.devices[].address] | index("0000:02:00.0") != null'
}

@test "hostile: entries that are no addresses" {
	for name in 0000:00:00 00000:00:00.0.0 'new
line' 0000:00:20.0 0000:00:00.8 "$(printf 'a%.0s' {1..255})" 123456789:00:00.0 '$(reboot)'; do
		mkdir "$ROOT/$DEVICES/$name"
		cp "$ROOT/$DEVICES/0000:01:00.0/uevent" "$ROOT/$DEVICES/$name/uevent"
	done
	every_program
	record -e '[.devices[].address] | length == 4'
}

@test "hostile: domains of 32 bits" {
	for name in ffffffff:ff:1f.7 10000:e1:00.0 deadbeef:00:00.0; do
		mkdir "$ROOT/$DEVICES/$name"
		sed "s/PCI_SLOT_NAME=.*/PCI_SLOT_NAME=$name/" "$(device 01:00.0)/uevent" \
			>"$ROOT/$DEVICES/$name/uevent"
		echo '(null)' >"$ROOT/$DEVICES/$name/driver_override"
	done
	every_program
	[ "$(cat "$ROOT/$DEVICES/ffffffff:ff:1f.7/driver_override")" = vfio-pci ]
	[[ $output == *ffffffff:ff:1f.7* ]]
}

@test "hostile: devices that vanish while they are claimed" {
	local i

	for i in {1..8}; do
		(
			# Each time a little later.
			for _ in $(seq $((i * 80))); do :; done
			rm -rf "${ROOT:?}/$DEVICES/0000:02:00.0" "${ROOT:?}/$DEVICES/0000:02:00.1"
		) &
		"$HELPER" --root "$ROOT" 2>/dev/null
		wait
		record -e '.devices | length >= 2 and length <= 4'
		[ "$(attribute 0000:01:00.0 driver_override)" = vfio-pci ]
		machine twin-gpus
		claims <<<$'[claim gpu]\nmatch = 10de:1c30'
	done
}

@test "hostile: devices that vanish while the tool looks at them" {
	local pid card failed=no

	card=$BATS_TEST_TMPDIR/card
	mkdir "$card"
	cp -a "$(device 02:00.0)/" "$card/0000:02:00.0"
	"$HELPER" --root "$ROOT" 2>/dev/null
	(
		while :; do
			rm -rf "${ROOT:?}/$DEVICES/0000:02:00.0"
			cp -a "$card/0000:02:00.0" "$ROOT/$DEVICES/"
		done
	) 2>/dev/null &
	pid=$!
	for _ in 1 2 3; do
		: >"$BATS_TEST_TMPDIR/out"
		every_command && [[ $output == *0000:01:00.0* ]] || { failed=yes; break; }
	done
	# Nothing may end the test before.
	kill "$pid"
	wait "$pid" || :
	[ "$failed" = no ]
}

@test "hostile: an attribute that changes between two reads" {
	(
		while :; do
			for driver in nouveau vfio-pci snd_hda_intel; do
				ln -sfn "../../bus/pci/drivers/$driver" "$(device 01:00.0)/driver"
			done
			rm -f "$(device 01:00.0)/driver"
		done
	) 2>/dev/null &
	OTHER=$!
	for _ in {1..20}; do
		"$HELPER" --root "$ROOT" 2>/dev/null
		record -e '.devices[] | select(.address == "0000:01:00.0") |
			(.outcome == "claimed") == (.driver == .driver_wanted)'
	done
	: >"$BATS_TEST_TMPDIR/out"
	every_command
	for _ in {1..5}; do
		# It has one driver or none, and is ready with the wanted one alone.
		status_json=$("$TOOL" status --json --root "$ROOT" --with-hardware) || :
		jq -e '.devices[] | select(.address == "0000:01:00.0") |
			.ready == false or .driver == "vfio-pci"' <<<"$status_json"
	done
}

@test "hostile: what a device says of itself changes between two reads" {
	local card

	card=$(device 01:00.0)
	cp "$card/uevent" "$BATS_TEST_TMPDIR/uevent.old"
	cp "$(device 01:00.1)/uevent" "$BATS_TEST_TMPDIR/uevent.new"
	# Renamed, as an attribute of the kernel's is one or the other.
	(
		while :; do
			for which in old new; do
				cp "$BATS_TEST_TMPDIR/uevent.$which" "$card/.uevent"
				mv "$card/.uevent" "$card/uevent"
				echo 99 >"$card/numa_node"
				rm -f "$card/numa_node"
				: >"$card/driver_override"
				ln -sfn ../../../kernel/iommu_groups/7 "$card/iommu_group"
				ln -sfn nowhere "$card/iommu_group"
			done
		done
	) 2>/dev/null &
	OTHER=$!
	for _ in {1..20}; do
		"$HELPER" --root "$ROOT" 2>/dev/null
		# The other card is claimed each time, and this one is whole or not there.
		record -e '[.devices[].address] | index("0000:02:00.0") != null'
		record -e '[.devices[] | select(.address | test("^0000:0[12]:00") | not)] == []'
	done
	: >"$BATS_TEST_TMPDIR/out"
	every_command
	[[ $output == *0000:02:00.0* ]]
}

@test "hostile: block devices and networks that are in a circle, nowhere, or none" {
	local name blocks=$ROOT/sys/class/block nets=$ROOT/sys/class/net

	claims <<<$'[claim gpu]\nmatch = 10de:1c30\n[claim disk]\nmatch = class=01'
	append ip=dhcp
	mkdir -p "$blocks" "$nets" "$ROOT/sys/dev/block" "$ROOT"/sys/devices/virtual/block/dm-{0,1}/slaves
	for name in 0 1; do
		echo "253:$name" >"$ROOT/sys/devices/virtual/block/dm-$name/dev"
		ln -s "../../devices/virtual/block/dm-$name" "$blocks/dm-$name"
		ln -s "../../devices/virtual/block/dm-$name" "$ROOT/sys/dev/block/253:$name"
		ln -s "../../../../../class/block/dm-$((1 - name))" \
			"$ROOT/sys/devices/virtual/block/dm-$name/slaves/dm-$((1 - name))"
	done
	for name in "$blocks" "$nets"; do
		ln -s loop "$name/loop"
		ln -s "$(printf '../%.0s' {1..400})nowhere" "$name/nowhere"
		echo 1:1 >"$name/file"
		mkdir "$name/new
line" "$name/$(printf 'a%.0s' {1..255})" "$name/huge" "$name/empty"
		head -c 20000000 /dev/zero | tr '\0' 1 | tee "$name/huge/dev" >"$name/huge/partition"
		: >"$name/empty/dev"
		ln -s empty "$name/empty/device"
	done
	echo '999999999999:-1' >"$blocks/empty/dev"
	ln -s ../../class/block/loop "$ROOT/sys/dev/block/999999999999:-1"
	printf '%s / %s rw - ext4 /dev/mapper/x rw\n' '22 1 253:0' / '23 1 253:0' /sysroot \
		>"$ROOT/proc/self/mountinfo"
	mkdir -p "$ROOT/sysroot/etc"
	{ echo '/dev/loop /data ext4 defaults 0 0'; head -c 20000 /dev/urandom; } >"$ROOT/sysroot/etc/fstab"
	every_program
	# Whatever root is on is not known, so no storage is taken.
	[ "$(claimed)" = "01:00.0 01:00.1 02:00.0 02:00.1" ]
	record -e '[.late.devices[] | .outcome] == ["refused", "refused"]'
	record -e '.peak_memory_kib < 200000'
}

@test "hostile: 10,000 virtual functions" {
	# In memory where there is some: a disk takes a minute for so many files.
	ROOT=$BATS_TEST_TMPDIR/vfs
	[ ! -w /dev/shm ] || ROOT=$(mktemp -d -p /dev/shm vfio-claim-hostile-XXXXXX)
	MANY=$ROOT
	# Of 15 functions below a port 11 are VFs on average.
	"$TESTS/machines/make-many" 15500 "$ROOT"
	claims <<<$'[claim vfs]\nmatch = 15b3:101e'
	mkdir -p "$ROOT/proc/self"
	echo '22 1 0:21 / / rw - tmpfs tmpfs rw' >"$ROOT/proc/self/mountinfo"
	: >"$ROOT/proc/swaps"
	every_program
	record -e '[.devices[] | select(.class == "020000")] | length >= 10000'
	[ "$(stat -c %s "$ROOT/run/vfio-claim/boot.json")" -lt 20000000 ]
	"$TOOL" list --json --root "$ROOT" --with-hardware |
		jq -e '[.devices[] | select(.claim.name == "vfs")] | length >= 10000' >/dev/null
	run "$TOOL" status --json --root "$ROOT" --with-hardware
	[ "$status" -eq 1 ]
	jq -e '.devices | length >= 10000' <<<"$output"
	run "$TOOL" plan --root "$ROOT" --with-hardware
	[ "$status" -le 1 ]
	[ "$(grep -c 'vfs' <<<"$output")" -ge 1 ]
}
