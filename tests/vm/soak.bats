# SPDX-License-Identifier: GPL-2.0-or-later
# The soak's own judgement and its drawing of lots; no machine is run.

setup() {
	export VFIO_CLAIM_LAB=$BATS_TEST_TMPDIR/lab LAB_PRODUCT_KEY=0123456789abcdef
	lab=$BATS_TEST_DIRNAME/lab
	facts=$BATS_TEST_TMPDIR/facts
	layer=$VFIO_CLAIM_LAB/product/$LAB_PRODUCT_KEY
	mkdir -p "$VFIO_CLAIM_LAB/soak" "$facts" \
		"$layer"/usr/{sbin,lib/vfio-claim,lib/dracut,share/initramfs-tools/hooks}
	echo tool >"$layer/usr/sbin/vfio-claim"
	echo helper >"$layer/usr/lib/vfio-claim/vfio-claim-boot"
	echo hook >"$layer/usr/share/initramfs-tools/hooks/vfio-claim"
	printf 'function slot1.0\nfunction slot1.1\n' >"$facts/spec"
	echo booted=yes >"$facts/result"
	: >"$facts/kmsg"
	card vfio-pci 0 0
}

fail() {
	echo "$*" >&2
	return 1
}

# card DRIVER TOUCHED LATE-TOUCHED: of the audio function; the display is VFIO's.
card() {
	cat >"$facts/facts" <<-END
		0000:00:1f.2 id=8086:2922 class=010601 driver=ahci group=7 override=(null) touched=- late.driver=ahci late.touched=-
		0000:01:00.0 id=10de:1c30 class=030000 driver=vfio-pci group=8 override=vfio-pci touched=0 late.driver=vfio-pci late.touched=0
		0000:01:00.1 id=10de:10f1 class=040300 driver=$1 group=8 override=(null) touched=$2 late.driver=$1 late.touched=$3
	END
}

judged() {
	run "$lab" _call soak_judge "$facts"
	[ "$output" = "$1" ] || fail "not $1: $output"
}

# result NUMBER VERDICT [TOUCHED [SEED [PRODUCT]]]: a line as a boot leaves it.
result() {
	local key=${5-$("$lab" _call soak_key)}

	echo "seed=${4-7} boot=$1 product=$key machine=stock@13-initramfs-tools cpus=2" \
		"load=0:10 udev=- pause=- plug=second:root:1.0 claimed=yes touched=${3-0}/4" \
		"driver=vfio-pci verdict=$2 seconds=30" >>"$VFIO_CLAIM_LAB/soak/results"
}

@test "a card that VFIO has, and nobody touched" {
	judged "claimed=yes touched=0/2 driver=vfio-pci verdict=ok"
}

@test "touched, and a native driver has it" {
	card snd_hda_intel 80 80
	echo 'snd_hda_intel 0000:01:00.1: no codecs found!' >"$facts/kmsg"
	judged "claimed=no touched=1/2 driver=snd_hda_intel,vfio-pci verdict=touched,native-driver,not-claimed"
}

@test "touched first and claimed in the end" {
	card vfio-pci 2 2
	judged "claimed=yes touched=1/2 driver=vfio-pci verdict=touched"
}

@test "touched when the native drivers are loaded by name" {
	card vfio-pci 0 3
	judged "claimed=yes touched=1/2 driver=vfio-pci verdict=touched"
}

@test "accesses that nobody counted are not taken for none" {
	card vfio-pci - -
	judged "claimed=yes touched=1/2 driver=vfio-pci verdict=touched"
}

@test "nobody has it" {
	card - 0 0
	judged "claimed=no touched=0/2 driver=-,vfio-pci verdict=not-claimed"
}

@test "a function that the machine does not have" {
	sed -i '/01:00.1/d' "$facts/facts"
	judged "claimed=no touched=1/2 driver=vfio-pci verdict=touched,not-claimed"
}

@test "a machine that did not boot, touched or not" {
	echo booted=no >"$facts/result"
	rm "$facts/facts"
	echo '1.0 slot1.1 r 7 0x0 4 0x10f110de' >"$facts/accesses"
	judged "claimed=no touched=0/2 driver=- verdict=not-booted"
	echo '1.0 slot1.1 r 0 0x8 4 0x0' >>"$facts/accesses"
	judged "claimed=no touched=1/2 driver=- verdict=not-booted,touched"
	rm -r "$facts"
	judged "claimed=no touched=0/0 driver=- verdict=not-booted"
}

@test "the sum is good when every boot was, and none is missing" {
	result 1 ok
	result 2 ok
	run "$lab" _call soak_summary 7 2
	[ "$status" = 0 ]
	[[ $output == *"seed 7: 2 of 2 boots, 8 functions, 60 s; touched in 0, exceptions 0"* ]] ||
		fail "$output"
	run "$lab" _call soak_summary 7 3
	[ "$status" = 1 ]
}

@test "the sum names an exception, and where its facts are" {
	result 1 ok
	result 2 touched 1
	run "$lab" _call soak_summary 7 2
	[ "$status" = 1 ]
	[[ $output == *"touched in 1, exceptions 1"* ]] || fail "$output"
	[[ $output == *"kept in $VFIO_CLAIM_LAB/soak/exceptions/7-2"* ]] || fail "$output"
}

@test "a soak goes on where it stopped, with the same seed and vfio-claim" {
	result 1 ok
	result 2 ok 0 8
	result 3 ok 0 7 fedcba98
	result 4 touched 1
	run "$lab" _call soak_missing 7 5
	[ "$(paste -sd' ' <<<"$output")" = "2 3 5" ] || fail "$output"
}

@test "a soak goes on with another tool, and not with another helper or hook" {
	local key

	result 1 ok
	echo "another tool" >"$layer/usr/sbin/vfio-claim"
	run "$lab" _call soak_missing 7 1
	[ "$status" = 0 ]
	[ "$output" = "" ] || fail "$output"
	key=$("$lab" _call soak_key)
	[[ $key =~ ^[0-9a-f]{8}$ ]] || fail "$key"
	echo "another hook" >"$layer/usr/share/initramfs-tools/hooks/vfio-claim"
	[ "$("$lab" _call soak_key)" != "$key" ]
	echo hook >"$layer/usr/share/initramfs-tools/hooks/vfio-claim"
	[ "$("$lab" _call soak_key)" = "$key" ]
	echo "another helper" >"$layer/usr/lib/vfio-claim/vfio-claim-boot"
	run "$lab" _call soak_missing 7 1
	[ "$output" = 1 ] || fail "$output"
}

@test "a boot follows from seed and number, and every machine can be read" {
	local number seen=''

	for number in 1 2 3 4 5 6 7 8 9; do
		"$lab" _call soak_line 7 "$number" >>"$BATS_TEST_TMPDIR/once"
		"$lab" _call soak_line 7 "$number" >>"$BATS_TEST_TMPDIR/twice"
		"$lab" _call soak_line 8 "$number" >>"$BATS_TEST_TMPDIR/other"
		name=$("$lab" _call soak_machine 7 "$number")
		LAB_SCENARIOS=$VFIO_CLAIM_LAB/soak/scenarios "$lab" list "${name%@*}" >/dev/null
		seen+=" ${name#*@}"
	done
	cmp "$BATS_TEST_TMPDIR/once" "$BATS_TEST_TMPDIR/twice"
	run cmp -s <(sed 's/seed=. //' "$BATS_TEST_TMPDIR/once") \
		<(sed 's/seed=. //' "$BATS_TEST_TMPDIR/other")
	[ "$status" = 1 ]
	# Nine boots are nine ways to make an initramfs.
	[ "$(tr ' ' '\n' <<<"${seen# }" | sort -u | wc -l)" = 9 ] || fail "$seen"
}

@test "each boot of a coldplug seed has a card plugged in there" {
	local number name

	for number in 1 2 3 4 5 6 7 8 9; do
		run "$lab" _call soak_line 7-coldplug "$number"
		[[ $output == "seed=7-coldplug boot=$number "*" pause=coldplug:"*" plug="*":coldplug:"* ]] ||
			fail "$output"
		name=$("$lab" _call soak_machine 7-coldplug "$number")
		LAB_SCENARIOS=$VFIO_CLAIM_LAB/soak/scenarios "$lab" list "${name%@*}" >/dev/null
		grep -qE '^plug: [12] coldplug ' "$VFIO_CLAIM_LAB/soak/scenarios/${name%@*}"
	done
	result 1 ok 0 7-coldplug
	run "$lab" _call soak_missing 7-coldplug 2
	[ "$output" = 2 ] || fail "$output"
	run "$lab" _call soak_summary 7-coldplug 1
	[[ $status = 0 && $output == *"seed 7-coldplug: 1 of 1 boots"* ]] || fail "$output"
}

@test "a seed is a number, or one with -coldplug" {
	local seed

	for seed in 7 7-coldplug; do
		"$lab" _call soak_seed "$seed"
	done
	for seed in '' 0 x 7-x coldplug 7-coldplug-coldplug; do
		run "$lab" _call soak_seed "$seed"
		[[ $status != 0 && $output == *"is no number from 1 to 999999"* ]] || fail "$seed: $output"
	done
}
