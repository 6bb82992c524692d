#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# `vfio-claim apply` and `revert` on a made-up Debian (tests/targets/): the programs, the hooks and
# the GRUB snippet are ours, update-initramfs and grub-mkconfig are stand-ins.

# shellcheck disable=SC2154 # bats sets stderr

KERNELS=(6.1.0-28-amd64 6.1.0-30-amd64)

# A Debian with two kernels, whose images were made before there was a configuration.
setup_file() {
	load lib/machine.bash
	load lib/debian.bash
	[ "$(id -u)" -eq 0 ] || return 0
	make_debian "$BATS_FILE_TMPDIR/debian" "${KERNELS[@]}"
}

setup() {
	load lib/machine.bash
	bats_require_minimum_version 1.5.0
	[ "$(id -u)" -eq 0 ] || skip "chroot needs root"
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
	ROOT=$BATS_TEST_TMPDIR/tree
	cp -a "$BATS_FILE_TMPDIR/debian" "$ROOT"
	printf '[claim gpu]\nmatch = 10de:1c30\n' >"$ROOT/etc/vfio-claim.conf"
}

apply() {
	"$TOOL" apply --root "$ROOT" "$@"
}

revert() {
	"$TOOL" revert --root "$ROOT"
}

# inside COMMAND...: in the tree as its own system, with the /proc that sanitizers need.
inside() {
	unshare --mount-proc="$ROOT/proc" chroot "$ROOT" "$@"
}

# All that is in the tree but the stand-ins' own notes. A cpio archive has the numbers of inodes
# in it, so of images what is in them.
state() {
	local image

	(
		cd "$ROOT" || exit 1
		find . \( -path ./var/log -o -path ./tmp -o -path ./run/vfio-claim.lock \) -prune -o -printf '%p %y %m %l\n' | sort
		find . \( -path ./var/log -o -path ./tmp -o -path ./run/vfio-claim.lock \
			-o -name 'initrd*' \) -prune -o \
			-type f -print0 | sort -z | xargs -0 cksum
		for image in boot/initrd*; do
			cpio -t --quiet <"$image" 2>/dev/null || :
		done
	)
}

# What the stand-ins were told.
calls() {
	cat "$ROOT/var/log/stand-ins.log" 2>/dev/null
}

entries() {
	grep -E '^\s+linux' "$ROOT/boot/grub/grub.cfg"
}

# udev passes over every rd.* word outside an initramfs, so the rule has grep look.
@test "apply: its udev rule does nothing in a boot that is switched off" {
	local rule=$ROOT/etc/udev/rules.d/71-vfio-claim.rules command words

	apply >/dev/null 2>&1
	command=$(sed -nE \
		's|.*PROGRAM=="(/bin/grep .*) /proc/cmdline", GOTO="vfio_claim_end"$|\1|p' "$rule")
	[ -n "$command" ]
	read -ra command <<<"$command"
	for words in rd.vfio-claim=0 'quiet rd.vfio_claim=off' 'rd.vfio-claim=no ro' \
		'"rd.vfio-claim=0"' 'rd.vfio-claim=10de:1c30 rd.vfio-claim=0'; do
		run -0 "${command[@]}" <<<"$words"
	done
	for words in quiet rd.vfio-claim=1 rd.vfio-claim=0000:02:00.0 rd.vfio-claim=02:00.0 \
		rd.vfio-claim=00:1f.3,8086:2930 rd.vfio-claim.debug=0 vfio-claim=0; do
		run -1 "${command[@]}" <<<"$words"
	done
	# No process for other events, nor for a replay of what is there.
	[ "$(grep -oE '^(SUBSYSTEM|ACTION|ENV.SYNTH_UUID.|.*PROGRAM==./bin/grep)' "$rule" |
		head -n 4 | sed 's/.*PROGRAM.*/PROGRAM/' | paste -sd' ')" = \
		'SUBSYSTEM ACTION ENV{SYNTH_UUID} PROGRAM' ]
}

@test "apply: every image and every entry has the claims" {
	run -0 --separate-stderr apply
	[[ $output == *"wrote /etc/default/grub.d/90-vfio-claim.cfg"* ]]
	[[ $output == *"[1/3] initramfs of ${KERNELS[0]} ... ok"* ]]
	[[ $output == *"[2/3] initramfs of ${KERNELS[1]} ... ok"* ]]
	[[ $output == *"[3/3] boot loader (update-grub) ... ok"* ]]
	[[ $output == *"checked: 2 initramfs images"* ]]
	[ "$(calls | grep -c update-initramfs)" = 2 ]
	for kernel in "${KERNELS[@]}"; do
		run -0 cpio -t --quiet <"$ROOT/boot/initrd.img-$kernel"
		[[ $output == *etc/vfio-claim/claims* ]]
		[[ $output == *usr/lib/vfio-claim/vfio-claim-boot* ]]
	done
	# Behind what the cloud image's file assigns, and in normal entries only.
	[ "$(entries | grep -c 'console=ttyS0,115200 intel_iommu=on iommu=pt rd.driver.pre=vfio-pci vfio-pci.ids=10de:1c30')" = 2 ]
	[ "$(entries | grep -v intel_iommu | grep -c 'rd.vfio-claim=0')" = 2 ]
	grep -qx 'softdep nvidia pre: vfio-pci' "$ROOT/etc/modprobe.d/vfio-claim.conf"
}

@test "apply: the second run changes no byte and runs nothing" {
	apply
	state >"$BATS_TEST_TMPDIR/first"
	calls >"$BATS_TEST_TMPDIR/calls"
	run -0 apply
	[ "$output" = "nothing to do: all is as the configuration says" ]
	state | diff "$BATS_TEST_TMPDIR/first" -
	calls | diff "$BATS_TEST_TMPDIR/calls" -
}

# sealed KERNEL: as if it came as a unified kernel image only (kernel-uki-virt).
sealed() {
	rm -f "$ROOT"/boot/*"-$1" "$ROOT/lib/modules/$1/vmlinuz"
	: >"$ROOT/lib/modules/$1/vmlinuz-virt.efi"
}

@test "apply: a kernel that is only in an image built elsewhere has no claims, which is said" {
	local said="${KERNELS[0]} is here only in a unified kernel image that was built elsewhere (/lib/modules/${KERNELS[0]}/vmlinuz-virt.efi)"

	sealed "${KERNELS[0]}"
	run -0 --separate-stderr apply
	[[ $stderr == *"note: $said: the claims and the boot helper are not in it; "* ]]
	[[ $output == *"checked: 1 initramfs image "* ]]
	sealed "${KERNELS[1]}"
	for _ in 1 2; do
		run -1 --separate-stderr apply
		[[ $stderr == *"note: $said: the claims and the boot helper are not in it; "* ]]
		[[ $stderr == *"note: ${KERNELS[1]} is here only in "* ]]
		[[ $stderr == *"vfio-claim: no kernel here has the claims (see the notes)"* ]]
		[[ $stderr != *"no kernel here yet"* ]]
		[[ $output != *"nothing to do"* ]]
	done
	run -0 --separate-stderr revert
	[[ $stderr != *"built elsewhere"* ]]
	rm "$ROOT"/lib/modules/*/vmlinuz-virt.efi
	run -0 --separate-stderr apply
	[[ $stderr == *"no kernel here yet"* ]]
}

@test "apply: the same configuration gives the same bytes" {
	apply
	state >"$BATS_TEST_TMPDIR/first"
	rm -rf "$ROOT"
	cp -a "$BATS_FILE_TMPDIR/debian" "$ROOT"
	printf '[claim gpu]\nmatch = 10de:1c30\n' >"$ROOT/etc/vfio-claim.conf"
	apply
	state | diff "$BATS_TEST_TMPDIR/first" -
}

@test "apply: only what is stale is made anew" {
	apply
	: >"$ROOT/var/log/stand-ins.log"
	echo damaged >"$ROOT/boot/initrd.img-${KERNELS[1]}"
	run -0 apply
	[[ $output == *"[1/1] initramfs of ${KERNELS[1]} ... ok"* ]]
	[ "$(calls)" = "update-initramfs -u -k ${KERNELS[1]}" ]

	: >"$ROOT/var/log/stand-ins.log"
	printf '[claim gpu]\nmatch = 10de:1c30\nfunctions = matched\n' >"$ROOT/etc/vfio-claim.conf"
	apply
	[ "$(calls | grep -c update-initramfs)" = 2 ]
	# The arguments are what they were.
	run -1 grep mkconfig "$ROOT/var/log/stand-ins.log"

	: >"$ROOT/var/log/stand-ins.log"
	sed -i 's/ iommu=pt//' "$ROOT/boot/grub/grub.cfg"
	apply
	[[ $(calls) == grub-mkconfig* ]]
	[ "$(entries | grep -c ' iommu=pt ')" = 2 ]
}

@test "apply: what is left of a removed kernel gets no initramfs" {
	mkdir -p "$ROOT/usr/lib/modules/5.10.0-9-amd64"
	: >"$ROOT/usr/lib/modules/5.10.0-9-amd64/modules.dep"
	run -0 apply
	[[ $output == *"[2/3] initramfs of ${KERNELS[1]} ... ok"* ]]
	[ ! -e "$ROOT/boot/initrd.img-5.10.0-9-amd64" ]
	run -0 apply
	[ "$output" = "nothing to do: all is as the configuration says" ]
}

@test "apply: a kernel without an initramfs gets one" {
	rm "$ROOT/boot/initrd.img-${KERNELS[0]}"
	apply
	grep -qx "update-initramfs -c -k ${KERNELS[0]}" "$ROOT/var/log/stand-ins.log"
	[ -s "$ROOT/boot/initrd.img-${KERNELS[0]}" ]
}

@test "apply --dry-run: shows all and changes nothing" {
	state >"$BATS_TEST_TMPDIR/before"
	run -0 --separate-stderr apply --dry-run
	[[ $output == *"boot loader: grub.d (its grub-mkconfig reads /etc/default/grub.d)"* ]]
	[[ $output == *"+++ /etc/default/grub.d/90-vfio-claim.cfg"* ]]
	[[ $output == *"+softdep nvidia pre: vfio-pci"* ]]
	[[ $output == *"run: /usr/sbin/update-initramfs -u -k ${KERNELS[0]}"* ]]
	[[ $output == *"run: /usr/sbin/update-grub"* ]]
	state | diff "$BATS_TEST_TMPDIR/before" -
	[ -z "$(calls)" ]
}

@test "apply --dry-run: without diff the files are shown whole" {
	local bin=$BATS_TEST_TMPDIR/bin

	mkdir "$bin"
	printf 'GRUB_TIMEOUT=7' >"$ROOT/etc/default/grub.d/90-vfio-claim.cfg"
	run -0 --separate-stderr env PATH="$bin" "$TOOL" apply --root "$ROOT" --dry-run
	[[ $stderr == "note: there is no diff(1) here: files are shown whole; install the package diffutils"* ]]
	[ "$(grep -c 'diff(1)' <<<"$stderr")" = 1 ]
	[[ $output == *$'--- /dev/null\n+++ /etc/modprobe.d/vfio-claim.conf\n'*'+softdep nvidia pre: vfio-pci'* ]]
	[[ $output == *$'--- /etc/default/grub.d/90-vfio-claim.cfg\n+++ /etc/default/grub.d/90-vfio-claim.cfg\n-GRUB_TIMEOUT=7\n+'* ]]
	[[ $output == *"run: /usr/sbin/update-initramfs -u -k ${KERNELS[0]}"* ]]
}

@test "apply --dry-run --json: the same for programs" {
	run -2 --separate-stderr apply --json
	run -0 --separate-stderr apply --dry-run --json
	[ -z "$stderr" ]
	[ "$(jq -c '[.schema, .as_wanted, .loaders]' <<<"$output")" = '[1,false,["grub.d"]]' ]
	[ "$(jq -r '.files[0] | [.path, .action] | @tsv' <<<"$output")" = \
		"$(printf '/etc/modprobe.d/vfio-claim.conf\twrite')" ]
	[ "$(jq -c '.commands[0]' <<<"$output")" = \
		"[\"/usr/sbin/update-initramfs\",\"-u\",\"-k\",\"${KERNELS[0]}\"]" ]
	[ "$(jq -r '.commands[2][0]' <<<"$output")" = /usr/sbin/update-grub ]
	[ -z "$(calls)" ]
	apply
	run -0 --separate-stderr apply --dry-run --json
	jq -e '.as_wanted and (.files == []) and (.commands == [])' <<<"$output"
}

@test "apply --no-rebuild: files and boot entries only" {
	run -0 --separate-stderr apply --no-rebuild
	[[ $output == *"no initramfs was rebuilt"* ]]
	run -1 grep update-initramfs "$ROOT/var/log/stand-ins.log"
	[ "$(entries | grep -c intel_iommu=on)" = 2 ]
}

@test "revert: every byte as before" {
	state >"$BATS_TEST_TMPDIR/before"
	apply
	run -0 revert
	[[ $output == *"removed /etc/default/grub.d/90-vfio-claim.cfg"* ]]
	# What remembers that images are to ignore the configuration.
	[ "$(cat "$ROOT/var/lib/vfio-claim/state")" = "$(printf '%s\n' 'vfio-claim-state 1' \
		'reverted yes' 'directory var/lib/vfio-claim')" ]
	rm -r "$ROOT/var/lib/vfio-claim"
	state | diff "$BATS_TEST_TMPDIR/before" -
}

@test "revert: without a configuration not even that remains" {
	apply
	rm "$ROOT/etc/vfio-claim.conf"
	revert
	[ ! -e "$ROOT/var/lib/vfio-claim" ]
	run -0 revert
	[ "$output" = "nothing to do: all is as without us" ]
}

@test "revert: an image made later has no claims, until the next apply" {
	apply
	revert
	inside /usr/sbin/update-initramfs -u -k "${KERNELS[0]}"
	run cpio -t --quiet <"$ROOT/boot/initrd.img-${KERNELS[0]}"
	[[ $output != *vfio-claim* ]]
	apply
	run cpio -t --quiet <"$ROOT/boot/initrd.img-${KERNELS[0]}"
	[[ $output == *etc/vfio-claim/claims* ]]
}

@test "revert: others' later edits stay" {
	apply
	echo 'GRUB_TIMEOUT=9' >>"$ROOT/etc/default/grub"
	echo 'options kvm nested=1' >"$ROOT/etc/modprobe.d/kvm.conf"
	revert
	grep -qx 'GRUB_TIMEOUT=9' "$ROOT/etc/default/grub"
	[ -e "$ROOT/etc/modprobe.d/kvm.conf" ]
}

@test "apply: a tool that fails leaves the files as they were" {
	state >"$BATS_TEST_TMPDIR/before"
	: >"$ROOT/etc/test-fail"
	run -5 --separate-stderr apply
	[[ $output == *"[1/3] initramfs of ${KERNELS[0]} ... failed"* ]]
	[[ $stderr == *"/usr/sbin/update-initramfs -u -k ${KERNELS[0]}: ended with status 1"* ]]
	[[ $stderr == *"| No space left on device"* ]]
	[[ $stderr == *"the files are again as they were"* ]]
	[[ $stderr == *"run the same command again"* ]]
	rm "$ROOT/etc/test-fail"
	state | diff "$BATS_TEST_TMPDIR/before" -
	apply
}

@test "apply: a failing tool puts an earlier apply's files back" {
	local old

	apply
	state >"$BATS_TEST_TMPDIR/before"
	printf '[claim gpu]\nmatch = 10de:1c31\n[host]\nunsafe_interrupts = yes\n' \
		>"$ROOT/etc/vfio-claim.conf"
	: >"$ROOT/etc/test-fail"
	run -5 apply
	rm "$ROOT/etc/test-fail"
	printf '[claim gpu]\nmatch = 10de:1c30\n' >"$ROOT/etc/vfio-claim.conf"
	state | diff "$BATS_TEST_TMPDIR/before" -
	# A state that says no more than it did is the old file again, too: nothing was done.
	touch -d '-1 hour' "$ROOT/var/lib/vfio-claim/state"
	old=$(stat -c '%i %Y' "$ROOT/var/lib/vfio-claim/state")
	rm "$ROOT/boot/initrd.img-${KERNELS[0]}"
	: >"$ROOT/etc/test-fail"
	run -5 apply
	[ "$(stat -c '%i %Y' "$ROOT/var/lib/vfio-claim/state")" = "$old" ]
	rm "$ROOT/etc/test-fail"
	apply
	[ "$(stat -c '%i %Y' "$ROOT/var/lib/vfio-claim/state")" != "$old" ]
	[ -z "$(find "$ROOT" -name '*~')" ]
}

@test "apply: a file that cannot be written changes nothing" {
	rmdir "$ROOT/etc/modprobe.d"
	echo "not a directory" >"$ROOT/etc/modprobe.d"
	state >"$BATS_TEST_TMPDIR/before"
	run -5 --separate-stderr apply
	[[ $stderr == *"/etc/modprobe.d/vfio-claim.conf: Not a directory; nothing was changed"* ]]
	[ -z "$(calls)" ]
	state | diff "$BATS_TEST_TMPDIR/before" -
}

@test "apply: a full disk changes nothing" {
	mount -t tmpfs -o size=4k tmpfs "$ROOT/etc/udev/rules.d" || skip "no mounts here"
	head -c 4096 /dev/zero >"$ROOT/etc/udev/rules.d/full"
	run --separate-stderr apply
	umount "$ROOT/etc/udev/rules.d"
	[ "$status" = 5 ]
	[[ $stderr == *"/etc/udev/rules.d/71-vfio-claim.rules: No space left on device; nothing was changed"* ]]
	[ -z "$(ls -A "$ROOT/etc/modprobe.d")" ]
	[ ! -e "$ROOT/etc/default/grub.d/90-vfio-claim.cfg" ]
}

@test "apply: a rename that fails half-way, and a disk that fails" {
	local call

	state >"$BATS_TEST_TMPDIR/before"
	for call in renameat:error=EIO:when=3 fsync:error=EIO:when=2 write:error=ENOSPC:when=3; do
		run --separate-stderr strace -qq -o /dev/null -e "inject=$call" \
			"$TOOL" apply --root "$ROOT"
		echo "$call: $stderr"
		[ "$status" = 5 ]
		[[ $stderr == *"nothing was changed"* ]]
		state | diff "$BATS_TEST_TMPDIR/before" -
	done
	[ -z "$(calls)" ]
}

@test "apply: a link in a file's place is not followed" {
	echo kept >"$BATS_TEST_TMPDIR/elsewhere"
	ln -s "$BATS_TEST_TMPDIR/elsewhere" "$ROOT/etc/modprobe.d/vfio-claim.conf"
	run -5 --separate-stderr apply
	[[ $stderr == *"etc/modprobe.d/vfio-claim.conf: it is a symbolic link"* ]]
	[ "$(cat "$BATS_TEST_TMPDIR/elsewhere")" = kept ]
}

# --- The log of the tools' output ---

# until_true COMMAND...: waits for it to be true, at most a minute.
until_true() {
	local tries=0

	until "$@"; do
		[ "$((tries += 1))" -le 600 ]
		sleep 0.1
	done
}

@test "apply: each of two trees at the same time has its own log" {
	local other=$BATS_TEST_TMPDIR/other pid code=0

	cp -a "$ROOT" "$other"
	sed -i '1a echo the reason is here >&2; : >/started; while [ ! -e /go ]; do sleep 0.1; done; exit 3' \
		"$ROOT/usr/sbin/update-initramfs"
	apply >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/errors" &
	pid=$!
	until_true test -e "$ROOT/started"
	run -0 "$TOOL" apply --root "$other"
	run -0 "$TOOL" revert --root "$other"
	: >"$ROOT/go"
	wait "$pid" || code=$?
	cat "$BATS_TEST_TMPDIR/errors"
	[ "$code" -eq 5 ]
	grep -qF "its output is in $ROOT/var/log/vfio-claim.log" "$BATS_TEST_TMPDIR/errors"
	[ "$(grep '^  |' "$BATS_TEST_TMPDIR/errors")" = '  | the reason is here' ]
	[ "$(cat "$ROOT/var/log/vfio-claim.log")" = 'the reason is here' ]
	# A success leaves no log behind, neither its own nor that of the failure before.
	[ ! -e "$other/var/log/vfio-claim.log" ]
	sed -i 2d "$ROOT/usr/sbin/update-initramfs"
	run -0 apply
	[ ! -e "$ROOT/var/log/vfio-claim.log" ]
}

@test "apply: only root reads the log, whatever the umask, and revert has one too" {
	apply
	sed -i '1a echo of revert; exit 3' "$ROOT/usr/sbin/update-initramfs"
	umask 0
	run -5 revert
	[[ $output == *"  | of revert"* ]]
	[ "$(stat -c '%a %u:%g' "$ROOT/var/log/vfio-claim.log")" = '600 0:0' ]
	umask 0022
	rm "$ROOT/var/log/vfio-claim.log"
	sed -i 2d "$ROOT/usr/sbin/update-initramfs"
	sed -i '1a echo of grub; exit 3' "$ROOT/usr/sbin/update-grub"
	run -5 "$TOOL" revert --root "$ROOT" --no-rebuild
	[[ $output == *"  | of grub"* ]]
	[ "$(stat -c '%a %u:%g' "$ROOT/var/log/vfio-claim.log")" = '600 0:0' ]
}

@test "apply: a link in the log's place is not followed, be it there before or made by a tool" {
	local link=$ROOT/var/log/vfio-claim.log

	echo kept >"$ROOT/etc/victim"
	ln -s /etc/victim "$link"
	: >"$ROOT/etc/test-fail"
	run -5 apply
	[[ $output == *"  | No space left on device"* ]]
	[ ! -L "$link" ]
	[ "$(cat "$ROOT/etc/victim")" = kept ]
	rm "$ROOT/etc/test-fail"
	sed -i '1a rm -f /var/log/vfio-claim.log; busybox ln -s /etc/victim /var/log/vfio-claim.log' \
		"$ROOT/usr/sbin/update-initramfs"
	run -0 apply
	[ "$(cat "$ROOT/etc/victim")" = kept ]
	# What is not ours is not removed.
	[ -L "$link" ]
}

@test "apply: where no log can be kept the end of a tool's output is shown all the same" {
	: >"$ROOT/etc/test-fail"
	mkdir "$ROOT/var/log/vfio-claim.log"
	run -5 apply
	[[ $output == *"ended with status 1; its output ends with"$'\n'*"  | No space left on device"* ]]
	rmdir "$ROOT/var/log/vfio-claim.log"
	mv "$ROOT/var/log" "$ROOT/var/log.old"
	sed -i '/stand-ins.log/d' "$ROOT/usr/sbin/update-initramfs"
	run -5 apply
	[[ $output == *"ended with status 1; its output ends with"$'\n'*"  | No space left on device"* ]]
	[ ! -e "$ROOT/var/log" ]
}

# --- A tree from somebody else: its links and its state reach nothing of the builder's ---

# outside: a directory of the builder's, and what its state is.
outside() {
	OUTSIDE=$BATS_TEST_TMPDIR/outside
	mkdir -p "$OUTSIDE/empty"
	echo "# the builder's" | tee "$OUTSIDE/victim" >"$OUTSIDE/vfio-claim.conf"
	outside_state >"$BATS_TEST_TMPDIR/outside.before"
}

outside_state() {
	ls -A "$OUTSIDE" "$OUTSIDE/empty"
	cksum "$OUTSIDE"/v*
	stat -c '%n %a %i %h %Y' "$OUTSIDE" "$OUTSIDE"/*
}

outside_is_untouched() {
	outside_state | diff "$BATS_TEST_TMPDIR/outside.before" -
}

# without_openat2 COMMAND...: as an old kernel has it.
without_openat2() {
	strace -qq -o /dev/null -e trace=openat2 -e inject=openat2:error=ENOSYS "$@"
}

# links_stay_inside [COMMAND...]: what apply and revert run under.
links_stay_inside() {
	local link

	for link in "$OUTSIDE" "../../../../../../../../../../..$OUTSIDE"; do
		rm -rf "$ROOT/etc/modprobe.d" "${ROOT:?}$OUTSIDE"
		ln -s "$link" "$ROOT/etc/modprobe.d"
		# The tree has no such directory.
		run -5 --separate-stderr "$@" "$TOOL" apply --root "$ROOT"
		[[ $stderr == *"/etc/modprobe.d/vfio-claim.conf: No such file or directory; nothing was changed"* ]]
		outside_is_untouched
		[ -z "$(find "$ROOT" -name '*~')" ]
		# It has.
		mkdir -p "$ROOT$OUTSIDE"
		run -0 "$@" "$TOOL" apply --root "$ROOT"
		outside_is_untouched
		grep -qx 'softdep nvidia pre: vfio-pci' "$ROOT$OUTSIDE/vfio-claim.conf"
		run -0 "$@" "$TOOL" apply --root "$ROOT"
		[ "$output" = "nothing to do: all is as the configuration says" ]
		run -0 "$@" "$TOOL" revert --root "$ROOT"
		outside_is_untouched
		[ -z "$(ls -A "$ROOT$OUTSIDE")" ]
	done
}

@test "apply --root: a directory that is a link does not lead out of the tree" {
	outside
	links_stay_inside
}

@test "apply --root: the same where the kernel has no openat2" {
	outside
	without_openat2 true || skip "strace cannot trace here"
	links_stay_inside without_openat2
}

@test "apply --root: an openat2 that the builder's other work disturbed is tried again" {
	outside
	mkdir -p "$ROOT$OUTSIDE"
	rmdir "$ROOT/etc/modprobe.d"
	ln -s "../../../../../../../../../../..$OUTSIDE" "$ROOT/etc/modprobe.d"
	run -0 strace -qq -o /dev/null -e trace=openat2 -e inject=openat2:error=EAGAIN:when=1+2 \
		"$TOOL" apply --root "$ROOT"
	[ -e "$ROOT$OUTSIDE/vfio-claim.conf" ]
}

# The builder's file where the link of the tree leads is no image of the tree's.
@test "apply --root: what is outside of the tree is not taken for a file in it" {
	outside
	rm "$ROOT/boot/initrd.img-${KERNELS[0]}"
	ln -s "$OUTSIDE/victim" "$ROOT/boot/initrd.img-${KERNELS[0]}"
	mkdir -p "$ROOT/etc/kernel"
	ln -s "$OUTSIDE/victim" "$ROOT/etc/kernel/cmdline"
	run -0 --separate-stderr apply --dry-run
	[[ $output == *"run: /usr/sbin/update-initramfs -c -k ${KERNELS[0]}"* ]]
	[[ $output != *"boot loader: kernel-install"* ]]
}

# removes_inside [COMMAND...]: a state that names what is behind a link.
removes_inside() {
	mkdir -p "$ROOT$OUTSIDE/empty" "$ROOT/var/lib/vfio-claim"
	touch "$ROOT$OUTSIDE/victim"
	ln -sfn "$OUTSIDE" "$ROOT/etc/link"
	printf '%s\n' 'vfio-claim-state 1' 'file etc/link/victim' 'directory etc/link/empty' \
		>"$ROOT/var/lib/vfio-claim/state"
	run -0 "$@" "$TOOL" revert --root "$ROOT"
	[[ $output == *"removed /etc/link/victim"* ]]
	outside_is_untouched
	[ -z "$(ls -A "$ROOT$OUTSIDE")" ]
}

@test "revert --root: a state that names what is behind a link removes nothing outside" {
	outside
	removes_inside
	without_openat2 true || skip "strace cannot trace here"
	removes_inside without_openat2
}

@test "revert --root: a state with a path that leads out is not understood" {
	local line

	outside
	mkdir -p "$ROOT/var/lib/vfio-claim"
	for line in "file ../outside/victim" "file etc/../../outside/victim" "file $OUTSIDE/victim" \
		"directory ../outside/empty"; do
		printf '%s\n' 'vfio-claim-state 1' "$line" >"$ROOT/var/lib/vfio-claim/state"
		run -5 --separate-stderr revert
		[[ $stderr == *"/var/lib/vfio-claim/state:2: not understood"* ]]
		outside_is_untouched
	done
}

# started COMMAND...: runs it in the background until the first image is being made.
started() {
	echo 3 >"$ROOT/etc/test-wait"
	"$@" >"$BATS_TEST_TMPDIR/out" 2>&1 &
	PID=$!
	for _ in $(seq 100); do
		! grep -qs update-initramfs "$ROOT/var/log/stand-ins.log" || return 0
		sleep 0.1
	done
	return 1
}

@test "apply: interrupted, the files are put back" {
	state >"$BATS_TEST_TMPDIR/before"
	started "$TOOL" apply --root "$ROOT"
	kill -TERM "$PID"
	status=0
	wait "$PID" || status=$?
	[ "$status" = 5 ]
	grep -q "interrupted" "$BATS_TEST_TMPDIR/out"
	rm "$ROOT/etc/test-wait"
	[ ! -e "$ROOT/etc/default/grub.d/90-vfio-claim.cfg" ]
	[ -z "$(find "$ROOT" -name '*~')" ]
}

@test "apply: killed, the next run finishes the work" {
	started "$TOOL" apply --root "$ROOT"
	kill -KILL "$PID"
	wait "$PID" || :
	sleep 3.5
	rm "$ROOT/etc/test-wait"
	apply
	run -0 apply
	[ "$output" = "nothing to do: all is as the configuration says" ]
	[ "$(entries | grep -c intel_iommu=on)" = 2 ]
	[ -z "$(find "$ROOT" -name '*~')" ]
}

@test "apply: whose reader ends early is carried out all the same" {
	local codes

	"$TOOL" apply --root "$ROOT" 2>&1 | head -n 1 >/dev/null
	codes=("${PIPESTATUS[@]}")
	echo "${codes[0]}"
	[ "$(entries | grep -c intel_iommu=on)" = 2 ]
	run -0 apply
	[ "$output" = "nothing to do: all is as the configuration says" ]
}

@test "apply: interrupted together with its reader, the files are put back" {
	local tries=0

	state >"$BATS_TEST_TMPDIR/before"
	# As a terminal sends ^C: to all of the line.
	setsid --wait bash -c 'echo $$ >"$3"; "$1" apply --root "$2" 2>&1 | cat >/dev/null' - \
		"$TOOL" "$ROOT" "$BATS_TEST_TMPDIR/group" &
	echo 3 >"$ROOT/etc/test-wait"
	until grep -qs update-initramfs "$ROOT/var/log/stand-ins.log"; do
		[ "$((tries += 1))" -le 100 ]
		sleep 0.1
	done
	kill -TERM -- "-$(cat "$BATS_TEST_TMPDIR/group")"
	wait || true
	until flock -n "$ROOT" true; do sleep 0.1; done
	rm "$ROOT/etc/test-wait"
	state | diff "$BATS_TEST_TMPDIR/before" -
}

@test "apply: under nohup a hang-up does not interrupt it" {
	started nohup "$TOOL" apply --root "$ROOT"
	kill -HUP "$PID"
	wait "$PID"
	[ "$(entries | grep -c intel_iommu=on)" = 2 ]
}

@test "apply: interrupted in its last step, what is done is done" {
	rm "$ROOT/usr/sbin/update-grub"
	cat >"$ROOT/usr/sbin/update-grub" <<-'END'
		#!/bin/sh
		: >/started
		sleep 2
		grub-mkconfig -o /boot/grub/grub.cfg
	END
	chmod +x "$ROOT/usr/sbin/update-grub"
	"$TOOL" apply --root "$ROOT" &
	PID=$!
	until_true test -e "$ROOT/started"
	kill -TERM "$PID"
	wait "$PID"
	rm "$ROOT/started"
	[ "$(entries | grep -c intel_iommu=on)" = 2 ]
	run -0 apply
	[ "$output" = "nothing to do: all is as the configuration says" ]
}

# --- What is taken back of a run that did not come to its end ---

# systemd_boot: in place of GRUB, with an entry for each kernel.
systemd_boot() {
	local kernel

	rm -r "$ROOT/boot/grub" "$ROOT/usr/sbin/update-grub" "$ROOT/usr/sbin/grub-mkconfig" \
		"$ROOT/etc/default" "$ROOT/etc/grub.d"
	mkdir -p "$ROOT/efi/loader/entries" "$ROOT/etc/kernel"
	echo 0123456789abcdef0123456789abcdef >"$ROOT/etc/machine-id"
	cp "$TESTS/targets/stand-ins/kernel-install" "$ROOT/usr/bin/kernel-install"
	echo 'root=UUID=bb ro quiet' >"$ROOT/etc/kernel/cmdline"
	for kernel in "${KERNELS[@]}"; do
		inside /usr/bin/kernel-install add "$kernel" "/boot/vmlinuz-$kernel"
	done
	cat "$ROOT"/efi/loader/entries/* >"$BATS_TEST_TMPDIR/entries"
}

# entries_are_old: no entry has anything of ours, and the file that they are made from neither.
entries_are_old() {
	cat "$ROOT"/efi/loader/entries/* | diff "$BATS_TEST_TMPDIR/entries" -
	[ "$(cat "$ROOT/etc/kernel/cmdline")" = 'root=UUID=bb ro quiet' ]
}

# kernel_install_fails KERNEL
kernel_install_fails() {
	sed -i "2i [ \"\$2\" != $1 ] || { echo 'No space left on device' >&2; exit 1; }" \
		"$ROOT/usr/bin/kernel-install"
}

@test "revert: takes the arguments from the entries that a failed apply had told" {
	systemd_boot
	cp "$ROOT/usr/bin/kernel-install" "$BATS_TEST_TMPDIR/kernel-install"
	kernel_install_fails "${KERNELS[1]}"
	run -5 apply
	[[ $output == *"the files are again as they were"* ]]
	[[ $output == *"boot entries may have changed already; 'vfio-claim revert' knows of them"* ]]
	[ "$(cat "$ROOT/etc/kernel/cmdline")" = 'root=UUID=bb ro quiet' ]
	grep -q rd.driver.pre=vfio-pci "$ROOT/efi/loader/entries/"*"${KERNELS[0]}.conf"
	cp "$BATS_TEST_TMPDIR/kernel-install" "$ROOT/usr/bin/kernel-install"
	run -0 revert
	entries_are_old
	run -0 revert
	[ "$output" = "nothing to do: all is as without us" ]
	# The same command once more ends the work, too.
	kernel_install_fails "${KERNELS[1]}"
	run -5 apply
	cp "$BATS_TEST_TMPDIR/kernel-install" "$ROOT/usr/bin/kernel-install"
	run -0 apply
	[ "$(grep -l rd.driver.pre=vfio-pci "$ROOT"/efi/loader/entries/* | wc -l)" -eq 2 ]
	run -0 revert
	entries_are_old
}

# booted_with LINE COMMAND...: in the tree as its own system, whose kernel has that command line.
booted_with() {
	echo "$1" >"$BATS_TEST_TMPDIR/cmdline"
	unshare --mount --mount-proc="$ROOT/proc" sh -euc \
		'mount --bind "$1" "$0/proc/cmdline"; shift; exec chroot "$0" "$@"' \
		"$ROOT" "$BATS_TEST_TMPDIR/cmdline" "${@:2}"
}

# apply_that_made_the_file: systemd-boot without /etc/kernel/cmdline, which apply made and took back
# when it failed behind the first entry. LINE is what the kernel has after a boot of that.
apply_that_made_the_file() {
	systemd_boot
	rm "$ROOT/etc/kernel/cmdline"
	cp "$ROOT/usr/bin/kernel-install" "$BATS_TEST_TMPDIR/kernel-install"
	kernel_install_fails "${KERNELS[1]}"
	run -5 booted_with 'initrd=\x root=UUID=bb ro quiet' vfio-claim apply
	cp "$BATS_TEST_TMPDIR/kernel-install" "$ROOT/usr/bin/kernel-install"
	[ ! -e "$ROOT/etc/kernel/cmdline" ]
	LINE=$(sed -n 's/^options *//p' "$ROOT/efi/loader/entries/"*"${KERNELS[0]}.conf")
	[[ $LINE == *rd.driver.pre=vfio-pci* ]]
}

@test "revert: what /proc/cmdline has of a failed apply does not come back" {
	apply_that_made_the_file
	run -0 booted_with "$LINE" vfio-claim revert
	run ! grep -E 'vfio|iommu' "$ROOT"/efi/loader/entries/*
	[ "$(grep -l 'root=UUID=bb ro quiet' "$ROOT"/efi/loader/entries/* | wc -l)" -eq 2 ]
	[ ! -e "$ROOT/etc/kernel/cmdline" ]
	run -0 booted_with "$LINE" vfio-claim revert
	[ "$output" = "nothing to do: all is as without us" ]
}

@test "apply: what /proc/cmdline has of a failed one is not taken for others'" {
	apply_that_made_the_file
	run -0 booted_with "$LINE" vfio-claim apply
	grep -q 'replaced (created) root=UUID=bb ro quiet$' "$ROOT/var/lib/vfio-claim/state"
	run -0 booted_with "$LINE" vfio-claim revert
	run ! grep -E 'vfio|iommu' "$ROOT"/efi/loader/entries/*
	[ ! -e "$ROOT/etc/kernel/cmdline" ]
}

@test "apply: nothing to give, and what /proc/cmdline has of a failed one goes" {
	apply_that_made_the_file
	: >"$ROOT/etc/vfio-claim.conf"
	run booted_with "$LINE" vfio-claim apply
	run ! grep -E 'vfio|iommu' "$ROOT"/efi/loader/entries/*
}

@test "revert: one that was killed is not forgotten by an apply that fails" {
	systemd_boot
	apply
	cp "$ROOT/usr/bin/kernel-install" "$BATS_TEST_TMPDIR/kernel-install"
	sed -i "2i [ \"\$2\" != ${KERNELS[1]} ] || { : >/started; sleep 2; exit 1; }" \
		"$ROOT/usr/bin/kernel-install"
	"$TOOL" revert --root "$ROOT" &
	PID=$!
	until_true test -e "$ROOT/started"
	kill -KILL "$PID"
	wait "$PID" || true
	sleep 2
	# Images that are made now are without claims.
	run -1 "$TOOL" image --wanted --root "$ROOT"
	cp "$BATS_TEST_TMPDIR/kernel-install" "$ROOT/usr/bin/kernel-install"
	kernel_install_fails "${KERNELS[0]}"
	run -5 apply
	cp "$BATS_TEST_TMPDIR/kernel-install" "$ROOT/usr/bin/kernel-install"
	run -0 revert
	entries_are_old
}

@test "revert: leaves nothing of an apply that was killed at any rename" {
	local number

	state | grep -v var/lib/vfio-claim >"$BATS_TEST_TMPDIR/before"
	for number in 1 2 3 4 5 6 7 8; do
		run strace -qq -o /dev/null -e "inject=renameat:signal=KILL:when=$number" \
			"$TOOL" apply --root "$ROOT"
		run -0 revert
		[ -z "$(find "$ROOT/etc" "$ROOT/var" -name '*~')" ]
		state | grep -v var/lib/vfio-claim | diff "$BATS_TEST_TMPDIR/before" -
	done
}

@test "apply: one at a time" {
	started "$TOOL" apply --root "$ROOT"
	run -5 --separate-stderr revert
	[[ $stderr == *"another vfio-claim is at work here"* ]]
	wait "$PID"
	rm "$ROOT/etc/test-wait"
	revert
}

@test "apply: on a host, only root can hold it up, and who does is said" {
	local lock=$ROOT/run/vfio-claim.lock

	chmod 755 "$BATS_TEST_TMPDIR" "$ROOT"
	# As anybody can.
	exec 8<"$ROOT"
	flock 8
	run -0 inside vfio-claim apply
	exec 8<&-
	[ "$(stat -c '%a %u' "$lock")" = "600 0" ]
	run ! setpriv --reuid 65534 --regid 65534 --clear-groups flock -n "$lock" true
	(
		flock 8
		run -5 --separate-stderr inside vfio-claim revert
		[[ $stderr == *"another vfio-claim is at work here, pid "[0-9]*"; try again"* ]]
	) 8<>"$lock"
}

# with_run COMMAND...: as PID 1 of its own, with a /run in the tree that is a mount.
with_run() {
	unshare --mount --pid --fork --mount-proc="$ROOT/proc" sh -c 'mount -t tmpfs tmpfs "$0/run" &&
		: >"$0/run/vfio-claim.lock" && exec "$@"' "$ROOT" "$@"
}

@test "apply: on a running system --root / waits for no other lock than the host's" {
	with_run sh -c 'exec 8>"$0/run/vfio-claim.lock" && flock 8 && exec chroot "$0" /bin/sh -ec "$1"' \
		"$ROOT" '
		! vfio-claim apply --root /
		exec 8>&-
		vfio-claim apply --root /' >"$BATS_TEST_TMPDIR/out" 2>&1
	grep -q 'another vfio-claim is at work here; try again' "$BATS_TEST_TMPDIR/out"
	[ "$(entries | grep -c intel_iommu=on)" = 2 ]
	# What is built at / has its directory locked, and no file left.
	revert
	run -0 inside /usr/sbin/vfio-claim apply --root /
	[ ! -e "$ROOT/run/vfio-claim.lock" ]
}

@test "apply: a chroot that has the builder's /run is a tree of its own" {
	with_run flock "$ROOT/run/vfio-claim.lock" sh -c 'chroot "$0" vfio-claim apply --root /' "$ROOT"
	[ "$(entries | grep -c intel_iommu=on)" = 2 ]
	# Who works on it from outside keeps it out.
	exec 8<"$ROOT"
	flock 8
	run -5 with_run sh -c 'chroot "$0" vfio-claim revert --root /' "$ROOT"
	[[ $output == *"another vfio-claim is at work here"* ]]
	exec 8<&-
	run -0 with_run sh -c 'chroot "$0" vfio-claim revert --root /' "$ROOT"
}

# A container that sees the devices of its host.
container() {
	: >"$ROOT/run/.containerenv"
	"$TESTS/machines/make-tree" "$TESTS/machines/twin-gpus.txt" "$BATS_TEST_TMPDIR/machine"
	cp -a "$BATS_TEST_TMPDIR/machine/sys" "$ROOT"
	state >"$BATS_TEST_TMPDIR/before"
}

@test "apply: in a container it changes nothing and is content" {
	container
	run -0 inside /usr/sbin/vfio-claim apply
	[[ $output == *"this is a container"*"to build an image in a container, say --root /"* ]]
	run -0 inside /usr/sbin/vfio-claim revert
	state | diff "$BATS_TEST_TMPDIR/before" -
	# Building an image in it is another thing.
	run -0 inside /usr/sbin/vfio-claim apply --root /
	[ "$(entries | grep -c intel_iommu=on)" = 2 ]
}

@test "apply: in a container --json is the object that the manual promises" {
	local command
	local note="this is a container (podman): its host boots without us, nothing is changed"

	container
	for command in apply revert; do
		run -0 --separate-stderr inside /usr/sbin/vfio-claim "$command" --dry-run --json
		[ "$(jq -c . <<<"$output")" = '{"schema":1,"as_wanted":true,"loaders":[],"files":[],"commands":[],"notes":["'"$note"'"]}' ]
	done
	for command in claim release; do
		run -0 --separate-stderr inside /usr/sbin/vfio-claim "$command" --json 01:00.0
		[ "$(jq -c . <<<"$output")" = '{"schema":1,"as_wanted":true,"refused":false,"devices":[],"refusals":[],"notes":["'"$note"'"]}' ]
	done
	run -0 --separate-stderr inside /usr/sbin/vfio-claim status --json
	jq -e '.state == "container" and .ready and .kernel == "'"$(uname -r)"'"' <<<"$output"
	state | diff "$BATS_TEST_TMPDIR/before" -
}

@test "claim, release: a container is one under the name / too" {
	local command

	container
	for command in claim release; do
		run -0 --separate-stderr inside /usr/sbin/vfio-claim "$command" --root / --with-hardware 01:00.0
		[ "$output" = "this is a container (podman): its host boots without us, nothing is changed" ]
		[ -z "$stderr" ]
	done
	state | diff "$BATS_TEST_TMPDIR/before" -
}

@test "apply: an invalid configuration stops it; update-grub keeps the last arguments" {
	apply
	state >"$BATS_TEST_TMPDIR/before"
	cp "$ROOT/etc/vfio-claim.conf" "$BATS_TEST_TMPDIR/good"
	echo 'match = nonsense' >>"$ROOT/etc/vfio-claim.conf"
	run -3 --separate-stderr apply
	[[ $stderr == *"/etc/vfio-claim.conf:3: error: "* ]]
	run -0 --separate-stderr inside /usr/sbin/update-grub
	[[ $stderr == *"/etc/vfio-claim.conf:3: error: "* ]]
	cp "$BATS_TEST_TMPDIR/good" "$ROOT/etc/vfio-claim.conf"
	state | diff "$BATS_TEST_TMPDIR/before" -
}

@test "apply: without a configuration it says what to write" {
	rm "$ROOT/etc/vfio-claim.conf"
	run -1 --separate-stderr apply
	[[ $stderr == *"there is no configuration: write /etc/vfio-claim.conf"* ]]
	[ -z "$(calls)" ]
}

@test "apply --loader: the one that is asked for" {
	run -2 --separate-stderr apply --loader lilo
	[[ $stderr == *"it is one of: grub.d grub-default grubby kernel-install"* ]]
	apply
	echo "root=UUID=ee ro quiet" >"$ROOT/etc/kernel/cmdline" 2>/dev/null ||
		{ mkdir -p "$ROOT/etc/kernel" && echo "root=UUID=ee ro quiet" >"$ROOT/etc/kernel/cmdline"; }
	apply --loader kernel-install
	grep -q '^root=UUID=ee ro quiet intel_iommu=on' "$ROOT/etc/kernel/cmdline"
	[ ! -e "$ROOT/etc/default/grub.d/90-vfio-claim.cfg" ]
	[ "$(entries | grep -c intel_iommu=on)" = 0 ]
	revert
	[ "$(cat "$ROOT/etc/kernel/cmdline")" = "root=UUID=ee ro quiet" ]
}

@test "apply --loader: a choice that failed is none" {
	apply
	mkdir -p "$ROOT/etc/kernel"
	echo "root=UUID=ee ro quiet" >"$ROOT/etc/kernel/cmdline"
	mv "$ROOT/usr/sbin/grub-mkconfig" "$BATS_TEST_TMPDIR/"
	printf '#!/bin/sh\n# default/grub.d\nexit 1\n' >"$ROOT/usr/sbin/grub-mkconfig"
	chmod 0755 "$ROOT/usr/sbin/grub-mkconfig"
	run -5 apply --loader kernel-install
	run ! grep ^chosen "$ROOT/var/lib/vfio-claim/state"
	cp "$BATS_TEST_TMPDIR/grub-mkconfig" "$ROOT/usr/sbin/"
	apply
	run ! grep ^chosen "$ROOT/var/lib/vfio-claim/state"
	[ "$(entries | grep -c intel_iommu=on)" = 2 ]
	# One that worked before stays.
	apply --loader kernel-install
	grep -qx 'chosen kernel-install' "$ROOT/var/lib/vfio-claim/state"
	printf '#!/bin/sh\n# default/grub.d\nexit 1\n' >"$ROOT/usr/sbin/grub-mkconfig"
	run -5 apply --loader auto
	grep -qx 'chosen kernel-install' "$ROOT/var/lib/vfio-claim/state"
	cp "$BATS_TEST_TMPDIR/grub-mkconfig" "$ROOT/usr/sbin/"
	apply
	grep -q intel_iommu=on "$ROOT/etc/kernel/cmdline"
	[ "$(entries | grep -c intel_iommu=on)" = 0 ]
}

@test "apply: a tree of another architecture gets files and a list of what is left" {
	local before

	# e_machine of an ELF file: EM_AARCH64
	for program in vfio-claim ../bin/busybox; do
		printf '\xb7' | dd of="$ROOT/usr/sbin/$program" bs=1 seek=18 conv=notrunc status=none
	done
	run -0 --separate-stderr apply
	[[ $output == *"its tools are not run; left to do in it:"* ]]
	[[ $output == *"/usr/sbin/update-initramfs -u -k ${KERNELS[0]}"* ]]
	[ -e "$ROOT/etc/default/grub.d/90-vfio-claim.cfg" ]
	[ -z "$(calls)" ]
	grep -qx 'argument iommu.passthrough=1' "$ROOT/var/lib/vfio-claim/state"
	# All that is ours to do is done: not even a file's time is another one.
	touch -d '-1 hour' "$ROOT/var/lib/vfio-claim/state"
	before=$(cd "$ROOT" && find . -type f -printf '%p %i %T@\n' | sort)
	run -0 --separate-stderr apply
	[[ $output == *"left to do in it:"* ]]
	[ "$(cd "$ROOT" && find . -type f -printf '%p %i %T@\n' | sort)" = "$before" ]
}

# --- What nothing here does: it is said, and not called done ---

@test "apply: without dracut and initramfs-tools it says so, and no image is called checked" {
	rm "$ROOT/usr/sbin/update-initramfs"
	run -0 apply --dry-run --json
	[ "$(jq .as_wanted <<<"$output")" = false ]
	jq -e '.notes | any(contains("neither dracut nor initramfs-tools"))' <<<"$output"
	run -1 --separate-stderr apply
	[[ $stderr == *"neither dracut nor initramfs-tools is here: nothing puts the claims into an initramfs; install one"* ]]
	[[ $output == *"checked: the boot entries have the arguments"* ]]
	[[ $output != *"initramfs image"* ]]
	run -1 --separate-stderr apply
	[[ $stderr == *"neither dracut"* ]]
	[ "$output" = "no file, image or boot entry is to be changed" ]
	[ "$(apply --dry-run --json | jq .as_wanted)" = false ]
	# Nothing is claimed, nothing is missing.
	: >"$ROOT/etc/vfio-claim.conf"
	run -0 --separate-stderr apply
	[[ $stderr == "note: neither dracut"* ]]
}

# without_loader: as on a board that U-Boot or extlinux starts.
without_loader() {
	rm -r "$ROOT/usr/sbin/grub-mkconfig" "$ROOT/usr/sbin/update-grub" \
		"$ROOT/usr/bin/kernel-install" "$ROOT/boot/grub"
}

@test "apply: without a boot loader that it knows, it says which arguments to give by hand" {
	without_loader
	printf '[host]\nextra_args = hugepages=64\n' >>"$ROOT/etc/vfio-claim.conf"
	run -1 --separate-stderr apply
	[[ $stderr == *"there is no boot loader here that vfio-claim knows: give the kernel these arguments by hand: intel_iommu=on "*" hugepages=64"* ]]
	[[ $output == *"checked: 2 initramfs images have the claims"* ]]
	[[ $output != *"boot entr"* ]]
	run -1 --separate-stderr apply
	[[ $stderr == *"by hand: intel_iommu=on "*" hugepages=64"* ]]
	run -0 --separate-stderr apply --dry-run
	[[ $stderr == *"by hand: "* ]]
	revert
	# What the claims hold without is no more than a note.
	printf '[host]\niommu = off\n[claim gpu]\nmatch = 10de:1c30\n' >"$ROOT/etc/vfio-claim.conf"
	run -0 --separate-stderr apply
	[[ $stderr == *"note: there is no boot loader here that vfio-claim knows"*"vfio-pci.ids=10de:1c30"* ]]
}

@test "apply: --loader none touches no boot loader, and is kept until another is chosen" {
	local before

	before=$(cat "$ROOT/boot/grub/grub.cfg")
	apply
	run -0 --separate-stderr apply --loader none
	[[ $stderr == *"note: no boot loader is to be told: give the kernel these arguments by hand: intel_iommu=on "* ]]
	[[ $output == *"checked: 2 initramfs images have the claims"* ]]
	[ "$(cat "$ROOT/boot/grub/grub.cfg")" = "$before" ]
	[ ! -e "$ROOT/etc/default/grub.d/90-vfio-claim.cfg" ]
	run -0 --separate-stderr apply
	[ "$output" = "nothing to do: all is as the configuration says" ]
	[ "$(apply --dry-run --json | jq -c '[.as_wanted, .loaders]')" = '[true,[]]' ]
	[ ! -e "$ROOT/etc/default/grub.d/90-vfio-claim.cfg" ]
	apply --loader auto
	grep -q intel_iommu=on "$ROOT/boot/grub/grub.cfg"
}

@test "apply: an image with GRUB's tools and no grub.cfg yet is as wanted, and what was not looked at is said" {
	rm -r "$ROOT/boot/grub"
	run -0 --separate-stderr apply
	[[ $output == *"checked: 2 initramfs images have the claims"* ]]
	[[ $output == *"no boot entry was looked at (grub.d): there is no grub.cfg with entries yet"* ]]
	[[ $output != *"entries have the"* ]]
	[ -z "$stderr" ]
	[ -e "$ROOT/etc/default/grub.d/90-vfio-claim.cfg" ]
}

@test "apply: kernel-install's entries that are not found are not called checked" {
	mkdir -p "$ROOT/etc/kernel"
	echo "root=UUID=ee ro quiet" >"$ROOT/etc/kernel/cmdline"
	run -0 --separate-stderr apply --loader kernel-install
	[[ $output == *"checked: 2 initramfs images have the claims"* ]]
	[[ $output == *"no boot entry was looked at (kernel-install): no boot entry was found"*"mount their partition"* ]]
}

@test "apply: a state that is not understood is left alone" {
	mkdir -p "$ROOT/var/lib/vfio-claim"
	printf 'vfio-claim-state 1\nfuture thing\n' >"$ROOT/var/lib/vfio-claim/state"
	run -5 --separate-stderr apply
	[[ $stderr == *"/var/lib/vfio-claim/state:2: not understood"* ]]
	[ -z "$(calls)" ]
}

@test "apply: too many arguments for the kernel" {
	printf '[host]\nextra_args = %s\n[claim gpu]\nmatch = 10de:1c30\n' \
		"$(printf 'a%03d=1 ' $(seq 280))" >"$ROOT/etc/vfio-claim.conf"
	run -1 --separate-stderr apply
	[[ $stderr == *"and the kernel reads 2047"* ]]
	[ -z "$(calls)" ]
}

@test "apply: an option of another command is an error" {
	run -2 --separate-stderr apply --format grub
	run -2 --separate-stderr "$TOOL" revert --root "$ROOT" --loader grub.d
	run -2 --separate-stderr "$TOOL" check --dry-run
}

# with_dracut: the same system with dracut in place of initramfs-tools.
with_dracut() {
	local kernel

	rm "$ROOT/usr/sbin/update-initramfs"
	install -D "$TESTS/targets/stand-ins/dracut" "$ROOT/usr/bin/dracut"
	for kernel in "${KERNELS[@]}"; do
		mv "$ROOT/etc/vfio-claim.conf" "$ROOT/etc/none"
		inside /usr/bin/dracut --force --kver "$kernel" "/boot/initrd.img-$kernel"
		mv "$ROOT/etc/none" "$ROOT/etc/vfio-claim.conf"
	done
	rm -r "$ROOT/var/log/stand-ins.log" "$ROOT"/tmp/*
}

@test "apply: dracut writes beside the image, and not for the builder's hardware" {
	with_dracut
	state >"$BATS_TEST_TMPDIR/before"
	run -0 apply
	[[ $output == *"[2/3] initramfs of ${KERNELS[1]} ... ok"* ]]
	grep -qF -- "--kver ${KERNELS[0]} /boot/initrd.img-${KERNELS[0]}.new~ --no-hostonly" \
		"$ROOT/var/log/stand-ins.log"
	grep -q 'add_dracutmodules+=" vfio-claim "' "$ROOT/etc/dracut.conf.d/50-vfio-claim.conf"
	[ -z "$(find "$ROOT" -name '*~')" ]
	run -0 apply
	[ "$output" = "nothing to do: all is as the configuration says" ]
	revert
	rm -r "$ROOT/var/lib/vfio-claim"
	# A directory that apply made goes with it.
	state | diff "$BATS_TEST_TMPDIR/before" -
}

@test "apply: a tree of another architecture: dracut is to write the image itself" {
	with_dracut
	printf '\xb7' | dd of="$ROOT/usr/sbin/vfio-claim" bs=1 seek=18 conv=notrunc status=none
	run -0 apply --dry-run
	[[ $output == *"run: /usr/bin/dracut --force --kver ${KERNELS[0]} /boot/initrd.img-${KERNELS[0]} --no-hostonly"* ]]
	run -0 apply --dry-run --json
	[ "$(jq -r '.commands[0][4]' <<<"$output")" = "/boot/initrd.img-${KERNELS[0]}" ]
	run -0 --separate-stderr apply
	[[ $output == *"left to do in it:"*"--kver ${KERNELS[1]} /boot/initrd.img-${KERNELS[1]} --no-hostonly"* ]]
	[[ $output != *new~* ]]
	[ -z "$(calls)" ]
}

@test "apply: a dracut that fails half-way leaves the old image whole" {
	with_dracut
	cksum "$ROOT"/boot/initrd* >"$BATS_TEST_TMPDIR/images"
	: >"$ROOT/etc/test-fail"
	run -5 --separate-stderr apply
	[[ $stderr == *"| dracut: No space left on device"* ]]
	cksum "$ROOT"/boot/initrd* | diff "$BATS_TEST_TMPDIR/images" -
	[ -z "$(find "$ROOT" -name '*~')" ]
	[ ! -e "$ROOT/etc/dracut.conf.d" ]
}

# with_ukis: the same kernels in unified images, which kernel-install makes with dracut and ukify.
with_ukis() {
	local name

	with_dracut
	rm -r "$ROOT"/boot/{initrd*,grub} "$ROOT"/usr/sbin/{update-grub,grub-mkconfig} \
		"$ROOT"/etc/{default,grub.d}
	for name in ukify kernel-install; do
		install -D "$TESTS/targets/stand-ins/$name" "$ROOT/usr/bin/$name"
	done
	echo ID=fedora >"$ROOT/etc/os-release"
	mkdir -p "$ROOT/etc/kernel" "$ROOT/usr/lib/kernel" "$ROOT/boot/efi/EFI/Linux"
	echo layout=uki >"$ROOT/etc/kernel/install.conf"
	echo "root=UUID=cc ro" >"$ROOT/usr/lib/kernel/cmdline"
	mv "$ROOT/etc/vfio-claim.conf" "$ROOT/etc/none"
	for name in "${KERNELS[@]}"; do
		inside /usr/bin/kernel-install add "$name" "/boot/vmlinuz-$name"
	done
	mv "$ROOT/etc/none" "$ROOT/etc/vfio-claim.conf"
	rm -r "$ROOT/var/log/stand-ins.log" "$ROOT"/tmp/*
}

# ukis_have TEXT: each has it, and nothing else of its kind is in /boot.
ukis_have() {
	[ "$(grep -laF -- "$1" "$ROOT"/boot/efi/EFI/Linux/*.efi | wc -l)" -eq ${#KERNELS[@]} ]
	[ -z "$(find "$ROOT/boot" -name 'init*')" ]
}

@test "apply: unified images that kernel-install makes have the claims that are in force" {
	with_ukis
	run -0 apply
	[[ $output == *"checked: 2 initramfs images and the boot entries have the claims"* ]]
	ukis_have "match 10de:1c30"
	# Each is made once, for the arguments and the claims.
	[ "$(grep -c '^kernel-install add' "$ROOT/var/log/stand-ins.log")" -eq 2 ]
	run -0 apply
	[ "$output" = "nothing to do: all is as the configuration says" ]
	# The same arguments, another table.
	printf '[claim gpu]\nmatch = 10de:1c30\nexcept = 0000:02:00.0\n' >"$ROOT/etc/vfio-claim.conf"
	run -0 apply
	ukis_have "except 0000:02:00.0"
	# Somebody else's image, which has none.
	cp "$ROOT"/boot/efi/EFI/Linux/*"${KERNELS[0]}.efi" "$BATS_TEST_TMPDIR/ours"
	sed -i 's/^match 10de:1c30/match 10de:1c31/' "$ROOT"/boot/efi/EFI/Linux/*"${KERNELS[0]}.efi"
	run -0 apply
	[[ $output == *"initramfs of ${KERNELS[0]} ... ok"* ]]
	ukis_have "except 0000:02:00.0"
	revert
	[ -z "$(grep -laF vfio-claim "$ROOT"/boot/efi/EFI/Linux/*.efi)" ]
	[ -z "$(find "$ROOT/boot" -name 'init*')" ]
}

@test "revert: a failed apply has told unified images, too" {
	with_ukis
	kernel_install_fails "${KERNELS[1]}"
	run -5 apply
	[[ $output == *"'vfio-claim revert' knows of them"* ]]
	grep -qaF vfio-pci.ids= "$ROOT"/boot/efi/EFI/Linux/*"${KERNELS[0]}.efi"
	sed -i 2d "$ROOT/usr/bin/kernel-install"
	run -0 revert
	[ -z "$(grep -laF -e vfio-claim -e vfio-pci.ids= "$ROOT"/boot/efi/EFI/Linux/*.efi)" ]
}

# --- A booted host of ostree: its initramfs is a part of the image ---

# ostree_host: of one kernel, with dracut. Its initramfs has no claims.
ostree_host() {
	local applet

	load lib/debian.bash
	KERNEL=6.12.0-1.fc42
	ROOT=$BATS_TEST_TMPDIR/ostree
	MODULES=$ROOT/usr/lib/modules/$KERNEL
	"$TESTS/targets/make-target" rpm-ostree "$ROOT"
	rm -r "$ROOT/usr/share/vfio-claim"
	install_product "$ROOT"
	install -D "$TESTS/targets/stand-ins/dracut" "$ROOT/usr/bin/dracut"
	for applet in cpio find cp touch chmod cut; do
		ln -s busybox "$ROOT/usr/bin/$applet"
	done
	mkdir -p "$ROOT"/{dev,proc,sys,etc/modprobe.d,etc/udev/rules.d,var/lib}
	: >"$ROOT/dev/null"
	kernel_modules "$ROOT" "$KERNEL"
	: >"$MODULES/vmlinuz"
	make_initramfs
	printf '[claim gpu]\nmatch = 10de:1c30\n' >"$ROOT/etc/vfio-claim.conf"
}

# make_initramfs: as who builds the image does, or rpm-ostree for the next deployment.
make_initramfs() {
	inside /usr/bin/dracut --force --kver "$KERNEL" "/usr/lib/modules/$KERNEL/initramfs.img"
	rm -r "$ROOT"/var/log/* "$ROOT"/tmp/*
}

# on_ostree COMMAND...: in the tree as its own system, whose /usr is read-only.
on_ostree() {
	# shellcheck disable=SC2016 # for the other shell
	unshare --mount --mount-proc="$ROOT/proc" sh -euc '
		mount --bind "$0/usr" "$0/usr"
		mount -o remount,bind,ro "$0/usr"
		exec chroot "$0" "$@"' "$ROOT" "$@"
}

@test "ostree: apply and revert change the arguments and say what makes the initramfs" {
	ostree_host
	run -0 --separate-stderr on_ostree vfio-claim apply --dry-run --json
	[ "$(jq -c '[.as_wanted, .loaders, (.commands | length)]' <<<"$output")" = '[false,["rpm-ostree"],1]' ]
	run -1 --separate-stderr on_ostree vfio-claim apply
	[[ $stderr == *"the initramfs of $KERNEL is not as the configuration says"*"rpm-ostree initramfs --enable"* ]]
	[[ $output != *"initramfs image"* && $output != *"reboot to"* ]]
	[[ $(calls) == "rpm-ostree kargs --append-if-missing="*" --append-if-missing=vfio-pci.ids=10de:1c30"* ]]
	[ -e "$ROOT/etc/dracut.conf.d/50-vfio-claim.conf" ]
	run -1 --separate-stderr on_ostree vfio-claim apply
	[[ $stderr == *"rpm-ostree initramfs --enable"* ]]
	[ "$(calls | wc -l)" = 1 ]

	make_initramfs
	run -0 --separate-stderr on_ostree vfio-claim apply
	[ "$output" = "nothing to do: all is as the configuration says" ]
	[[ $stderr != *initramfs* ]]

	run -1 --separate-stderr on_ostree vfio-claim revert
	[[ $stderr == *"the initramfs of $KERNEL still has the claims"*"rpm-ostree initramfs --disable"* ]]
	[[ $output != *"reboot to"* ]]
	[[ $(calls) == "rpm-ostree kargs --delete-if-present="*" --delete-if-present=vfio-pci.ids=10de:1c30"* ]]
	[ ! -e "$ROOT/etc/dracut.conf.d/50-vfio-claim.conf" ]
	make_initramfs
	run -0 --separate-stderr on_ostree vfio-claim revert
	[ "$output" = "nothing to do: all is as without us" ]
}

# --- A danger, on a host: its /proc is made up, and a sanitizer needs the real one ---

# on_host COMMAND...: in the tree as its own system, with the machine that machine_here made.
on_host() {
	chroot "$ROOT" /usr/sbin/vfio-claim "$@"
}

# machine_here: a server whose default route goes over 0000:01:00.0.
machine_here() {
	local nic=devices/pci0000:00/0000:00:01.0/0000:01:00.0/net/eth0

	"$TESTS/machines/make-tree" "$TESTS/machines/server-dell-matrox.txt" "$ROOT"
	mkdir -p "$ROOT/sys/$nic" "$ROOT/sys/class/net" "$ROOT/proc/net" "$ROOT/proc/self" \
		"$ROOT/sys/class/iommu/dmar0"
	ln -s "../../$nic" "$ROOT/sys/class/net/eth0"
	echo up >"$ROOT/sys/$nic/operstate"
	{
		printf 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n'
		printf 'eth0\t00000000\t0102000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n'
	} >"$ROOT/proc/net/route"
	echo '22 1 0:21 / / rw - tmpfs tmpfs rw' >"$ROOT/proc/self/mountinfo"
	: >"$ROOT/proc/swaps"
}

# bats test_tags=native
@test "apply: on a host, the default route's device is refused, and nothing is changed" {
	machine_here
	printf '[claim nic]\nmatch = 14e4:1639\nfunctions = matched\n' >"$ROOT/etc/vfio-claim.conf"
	state >"$BATS_TEST_TMPDIR/before"
	for arguments in "" --dry-run "--dry-run --json" --no-rebuild; do
		# shellcheck disable=SC2086 # words
		run -4 --separate-stderr on_host apply $arguments
		[ -z "$output" ]
		[[ $stderr == *"danger: 0000:01:00.0 [nic]: "*"default route"*"nothing was changed; --force does it"* ]]
	done
	[ -z "$(calls)" ]
	state >"$BATS_TEST_TMPDIR/after"
	diff -u "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
	# A tree is an image for other machines.
	run -0 --separate-stderr apply --dry-run
	[[ $stderr != *danger* ]]
	run -4 on_host plan
}

# bats test_tags=native
@test "apply: on a host, what is meant is done: --force, or when = early with the address" {
	machine_here
	printf '[claim nic]\nmatch = 14e4:1639\n' >"$ROOT/etc/vfio-claim.conf"
	run -0 --separate-stderr on_host apply --force --no-rebuild
	[[ $stderr == *"danger: 0000:01:00.0 [nic]: "* ]]
	[[ $stderr != *"nothing was changed"* ]]
	[[ $output == *"wrote /etc/default/grub.d/90-vfio-claim.cfg"* ]]
	printf '[claim nic]\nmatch = 01:00.0\nwhen = early\n' >"$ROOT/etc/vfio-claim.conf"
	run -0 --separate-stderr on_host apply --no-rebuild
	[[ $stderr != *danger* ]]
}

# bats test_tags=native
@test "apply: on a host, a word that keeps the IOMMU off is named" {
	machine_here
	printf '[host]\ncpu = intel\n[claim matrox]\nmatch = 102b:0532\n' >"$ROOT/etc/vfio-claim.conf"
	run -0 --separate-stderr on_host apply --dry-run
	[[ $stderr != *fault* ]]
	rmdir "$ROOT/sys/class/iommu/dmar0"
	echo "root=/dev/sda1 ro iommu=off" >"$ROOT/proc/cmdline"
	run -0 --separate-stderr on_host apply --dry-run
	[[ $stderr == *"fault: the next boot has no IOMMU: iommu=off is on its command line"*"fix: take iommu=off out"* ]]
}

# bats test_tags=native
@test "plan: says whether the configuration is applied, and which boot loader there is" {
	machine_here
	printf '[claim matrox]\nmatch = 102b:0532\n' >"$ROOT/etc/vfio-claim.conf"
	run on_host plan
	[[ $output == *"boot loader: grub.d (its grub-mkconfig reads /etc/default/grub.d)"* ]]
	[[ $output == *"the configuration is not applied yet: run 'vfio-claim apply'"* ]]
	on_host apply
	run on_host plan
	[[ $output == *"the configuration is applied"* ]]
	[ "$(on_host plan --json | jq -r .applied)" = true ]
	# The next boot's line has the arguments once, whether they are there already or not.
	[[ $(on_host plan --json | jq -r .cmdline) == *" rd.driver.pre=vfio-pci vfio-pci.ids=102b:0532"* ]]
	printf '[claim matrox]\nmatch = 07:03.0\n' >"$ROOT/etc/vfio-claim.conf"
	[ "$(on_host plan --json | jq -r .applied)" = false ]
}

# bats test_tags=native
@test "apply, plan: on a host without a known boot loader, what the kernel has is given" {
	machine_here
	without_loader
	printf '[claim matrox]\nmatch = 102b:0532\n' >"$ROOT/etc/vfio-claim.conf"
	echo "root=/dev/sda1 ro" >"$ROOT/proc/cmdline"
	run on_host plan
	[[ $output == *"note: there is no boot loader here that vfio-claim knows: give the kernel these arguments by hand: intel_iommu=on "* ]]
	[[ $output == *"boot loader: none that vfio-claim knows"* ]]
	[[ $output == *"the configuration is not applied, or not all of it: see the notes"* ]]
	run -1 --separate-stderr on_host apply
	[[ $stderr == *"these arguments by hand: intel_iommu=on "* ]]
	[[ $output != *"reboot to"* ]]
	echo "root=/dev/sda1 ro $(sed -n 's/.*by hand: //p' <<<"$stderr")" >"$ROOT/proc/cmdline"
	run -0 --separate-stderr on_host apply
	[ "$output" = "nothing to do: all is as the configuration says" ]
	[ -z "$stderr" ]
	run on_host plan
	[[ $output == *"the configuration is applied" ]]
}

# bats test_tags=native
@test "plan: the boot loader that was chosen" {
	machine_here
	mkdir -p "$ROOT/etc/kernel"
	echo "root=UUID=ee ro quiet" >"$ROOT/etc/kernel/cmdline"
	printf '[claim matrox]\nmatch = 102b:0532\n' >"$ROOT/etc/vfio-claim.conf"
	on_host apply --loader grub.d
	run on_host plan
	[[ $output == *"boot loader: grub.d (chosen with --loader)"* ]]
	[[ $output != *"boot loader: kernel-install"* ]]
	[[ $output == *"the configuration is applied" ]]
	[ "$(on_host apply --dry-run --json | jq -c '[.as_wanted, .loaders]')" = '[true,["grub.d"]]' ]
	[ "$(on_host apply --dry-run --json --loader auto | jq -c .loaders)" = '["grub.d","kernel-install"]' ]
}

# bats test_tags=native
@test "plan: in a container it says so and shows what is there" {
	machine_here
	mkdir -p "$ROOT/run"
	: >"$ROOT/run/.containerenv"
	run on_host plan
	[[ ${lines[0]} == "this is a container (podman): "* ]]
	[ "$(on_host plan --json | jq -r .container)" = podman ]
}
