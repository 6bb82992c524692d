#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Boot loaders, on made-up trees of distributions with stand-ins for their tools (tests/targets/).
# The stand-ins run in the tree by chroot, as `vfio-claim apply --root` runs the real ones.

# shellcheck disable=SC2154 # bats sets stderr
setup() {
	load lib/machine.bash
	bats_require_minimum_version 1.5.0
	[ "$(id -u)" -eq 0 ] || skip "chroot needs root"
	ROOT=$BATS_TEST_TMPDIR/tree
	STATE=$BATS_TEST_TMPDIR/state
	LOG=$ROOT/var/log/stand-ins.log
	DRIVER=$BUILD/loader-driver
	[ -x "$DRIVER" ] || { echo "it is not built; run: make BUILD=$BUILD loader-driver"; return 1; }
	ID=0123456789abcdef0123456789abcdef
	ENTRIES=$ROOT/boot/loader/entries
	ARGUMENTS=(intel_iommu=on iommu=pt "vfio-pci.ids=10de:1c30,10de:10f1" rd.driver.pre=vfio-pci
		modprobe.blacklist=nouveau)
}

target() {
	"$TESTS/targets/make-target" "$1" "$ROOT"
}

driver() {
	"$DRIVER" "$ROOT" "$STATE" "$@"
}

# apply WORD...: the stand-in for our grub-mkconfig snippet is told the words too.
apply() {
	echo "$*" >"$ROOT/etc/test-arguments"
	driver apply "$@"
}

# What a run of the driver must not change; what the tools and the test say is no part of it.
snapshot() {
	(cd "$ROOT" && find . -path ./var/log -prune -o -path ./etc/test-arguments -prune -o \
		-type f -print0 | sort -z | xargs -0 cksum)
	(cd "$ROOT" && find . -type d | sort)
}

# round_trip TARGET: apply, look, apply again, revert, revert again.
round_trip() {
	target "$1"
	snapshot >"$BATS_TEST_TMPDIR/before"
	run -1 driver verify "${ARGUMENTS[@]}"
	apply "${ARGUMENTS[@]}"
	driver verify "${ARGUMENTS[@]}"
	cp -a "$ROOT" "$BATS_TEST_TMPDIR/applied"

	snapshot >"$BATS_TEST_TMPDIR/applied.sum"
	run -0 apply "${ARGUMENTS[@]}"
	[ -z "$output" ]
	snapshot | diff "$BATS_TEST_TMPDIR/applied.sum" -

	driver revert
	snapshot | diff "$BATS_TEST_TMPDIR/before" -
	run -0 driver revert
	[ -z "$output" ]
}

# The path in the tree as it was after the first apply of round_trip.
applied() {
	echo "$BATS_TEST_TMPDIR/applied/$1"
}

# One with sanitizers has libraries, which a tree has not.
need_static_driver() {
	if objdump -p "$DRIVER" | grep -q NEEDED; then
		skip "this loader-driver is not static"
	fi
}

# On the host: the driver inside of the tree, which is the whole system to it.
host() {
	[ -x "$ROOT/driver" ] || cp "$DRIVER" "$ROOT/driver"
	mkdir -p "$ROOT/dev"
	: >"$ROOT/dev/null"
	chroot "$ROOT" /driver - /tmp/state "$@"
}

# --- Which way ---------------------------------------------------------------------------------

# names TARGET: the loaders that are found in it.
names() {
	target "$1"
	driver detect | cut -d : -f 1 | tr '\n' ' '
}

@test "detect: each distribution takes its way" {
	while read -r name loaders; do
		rm -rf "$ROOT"
		found=$(names "$name")
		echo "$name: found $found"
		[ "${found% }" = "$loaders" ]
	done <<-'END'
		debian grub.d
		opensuse grub-default
		upstream grub-default
		rhel8 grub-default grubby
		rhel9 grub-default grubby kernel-install
		fedora grub-default grubby
		systemd-boot kernel-install
		uki kernel-install
		vendor-uki uki-addon
		bootc bootc
		rpm-ostree rpm-ostree
		ostree-image rpm-ostree
		nothing
	END
}

@test "detect: a reason for each" {
	target rhel9
	run -0 driver detect
	[[ ${lines[0]} == "grub-default: so that a later grub2-mkconfig keeps"* ]]
	[[ ${lines[1]} == "grubby: there are grubby and boot/loader/entries" ]]
}

# bats test_tags=native
@test "detect: a booted host of rpm-ostree, an unknown loader" {
	need_static_driver
	target rpm-ostree
	run -0 host detect
	[ "$output" = "rpm-ostree: the host was booted from an ostree and has rpm-ostree" ]
	run -1 driver -l lilo prepare quiet
}

@test "base: what the loader gives without us" {
	while read -r name loader line; do
		rm -rf "$ROOT"
		target "$name"
		echo "$name $loader: $(driver -l "$loader" base)"
		[ "$(driver -l "$loader" base)" = "$loader: $line" ]
	done <<-'END'
		debian grub.d console=tty0 console=ttyS0,115200
		opensuse grub-default splash=silent mitigations=auto quiet
		rhel8 grubby root=/dev/mapper/rhel-root ro crashkernel=auto rd.lvm.lv=rhel/root
		rhel9 grubby root=/dev/mapper/rhel-root ro crashkernel=1G-4G:192M rd.lvm.lv=rhel/root
		systemd-boot kernel-install root=UUID=bb ro quiet
		uki kernel-install root=UUID=cc ro
		vendor-uki uki-addon console=ttyS0 ro
		bootc bootc console=tty0 console=ttyS0
	END
}

@test "base: ours are not in it after an apply" {
	for name in debian opensuse rhel8 rhel9 systemd-boot uki vendor-uki bootc; do
		rm -rf "$ROOT" "$STATE"
		target "$name"
		driver base >"$BATS_TEST_TMPDIR/base"
		apply "${ARGUMENTS[@]}"
		driver base | diff "$BATS_TEST_TMPDIR/base" -
	done
}

# --- GRUB --------------------------------------------------------------------------------------

@test "Debian: a drop-in behind cloud images' own, and back" {
	round_trip debian
	cmp "$(applied etc/default/grub.d/90-vfio-claim.cfg)" \
		"$(applied usr/share/vfio-claim/90-vfio-claim.cfg)"
	grub_cfg=$(applied boot/grub/grub.cfg)
	[ "$(grep -c 'ro  console=tty0 console=ttyS0,115200 intel_iommu=on iommu=pt' "$grub_cfg")" -eq 2 ]
	[ "$(grep -c 'ro single rd.vfio-claim=0 $' "$grub_cfg")" -eq 2 ]
	[ "$(grep -c 'root=/dev/sdb1$' "$grub_cfg")" -eq 1 ]
	[ "$(head -n 1 "$LOG")" = "grub-mkconfig -o /boot/grub/grub.cfg" ]
	[ "$(wc -l <"$LOG")" -eq 2 ]
}

@test "Debian: dry run shows the file and the command, and changes nothing" {
	target debian
	snapshot >"$BATS_TEST_TMPDIR/before"
	run -0 driver prepare "${ARGUMENTS[@]}"
	[[ $output == *"+++ "*"etc/default/grub.d/90-vfio-claim.cfg"* ]]
	[ "${lines[-1]}" = "run: /usr/sbin/update-grub" ]
	snapshot | diff "$BATS_TEST_TMPDIR/before" -
}

@test "Debian: other arguments, the same file: grub-mkconfig runs; so does a lost grub.cfg" {
	target debian
	apply "${ARGUMENTS[@]}"
	run -0 apply "${ARGUMENTS[@]}" kvm.ignore_msrs=1
	[ "$output" = "run: /usr/sbin/update-grub" ]
	# One less than before.
	run -0 apply "${ARGUMENTS[@]}"
	[ "$output" = "run: /usr/sbin/update-grub" ]
	run ! grep ignore_msrs "$ROOT/boot/grub/grub.cfg"
	rm "$ROOT/etc/default/grub.d/90-vfio-claim.cfg"
	chroot "$ROOT" /usr/sbin/update-grub
	run -0 apply "${ARGUMENTS[@]}"
	[ "${lines[-1]}" = "run: /usr/sbin/update-grub" ]
}

@test "Debian: verify names the entry and what it lacks" {
	target debian
	apply "${ARGUMENTS[@]}"
	sed -i '0,/ iommu=pt/s/ iommu=pt//' "$ROOT/boot/grub/grub.cfg"
	run -1 driver verify "${ARGUMENTS[@]}"
	[ "$output" = 'boot/grub/grub.cfg, Linux, "6.1.0-28-amd64": the argument iommu=pt is missing' ]
	sed -i '0,/ single rd.vfio-claim=0/s/ single rd.vfio-claim=0//' "$ROOT/boot/grub/grub.cfg"
	run -1 driver verify "${ARGUMENTS[@]}"
	[[ ${lines[1]} == *"Linux 6.1.0-28-amd64 (Wiederherstellung): the recovery entry has no rd.vfio-claim=0" ]]
	# The word alone is enough to the boot helper.
	sed -i 's/ single rd.vfio-claim=0/ single/' "$ROOT/boot/grub/grub.cfg"
	run -1 driver verify "${ARGUMENTS[@]}"
	[ "${#lines[@]}" -eq 2 ]
	echo "# mine" >>"$ROOT/etc/default/grub.d/90-vfio-claim.cfg"
	run -1 driver verify "${ARGUMENTS[@]}"
	[ "${lines[0]}" = "etc/default/grub.d/90-vfio-claim.cfg is not as vfio-claim wrote it" ]
}

@test "Debian: without the installed snippet nothing is done" {
	target debian
	rm "$ROOT/usr/share/vfio-claim/90-vfio-claim.cfg"
	run -1 driver apply "${ARGUMENTS[@]}"
	[[ $output == "grub.d: No such file or directory"* ]]
	[ ! -e "$LOG" ]
}

@test "Debian: an image without GRUB's directory gets the file, and no command" {
	target debian
	rm -r "$ROOT/boot/grub"
	run -0 driver prepare "${ARGUMENTS[@]}"
	[[ $output == *"90-vfio-claim.cfg"* ]]
	[[ $output != *"run:"* ]]
}

@test "openSUSE: a marked line in /etc/default/grub, and back" {
	round_trip opensuse
	[ "$(tail -n 1 "$(applied etc/default/grub)")" = "[ ! -r /usr/share/vfio-claim/90-vfio-claim.cfg ] || . /usr/share/vfio-claim/90-vfio-claim.cfg # added by vfio-claim" ]
	grep -q 'quiet intel_iommu=on iommu=pt' "$(applied boot/grub2/grub.cfg)"
	[ "$(head -n 1 "$LOG")" = "grub-mkconfig -o /boot/grub2/grub.cfg" ]
}

@test "openSUSE: others' later edits of /etc/default/grub stay" {
	target opensuse
	apply "${ARGUMENTS[@]}"
	sed -i 's/^GRUB_DISTRIBUTOR=/GRUB_DISTRIBUTOR=mine/' "$ROOT/etc/default/grub"
	echo 'GRUB_TIMEOUT=9' >>"$ROOT/etc/default/grub"
	run -0 apply "${ARGUMENTS[@]}"
	[ -z "$output" ]
	driver revert
	diff - "$ROOT/etc/default/grub" <<-'END'
		GRUB_DISTRIBUTOR=mine
		GRUB_CMDLINE_LINUX_DEFAULT="splash=silent mitigations=auto quiet"
		GRUB_CMDLINE_LINUX=""
		GRUB_TIMEOUT=9
	END
}

@test "openSUSE: arguments set anew behind our line: it goes to the end" {
	target opensuse
	apply "${ARGUMENTS[@]}"
	echo 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"' >>"$ROOT/etc/default/grub"
	chroot "$ROOT" /usr/sbin/grub2-mkconfig -o /boot/grub2/grub.cfg
	run -1 driver verify "${ARGUMENTS[@]}"
	apply "${ARGUMENTS[@]}"
	driver verify "${ARGUMENTS[@]}"
	run -0 apply "${ARGUMENTS[@]}"
	[ -z "$output" ]
}

@test "GRUB from upstream, a file without newline at its end, and back" {
	round_trip upstream
	[ "$(tail -n 1 "$(applied etc/default/grub)")" = "[ ! -r /usr/share/vfio-claim/90-vfio-claim.cfg ] || . /usr/share/vfio-claim/90-vfio-claim.cfg # added by vfio-claim, with the newline before it" ]
}

@test "GRUB: recovery entries that cannot be told apart: said, and not tried again and again" {
	target upstream
	echo rescue >"$ROOT/etc/stand-in-grub"
	apply "${ARGUMENTS[@]}"
	run -0 apply "${ARGUMENTS[@]}"
	[ -z "$output" ]
	run -1 driver verify "${ARGUMENTS[@]}"
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *"(Wiederherstellung): the recovery entry has no rd.vfio-claim=0" ]]
}

# --- grubby ------------------------------------------------------------------------------------

@test "RHEL 9: grubby, with /etc/default/grub and /etc/kernel/cmdline in step, and back" {
	round_trip rhel9
	for file in "$(applied boot/loader/entries)"/*.conf; do
		[ "$(sed -n 's/^options //p' "$file")" = "root=/dev/mapper/rhel-root ro crashkernel=1G-4G:192M rd.lvm.lv=rhel/root ${ARGUMENTS[*]}" ]
	done
	[[ $(cat "$(applied etc/kernel/cmdline)") == *" rd.lvm.lv=rhel/root ${ARGUMENTS[*]}" ]]
	# The marked line and nothing else: grubby was told to leave the file alone.
	[ "$(diff "$ROOT/etc/default/grub" "$(applied etc/default/grub)" | grep -c '^[<>]')" -eq 1 ]
	[ "$(wc -l <"$LOG")" -eq 2 ]
	[ "$(head -n 1 "$LOG")" = "grubby --update-kernel=ALL --args=${ARGUMENTS[*]} --no-etc-grub-update" ]
}

@test "RHEL 8: entries with \$kernelopts, and back" {
	round_trip rhel8
	grep -q "^kernelopts=.* rd.lvm.lv=rhel/root ${ARGUMENTS[*]}$" "$(applied boot/grub2/grubenv)"
	grep -q '^options \$kernelopts \$tuned_params$' "$(applied boot/loader/entries)/$ID"*.conf
}

@test "Fedora: a later grub2-mkconfig writes every entry anew and loses nothing" {
	round_trip fedora
	[[ $(head -n 1 "$LOG") == grubby* ]]
	apply "${ARGUMENTS[@]}"
	chroot "$ROOT" /usr/sbin/grub2-mkconfig -o /boot/grub2/grub.cfg
	driver verify "${ARGUMENTS[@]}"
}

@test "grubby: lists of others are merged and given back; what is there already is not ours" {
	target rhel9
	sed -i 's|^options .*|& modprobe.blacklist=floppy,pcspkr rd.driver.pre=dm_mod intel_iommu=on|' \
		"$ENTRIES"/*.conf
	sed -i 's|$| modprobe.blacklist=floppy,pcspkr rd.driver.pre=dm_mod intel_iommu=on|' \
		"$ROOT/etc/kernel/cmdline"
	options=$(grep -h ^options "$ENTRIES"/*.conf | tr ' ' '\n' | sort)
	apply "${ARGUMENTS[@]}"
	driver verify "${ARGUMENTS[@]}"
	run -0 grep -ho 'modprobe.blacklist=[^ ]*' "$ENTRIES"/*.conf "$ROOT/etc/kernel/cmdline"
	[ "$(sort -u <<<"$output")" = "modprobe.blacklist=floppy,pcspkr,nouveau" ]
	grep -q "^grubby replaced modprobe.blacklist=floppy,pcspkr$" "$STATE"
	run ! grep -q "grubby ours intel_iommu=on" "$STATE"
	run -0 apply "${ARGUMENTS[@]}"
	[ -z "$output" ]
	driver revert
	[ "$(grep -h ^options "$ENTRIES"/*.conf | tr ' ' '\n' | sort)" = "$options" ]
	run ! grep -E 'nouveau|vfio' "$ROOT/etc/kernel/cmdline" "$ENTRIES"/*.conf
	grep -q 'modprobe.blacklist=floppy,pcspkr' "$ROOT/etc/kernel/cmdline"
}

@test "grubby: an argument less, another list: the old ones go, others' come back" {
	target rhel9
	sed -i 's|^options .*|& modprobe.blacklist=floppy|' "$ENTRIES"/*.conf
	apply "${ARGUMENTS[@]}"
	apply intel_iommu=on modprobe.blacklist=radeon
	[ "$(sed -n 's/.*rhel.root //p' "$ENTRIES"/*.conf | sort -u)" = "intel_iommu=on modprobe.blacklist=floppy,radeon" ]
	apply intel_iommu=on
	[ "$(sed -n 's/.*rhel.root //p' "$ENTRIES"/*.conf | sort -u | xargs -n 1 | sort | xargs)" = "intel_iommu=on modprobe.blacklist=floppy" ]
}

@test "grubby: words of others with the same name stay" {
	target rhel9
	sed -i 's|^options .*|& console=ttyS0 hugepagesz=2M hugepages=512|' "$ENTRIES"/*.conf
	apply console=tty0 hugepagesz=1G hugepages=16
	for word in console=ttyS0 hugepagesz=2M hugepages=512 console=tty0 hugepagesz=1G hugepages=16; do
		[ "$(grep -l " $word\b" "$ENTRIES"/*.conf | wc -l)" -eq 2 ]
	done
	driver revert
	for word in console=ttyS0 hugepagesz=2M hugepages=512; do
		[ "$(grep -l " $word\b" "$ENTRIES"/*.conf | wc -l)" -eq 2 ]
	done
	run ! grep -E 'tty0|1G |hugepages=16' "$ENTRIES"/*.conf
}

@test "grubby: others' later edits stay, also within a merged list" {
	target rhel9
	sed -i 's|^options .*|& modprobe.blacklist=floppy|' "$ENTRIES"/*.conf
	apply "${ARGUMENTS[@]}"
	chroot "$ROOT" /usr/sbin/grubby --update-kernel=ALL \
		--args="modprobe.blacklist=floppy,nouveau,mine mitigations=off"
	driver verify "${ARGUMENTS[@]}"
	driver revert
	[ "$(grep -ho 'modprobe.blacklist=[^ ]*' "$ENTRIES"/*.conf | sort -u)" = "modprobe.blacklist=floppy,mine" ]
	[ "$(grep -l 'mitigations=off' "$ENTRIES"/*.conf | wc -l)" -eq 2 ]
	run ! grep -E 'nouveau|vfio' "$ENTRIES"/*.conf
}

@test "grubby: ours, merged by somebody with a list of theirs" {
	target rhel9
	apply "${ARGUMENTS[@]}"
	chroot "$ROOT" /usr/sbin/grubby --update-kernel=ALL --args="modprobe.blacklist=nouveau,mine"
	driver revert
	[ "$(grep -ho 'modprobe.blacklist=[^ ]*' "$ENTRIES"/*.conf | sort -u)" = "modprobe.blacklist=mine" ]
}

@test "grubby: what one entry has already, all get" {
	target rhel9
	sed -i 's|^options .*|& intel_iommu=on|' "$ENTRIES/$ID-5.14.0-503"*.conf
	apply "${ARGUMENTS[@]}"
	driver verify "${ARGUMENTS[@]}"
	[ "$(grep -l ' intel_iommu=on' "$ENTRIES"/*.conf | wc -l)" -eq 2 ]
}

# claim_gpu: a configuration with lists among its arguments.
claim_gpu() {
	printf '[host]\ncpu = intel\nblacklist = nouveau\n[claim gpu]\nmatch = 10de:1c30\n' \
		>"$ROOT/etc/vfio-claim.conf"
}

@test "grubby: what the newest entry alone has is no reason to keep it from the others" {
	local found=(intel_iommu=on iommu=pt rd.driver.pre=vfio-pci modprobe.blacklist=nouveau
		vfio-pci.ids=10de:1c30) word

	target rhel9
	base=$(driver -l grubby base)
	sed -i "s|^options .*|& ${found[*]}|" "$ENTRIES/$ID-5.14.0-503"*.conf
	[ "$(driver -l grubby base)" = "$base" ]
	claim_gpu
	# 1: nothing makes an initramfs here.
	run -1 "$TOOL" apply --root "$ROOT"
	[[ $output == *"checked: the boot entries have the arguments"* ]]
	for word in "${found[@]}"; do
		echo "$word"
		[ "$(grep -l " $word\b" "$ENTRIES"/*.conf | wc -l)" -eq 2 ]
		[ "$(grep -ho " $word\b" "$ENTRIES"/*.conf | wc -l)" -eq 2 ]
	done
	run "$TOOL" apply --root "$ROOT"
	[[ $output == *"no file, image or boot entry is to be changed"* ]]
	# What every entry has is still nobody's to add.
	rm -rf "$ROOT"
	target rhel9
	sed -i "s|^options .*|& intel_iommu=on iommu=pt|" "$ENTRIES"/*.conf
	[ "$(driver -l grubby base)" = "$base intel_iommu=on iommu=pt" ]
}

@test "grubby: revert leaves a word to the entry that had it before us" {
	local newest word options words=(iommu=pt mitigations=off nosmt rd.driver.pre=vfio-pci)

	target rhel9
	newest=$(echo "$ENTRIES/$ID-5.14.0-503"*.conf)
	sed -i "s|^options .*|& iommu=pt console=ttyS0 nosmt|" "$newest"
	options=$(grep ^options "$newest" | tr ' ' '\n' | sort)
	# Ours for all entries, also the second time and when another word of ours goes.
	apply "${words[@]}" console=tty0
	driver verify "${words[@]}"
	run -0 apply "${words[@]}" console=tty0
	[ -z "$output" ]
	apply "${words[@]}"
	for word in "${words[@]}"; do
		[ "$(grep -ho " $word\b" "$ENTRIES"/*.conf | wc -l)" -eq 2 ]
	done
	run -0 apply "${words[@]}"
	[ -z "$output" ]
	driver revert
	[ "$(grep ^options "$newest" | tr ' ' '\n' | sort)" = "$options" ]
	run ! grep -E 'mitigations|vfio|tty0' "$ENTRIES"/*.conf
	run ! grep -E 'iommu|mitigations|nosmt|vfio|tty0' "$ROOT/etc/kernel/cmdline"
	run -0 driver revert
	[ -z "$output" ]
}

@test "grubby: a word that one entry had before us is not taken from it by a later apply" {
	target rhel9
	newest=$(echo "$ENTRIES/$ID-5.14.0-503"*.conf)
	sed -i "s|^options .*|& iommu=pt|" "$newest"
	apply iommu=pt rd.driver.pre=vfio-pci
	: >"$LOG"
	apply rd.driver.pre=vfio-pci
	grep -q ' iommu=pt\b' "$newest"
	run -0 apply rd.driver.pre=vfio-pci
	[ -z "$output" ]
	driver revert
	grep -q ' iommu=pt\b' "$newest"
}

# refused_for_length: apply changes nothing and says so. LENGTH is what the line would have.
refused_for_length() {
	snapshot >"$BATS_TEST_TMPDIR/before"
	: >"$LOG"
	run -1 "$TOOL" apply --root "$ROOT"
	[[ $output == *"the kernel's command line would have "*" of them ours, and the kernel reads 2047"* ]]
	snapshot | diff "$BATS_TEST_TMPDIR/before" -
	[ ! -s "$LOG" ]
	LENGTH=${output#*would have }
	LENGTH=${LENGTH%% bytes*}
}

# letters COUNT
letters() {
	printf "%$1s" | tr ' ' x
}

@test "grubby: a line that is too long in one entry alone is refused" {
	local newest words

	target rhel9
	claim_gpu
	newest=$(echo "$ENTRIES/$ID-5.14.0-503"*.conf)
	# Of words that ours take the place of each is counted once.
	words="iommu=pt rd.driver.pre=dm_mod modprobe.blacklist=floppy"
	sed -i "s|^options .*|& $words $(letters 1900)|" "$newest"
	refused_for_length
	sed -i "s|$(letters $((LENGTH - 2048)))$||" "$newest"
	refused_for_length
	[ "$LENGTH" -eq 2048 ]
	sed -i 's|x$||' "$newest"
	run -1 "$TOOL" apply --root "$ROOT"
	[[ $output == *"checked: the boot entries have the arguments"* ]]
	[ "$(sed -n 's/^options //p' "$newest" | tr -d '\n' | wc -c)" -eq 2047 ]
	# What is there already is not too long.
	run -1 "$TOOL" apply --root "$ROOT"
	[[ $output != *"would have"* ]]
}

@test "grubby: a kernel installed later gets the arguments from /etc/kernel/cmdline; revert finds them" {
	target rhel9
	sed -i 's|^options .*|& modprobe.blacklist=floppy|' "$ENTRIES"/*.conf
	sed -i 's|$| modprobe.blacklist=floppy|' "$ROOT/etc/kernel/cmdline"
	apply "${ARGUMENTS[@]}"
	printf 'version 5.14.0-999\nlinux /vmlinuz-5.14.0-999\noptions %s\n' \
		"$(cat "$ROOT/etc/kernel/cmdline")" >"$ENTRIES/$ID-5.14.0-999.conf"
	driver verify "${ARGUMENTS[@]}"
	driver revert
	run ! grep -E 'nouveau|vfio' "$ENTRIES"/*.conf
	[ "$(grep -l 'modprobe.blacklist=floppy$' "$ENTRIES"/*.conf | wc -l)" -eq 3 ]
}

@test "grubby: an entry that lost its arguments is found and mended" {
	target rhel9
	apply "${ARGUMENTS[@]}"
	sed -i 's/ iommu=pt//' "$ENTRIES/$ID-5.14.0-503"*.conf
	run -1 driver verify "${ARGUMENTS[@]}"
	[ "$output" = "boot/loader/entries/$ID-5.14.0-503.11.1.el9_5.x86_64.conf: the argument iommu=pt is missing" ]
	apply "${ARGUMENTS[@]}"
	driver verify "${ARGUMENTS[@]}"
}

@test "grubby: a failing tool is told, and the next apply mends it" {
	target rhel9
	mv "$ROOT/usr/libexec/grubby/grubby-bls" "$ROOT/usr/libexec/grubby/kept"
	run -1 apply "${ARGUMENTS[@]}"
	[[ $output == *"/usr/sbin/grubby: 12"[67]* ]]
	mv "$ROOT/usr/libexec/grubby/kept" "$ROOT/usr/libexec/grubby/grubby-bls"
	apply "${ARGUMENTS[@]}"
	driver verify "${ARGUMENTS[@]}"
}

# --- kernel-install ----------------------------------------------------------------------------

@test "systemd-boot: /etc/kernel/cmdline, every entry anew, and back" {
	target systemd-boot
	before=$(cksum <"$ROOT/etc/kernel/cmdline")
	apply "${ARGUMENTS[@]}"
	driver verify "${ARGUMENTS[@]}"
	# Without a newline at its end, as it was.
	[ "$(cat "$ROOT/etc/kernel/cmdline"; echo x)" = "root=UUID=bb ro quiet ${ARGUMENTS[*]}x" ]
	diff - "$LOG" <<-'END'
		kernel-install add 6.12.9-amd64 /usr/lib/modules/6.12.9-amd64/vmlinuz
		kernel-install add 6.12.12-amd64 /usr/lib/modules/6.12.12-amd64/vmlinuz
	END
	run -0 apply "${ARGUMENTS[@]}"
	[ -z "$output" ]
	driver revert
	[ "$(cksum <"$ROOT/etc/kernel/cmdline")" = "$before" ]
	[ "$(grep -h '^options' "$ROOT"/efi/loader/entries/*.conf | sort -u)" = "options    root=UUID=bb ro quiet systemd.machine_id=$ID" ]
	run -0 driver revert
	[ -z "$output" ]
}

@test "systemd-boot: an argument less: the file and every entry lose it" {
	target systemd-boot
	apply "${ARGUMENTS[@]}"
	run -0 apply "${ARGUMENTS[@]:0:4}"
	[ "$(grep -c '^run: /usr/bin/kernel-install add' <<<"$output")" -eq 2 ]
	run ! grep -r nouveau "$ROOT/etc/kernel/cmdline" "$ROOT/efi/loader/entries"
	run -0 apply "${ARGUMENTS[@]:0:4}"
	[ -z "$output" ]
}

@test "systemd-boot: others' words in /etc/kernel/cmdline stay, before and after ours" {
	target systemd-boot
	printf 'root=UUID=bb  ro\n# odd\n\tquiet \n\n' >"$ROOT/etc/kernel/cmdline"
	before=$(cksum <"$ROOT/etc/kernel/cmdline")
	apply "${ARGUMENTS[@]}"
	driver revert
	[ "$(cksum <"$ROOT/etc/kernel/cmdline")" = "$before" ]
	apply "${ARGUMENTS[@]}"
	sed -i 's/iommu=pt/& mine=1/' "$ROOT/etc/kernel/cmdline"
	run -0 apply "${ARGUMENTS[@]}"
	[ -z "$output" ]
	driver revert
	[ "$(tr -s ' \t\n' ' ' <"$ROOT/etc/kernel/cmdline")" = "root=UUID=bb ro # odd quiet mine=1 " ]
}

# What the entries of systemd-boot say, each once.
entries_say() {
	sed -n 's/^options *//p' "$ROOT"/efi/loader/entries/*.conf | sort -u
}

@test "kernel-install: comments of /usr/lib/kernel/cmdline are no words of a new file" {
	target systemd-boot
	rm "$ROOT/etc/kernel/cmdline"
	mkdir -p "$ROOT/usr/lib/kernel"
	printf '# defaults of this image\n  # iommu=pt\nroot=UUID=bb ro quiet\n' >"$ROOT/usr/lib/kernel/cmdline"
	[ "$(driver base)" = "kernel-install: root=UUID=bb ro quiet" ]
	apply "${ARGUMENTS[@]}"
	driver verify "${ARGUMENTS[@]}"
	[ "$(cat "$ROOT/etc/kernel/cmdline")" = "root=UUID=bb ro quiet ${ARGUMENTS[*]}" ]
	[ "$(entries_say)" = "root=UUID=bb ro quiet ${ARGUMENTS[*]} systemd.machine_id=$ID" ]
	driver revert
	[ ! -e "$ROOT/etc/kernel/cmdline" ]
	[ "$(entries_say)" = "root=UUID=bb ro quiet systemd.machine_id=$ID" ]
}

@test "kernel-install: words in a comment of /etc/kernel/cmdline do not count, and ours are in none" {
	local text

	for text in '# intel_iommu=on iommu=pt (off for now)\nroot=UUID=bb ro quiet\n' \
		'root=UUID=bb ro quiet\n# end\n' 'root=UUID=bb ro\n\t# isn"t\nquiet\n# end' \
		"# ${ARGUMENTS[*]}\nroot=UUID=bb ro quiet"; do
		rm -rf "$ROOT" "$STATE"
		target systemd-boot
		# shellcheck disable=SC2059 # the texts are formats
		printf "$text" >"$ROOT/etc/kernel/cmdline"
		before=$(cksum <"$ROOT/etc/kernel/cmdline")
		run -1 driver verify "${ARGUMENTS[@]}"
		[[ $output == *"etc/kernel/cmdline: the argument intel_iommu=on is missing"* ]]
		apply "${ARGUMENTS[@]}"
		driver verify "${ARGUMENTS[@]}"
		[ "$(entries_say)" = "root=UUID=bb ro quiet ${ARGUMENTS[*]} systemd.machine_id=$ID" ]
		run -0 apply "${ARGUMENTS[@]}"
		[ -z "$output" ]
		driver revert
		[ "$(cksum <"$ROOT/etc/kernel/cmdline")" = "$before" ]
		[ "$(entries_say)" = "root=UUID=bb ro quiet systemd.machine_id=$ID" ]
	done
}

@test "kernel-install: a new file starts from /usr/lib/kernel/cmdline; images are made anew" {
	target uki
	cksum=$(cksum <"$ROOT/boot/efi/EFI/Linux/my-token-6.12.12-200.fc41.x86_64.efi")
	run -1 driver verify "${ARGUMENTS[@]}"
	apply "${ARGUMENTS[@]}"
	driver verify "${ARGUMENTS[@]}"
	[ "$(cat "$ROOT/etc/kernel/cmdline")" = "root=UUID=cc ro ${ARGUMENTS[*]}" ]
	grep -qa "root=UUID=cc ro ${ARGUMENTS[*]}" "$ROOT/boot/efi/EFI/Linux/my-token-6.12.12-200.fc41.x86_64.efi"
	run -0 apply "${ARGUMENTS[@]}"
	[ -z "$output" ]
	run -0 driver revert
	[ "${lines[-1]}" = "run: /usr/bin/rm -f /etc/kernel/cmdline" ]
	[ ! -e "$ROOT/etc/kernel/cmdline" ]
	[ "$(cksum <"$ROOT/boot/efi/EFI/Linux/my-token-6.12.12-200.fc41.x86_64.efi")" = "$cksum" ]
	run -0 driver revert
	[ -z "$output" ]
}

@test "kernel-install: what /usr/lib/kernel/cmdline says already needs no file, and is not missing" {
	target uki
	others_have uki "iommu=pt modprobe.blacklist=nouveau,e1000e"
	run -0 apply iommu=pt modprobe.blacklist=nouveau
	[ -z "$output" ]
	[ ! -e "$ROOT/etc/kernel/cmdline" ]
	run -0 driver verify iommu=pt modprobe.blacklist=nouveau
	run -1 driver verify iommu=pt modprobe.blacklist=radeon
	[ "${lines[0]}" = "etc/kernel/cmdline: the argument modprobe.blacklist=radeon is missing" ]
}

@test "kernel-install: an image whose boots are counted is made anew and checked like any" {
	local image images

	target uki
	images=$ROOT/boot/efi/EFI/Linux
	image=$images/my-token-6.12.12-200.fc41.x86_64
	mv "$image.efi" "$image+3.efi"
	echo 3 >"$ROOT/etc/kernel/tries"
	cksum=$(cksum <"$image+3.efi")
	apply "${ARGUMENTS[@]}"
	driver verify "${ARGUMENTS[@]}"
	grep -qa "root=UUID=cc ro ${ARGUMENTS[*]}" "$image+3.efi"
	# After the first boot.
	mv "$image+3.efi" "$image+2-1.efi"
	run -0 apply "${ARGUMENTS[@]}"
	[ -z "$output" ]
	run -1 driver verify "${ARGUMENTS[@]}" mine=1
	[[ $output == *"my-token-6.12.12-200.fc41.x86_64+2-1.efi: the argument mine=1 is missing" ]]
	mv "$image+2-1.efi" "$image+3.efi"
	driver revert
	[ "$(cksum <"$image+3.efi")" = "$cksum" ]
	[ "$(ls "$images")" = "my-token-6.12.12-200.fc41.x86_64+3.efi" ]
}

@test "kernel-install: a + in a kernel's own version is no counter" {
	local images

	target uki
	images=$ROOT/boot/efi/EFI/Linux
	for version in 6.12.43+deb13-amd64 6.12.0+ 6.12.1+3; do
		mkdir -p "$ROOT/usr/lib/modules/$version"
		echo kernel >"$ROOT/usr/lib/modules/$version/vmlinuz"
		cp "$images/my-token-6.12.12-200.fc41.x86_64.efi" "$images/my-token-$version.efi"
	done
	apply "${ARGUMENTS[@]}"
	driver verify "${ARGUMENTS[@]}"
	[ "$(grep -c '^kernel-install add' "$LOG")" -eq 4 ]
	[ "$(grep -la "${ARGUMENTS[*]}" "$images"/*.efi | wc -l)" -eq 4 ]
}

@test "kernel-install: a file that we made and others edited is kept" {
	target uki
	apply "${ARGUMENTS[@]}"
	echo "mine=1" >>"$ROOT/etc/kernel/cmdline"
	driver revert
	[ "$(tr '\n' ' ' <"$ROOT/etc/kernel/cmdline")" = "root=UUID=cc ro mine=1 " ]
}

@test "kernel-install: a tree with neither file gets none, which is said" {
	target systemd-boot
	rm "$ROOT/etc/kernel/cmdline"
	mkdir -p "$ROOT/proc"
	echo "root=/dev/builder" >"$ROOT/proc/cmdline"
	run -0 apply "${ARGUMENTS[@]}"
	[ -z "$output" ]
	[ ! -e "$ROOT/etc/kernel/cmdline" ]
	run -1 driver verify
	[[ $output == "etc/kernel/cmdline: there is none, and nothing to make it from"* ]]
}

# bats test_tags=native
@test "kernel-install: on the host a new file starts from /proc/cmdline" {
	need_static_driver
	target systemd-boot
	rm "$ROOT/etc/kernel/cmdline"
	mkdir -p "$ROOT/proc"
	# An older kernel-install took the # of a comment over, too.
	echo 'BOOT_IMAGE=/vmlinuz initrd=\a\initrd # root=UUID=bb ro quiet' >"$ROOT/proc/cmdline"
	host apply "${ARGUMENTS[@]}"
	host verify "${ARGUMENTS[@]}"
	[ "$(cat "$ROOT/etc/kernel/cmdline")" = "root=UUID=bb ro quiet ${ARGUMENTS[*]}" ]
	# After the reboot the kernel's own line has them too; revert must not bring them back.
	echo "root=UUID=bb ro quiet ${ARGUMENTS[*]}" >"$ROOT/proc/cmdline"
	host revert
	[ ! -e "$ROOT/etc/kernel/cmdline" ]
	run ! grep -E 'vfio|nouveau' "$ROOT"/efi/loader/entries/*.conf
}

# --- Lists that get shorter and longer ---------------------------------------------------------

# The same with less in its lists.
shorter() {
	printf '%s\n' "$@" | sed 's/,[^,]*$//'
}

# others_have TARGET WORDS: words of others, in every line that the loader has.
others_have() {
	local file words="${2:+ $2}"

	case "$1" in
	rhel8) sed -i "s|^kernelopts=.*|&$words|" "$ROOT/boot/grub2/grubenv" ;;
	rhel9 | fedora) sed -i "s|^options .*|&$words|" "$ENTRIES"/*.conf ;;
	esac
	for file in etc/kernel/cmdline usr/lib/kernel/cmdline; do
		[ ! -e "$ROOT/$file" ] || sed -i "s|$|$words|" "$ROOT/$file"
	done
	# Entries as their makers write them.
	case "$1" in
	fedora) sed -i "s|^GRUB_CMDLINE_LINUX=\"[^\"]*|&$words|" "$ROOT/etc/default/grub" ;;
	systemd-boot)
		for version in 6.12.9-amd64 6.12.12-amd64; do
			chroot "$ROOT" /usr/bin/kernel-install add "$version" \
				"/usr/lib/modules/$version/vmlinuz"
		done
		;;
	uki) chroot "$ROOT" /usr/bin/kernel-install add 6.12.12-200.fc41.x86_64 \
		/usr/lib/modules/6.12.12-200.fc41.x86_64/vmlinuz ;;
	esac
}

# longer_and_shorter: applies ARGUMENTS twice, a shorter list twice, ARGUMENTS again; reverts.
longer_and_shorter() {
	local line words

	snapshot >"$BATS_TEST_TMPDIR/before"
	for line in "${ARGUMENTS[*]}" "$(shorter "${ARGUMENTS[@]}")" "${ARGUMENTS[*]}"; do
		read -r -d "" -a words <<<"$line" || true
		apply "${words[@]}"
		run -0 driver verify "${words[@]}"
		snapshot >"$BATS_TEST_TMPDIR/applied.sum"
		run -0 apply "${words[@]}"
		[ -z "$output" ]
		snapshot | diff "$BATS_TEST_TMPDIR/applied.sum" -
	done
	driver revert
	snapshot | diff "$BATS_TEST_TMPDIR/before" -
}

@test "a shorter list, on each loader, and the longer again: no word is lost" {
	ARGUMENTS=(iommu=pt "vfio-pci.ids=10de:1c30,8086:10d3" "modprobe.blacklist=nouveau,e1000e")
	for name in debian opensuse upstream rhel8 rhel9 fedora systemd-boot uki vendor-uki bootc; do
		echo "$name"
		rm -rf "$ROOT" "$STATE"
		target "$name"
		others_have "$name" ""
		longer_and_shorter
	done
}

@test "a list of others that ours is merged with stays theirs, on each loader that edits a line" {
	ARGUMENTS=(iommu=pt "vfio-pci.ids=10de:1c30,8086:10d3" "modprobe.blacklist=nouveau,e1000e")
	for name in rhel8 rhel9 fedora systemd-boot uki; do
		for words in vfio-pci.ids=1af4:1041 \
			"vfio-pci.ids=8086:10d3 modprobe.blacklist=floppy,e1000e"; do
			echo "$name: $words"
			rm -rf "$ROOT" "$STATE"
			target "$name"
			others_have "$name" "$words"
			longer_and_shorter
		done
	done
}

@test "RHEL 9: what others have in a list in common with ours stays in /etc/kernel/cmdline" {
	target rhel9
	others_have rhel9 modprobe.blacklist=nvme,e1000e,floppy
	before=$(cat "$ROOT/etc/kernel/cmdline")
	apply modprobe.blacklist=e1000e,nouveau,floppy
	apply modprobe.blacklist=floppy iommu=pt
	apply iommu=pt
	driver verify modprobe.blacklist=nvme,e1000e,floppy iommu=pt
	driver revert
	[ "$(cat "$ROOT/etc/kernel/cmdline")" = "$before" ]
}

@test "systemd-boot: what others take out of their list goes from ours, too" {
	target systemd-boot
	others_have systemd-boot vfio-pci.ids=1af4:1041
	apply vfio-pci.ids=10de:1c30
	driver verify vfio-pci.ids=1af4:1041,10de:1c30
	sed -i 's/ vfio-pci.ids=1af4:1041 / /' "$ROOT/etc/kernel/cmdline"
	apply vfio-pci.ids=10de:1c30
	[ "$(cat "$ROOT/etc/kernel/cmdline")" = "root=UUID=bb ro quiet vfio-pci.ids=10de:1c30" ]
}

# --- Unified kernel images of others -----------------------------------------------------------

@test "UKI: a global add-on, signed as /etc/kernel/uki.conf says, and back" {
	round_trip vendor-uki
	addon=$(applied boot/efi/loader/addons/vfio-claim.addon.efi)
	grep -qa "${ARGUMENTS[*]}" "$addon"
	[ "$(head -n 1 "$LOG")" = "ukify build --cmdline=${ARGUMENTS[*]} --output=/boot/efi/loader/addons/vfio-claim.addon.efi --config=/etc/kernel/uki.conf" ]
}

@test "UKI: a damaged add-on is found and made anew; others' add-ons stay" {
	target vendor-uki
	apply "${ARGUMENTS[@]}"
	addon=$ROOT/boot/efi/loader/addons/vfio-claim.addon.efi
	for damage in 0 2 60 128 400 430; do
		head -c "$damage" "$addon" >"$addon.short"
		mv "$addon.short" "$addon"
		run -1 driver verify "${ARGUMENTS[@]}"
		[ "$output" = "boot/efi/loader/addons/vfio-claim.addon.efi is no add-on: it has no arguments" ]
		apply "${ARGUMENTS[@]}"
		driver verify "${ARGUMENTS[@]}"
	done
	: >"$ROOT/boot/efi/loader/addons/other.addon.efi"
	driver revert
	[ ! -e "$addon" ]
	[ -e "$ROOT/boot/efi/loader/addons/other.addon.efi" ]
}

@test "UKI: what the newest image alone has is in the add-on for the others" {
	target vendor-uki
	chroot "$ROOT" /usr/lib/systemd/ukify build "--output=/boot/efi/EFI/Linux/$ID-5.14.0-999.efi" \
		"--cmdline=ro console=ttyS0 intel_iommu=on vfio-pci.ids=1af4:1041,10de:1c30"
	[ "$(driver base)" = "uki-addon: ro console=ttyS0" ]
	# The last vfio-pci.ids= alone counts, so it has those of the image too.
	apply intel_iommu=on vfio-pci.ids=10de:1c30
	driver verify intel_iommu=on vfio-pci.ids=10de:1c30
	grep -qa "intel_iommu=on vfio-pci.ids=1af4:1041,10de:1c30" \
		"$ROOT/boot/efi/loader/addons/vfio-claim.addon.efi"
	run -0 apply intel_iommu=on vfio-pci.ids=10de:1c30
	[ -z "$output" ]
	[ "$(driver base)" = "uki-addon: ro console=ttyS0" ]
}

@test "UKI: an add-on that makes the line of one image alone too long is refused" {
	local line

	target vendor-uki
	claim_gpu
	for line in "ro $(letters 1960)" ro; do
		chroot "$ROOT" /usr/lib/systemd/ukify build --cmdline="$line" \
			"--output=/boot/efi/EFI/Linux/$ID-5.14.0-${#line}.efi"
	done
	refused_for_length
	chroot "$ROOT" /usr/lib/systemd/ukify build "--cmdline=ro $(letters $((1960 + 2047 - LENGTH)))" \
		"--output=/boot/efi/EFI/Linux/$ID-5.14.0-1963.efi"
	run -1 "$TOOL" apply --root "$ROOT"
	[[ $output == *"checked: the boot entries have the arguments"* ]]
}

# bats test_tags=native
@test "UKI: under Secure Boot an unsigned add-on is told" {
	need_static_driver
	target vendor-uki
	efivars=$ROOT/sys/firmware/efi/efivars
	mkdir -p "$efivars"
	printf '\006\000\000\000\001' >"$efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
	host apply "${ARGUMENTS[@]}"
	host verify "${ARGUMENTS[@]}"
	rm "$ROOT/etc/kernel/uki.conf" "$ROOT/boot/efi/loader/addons/vfio-claim.addon.efi"
	host apply "${ARGUMENTS[@]}"
	run -1 host verify "${ARGUMENTS[@]}"
	[[ $output == *"is not signed, and Secure Boot is on: name a key and a certificate in /etc/kernel/uki.conf and run vfio-claim apply again"* ]]
	run -0 host apply "${ARGUMENTS[@]}"
	[ -z "$output" ]
	# What it says helps.
	printf '[UKI]\nSecureBootPrivateKey=/etc/keys/db.key\n' >"$ROOT/etc/kernel/uki.conf"
	host apply "${ARGUMENTS[@]}"
	host verify "${ARGUMENTS[@]}"
	run -0 host apply "${ARGUMENTS[@]}"
	[ -z "$output" ]
}

@test "UKI: an unsigned add-on is made anew once there is a key, and only then" {
	local conf

	target vendor-uki
	addon=$ROOT/boot/efi/loader/addons/vfio-claim.addon.efi
	rm "$ROOT/etc/kernel/uki.conf"
	apply "${ARGUMENTS[@]}"
	cksum=$(cksum <"$addon")
	for conf in '' '[UKI]\nCmdline=quiet\n' '[UKI]\n#SecureBootPrivateKey=/etc/keys/db.key\n' \
		'[UKI]\nSecureBootPrivateKey=\n' '[UKI]\nSecureBootPrivateKeys=/x\n' \
		'[PCRSignature:all]\nSecureBootPrivateKey=/x\n'; do
		# shellcheck disable=SC2059 # the texts are formats
		printf "$conf" >"$ROOT/etc/kernel/uki.conf"
		run -0 apply "${ARGUMENTS[@]}"
		[ -z "$output" ]
	done
	printf '# mine\n[UKI]\nStub=/x\nSecureBootPrivateKey=/etc/keys/db.key\n' >"$ROOT/etc/kernel/uki.conf"
	run -0 apply "${ARGUMENTS[@]}"
	[[ $output == "run: /usr/lib/systemd/ukify build "*" --config=/etc/kernel/uki.conf" ]]
	[ "$(cksum <"$addon")" != "$cksum" ]
	run -0 apply "${ARGUMENTS[@]}"
	[ -z "$output" ]
	# pesign has no key in a file.
	printf '[UKI]\nSecureBootSigningTool=pesign\nSecureBootCertificateName = mine\n' \
		>"$ROOT/etc/kernel/uki.conf"
	run -0 apply "${ARGUMENTS[@]}"
	[ -z "$output" ]
	chroot "$ROOT" /usr/lib/systemd/ukify build "--cmdline=${ARGUMENTS[*]}" \
		--output=/boot/efi/loader/addons/vfio-claim.addon.efi
	run -0 driver prepare "${ARGUMENTS[@]}"
	[[ $output == "run: "*"/ukify build "* ]]
}

# --- ostree ------------------------------------------------------------------------------------

@test "bootc: a drop-in for kargs.d and nothing else, and back" {
	target bootc
	snapshot >"$BATS_TEST_TMPDIR/before"
	run -1 driver verify "${ARGUMENTS[@]}"
	apply "${ARGUMENTS[@]}"
	driver verify "${ARGUMENTS[@]}"
	diff - "$ROOT/usr/lib/bootc/kargs.d/50-vfio-claim.toml" <<-'END'
		# Written by vfio-claim from its configuration.
		kargs = [
		    "intel_iommu=on",
		    "iommu=pt",
		    "vfio-pci.ids=10de:1c30,10de:10f1",
		    "rd.driver.pre=vfio-pci",
		    "modprobe.blacklist=nouveau",
		]
	END
	run -0 apply "${ARGUMENTS[@]}"
	[ -z "$output" ]
	driver revert
	snapshot | diff "$BATS_TEST_TMPDIR/before" -
	[ ! -e "$LOG" ]
}

# bats test_tags=native
@test "rpm-ostree: on the booted host, staged and booted, and back" {
	need_static_driver
	target rpm-ostree
	host apply "${ARGUMENTS[@]}"
	host verify "${ARGUMENTS[@]}"
	[[ $(cat "$LOG") == "rpm-ostree kargs --append-if-missing=intel_iommu=on --append-if-missing=iommu=pt "* ]]
	# Staged, which no entry shows; a second run must see it all the same.
	run -0 host apply "${ARGUMENTS[@]}"
	[ -z "$output" ]
	chroot "$ROOT" /usr/bin/rpm-ostree finalize
	[ "$(sed -n 's/^options //p' "$ENTRIES/ostree-3-fedora.conf")" = "root=UUID=dd rw quiet ostree=/ostree/boot.1/a ${ARGUMENTS[*]} " ]
	run -0 host apply "${ARGUMENTS[@]}"
	[ -z "$output" ]
	host verify "${ARGUMENTS[@]}"
	# One argument goes.
	run -0 host apply "${ARGUMENTS[@]:0:4}"
	[ "$output" = "run: /usr/bin/rpm-ostree kargs --delete-if-present=modprobe.blacklist=nouveau" ]
	# What is staged counts, not what was booted.
	run -1 host verify "${ARGUMENTS[@]}"
	[ "$output" = "the next deployment: the argument modprobe.blacklist=nouveau is missing" ]
	chroot "$ROOT" /usr/bin/rpm-ostree finalize
	# A list gets shorter: the old word goes, the new one comes.
	host apply "${ARGUMENTS[@]:0:2}" vfio-pci.ids=10de:1c30 rd.driver.pre=vfio-pci
	host verify "${ARGUMENTS[@]:0:2}" vfio-pci.ids=10de:1c30 rd.driver.pre=vfio-pci
	run -0 host apply "${ARGUMENTS[@]:0:2}" vfio-pci.ids=10de:1c30 rd.driver.pre=vfio-pci
	[ -z "$output" ]
	chroot "$ROOT" /usr/bin/rpm-ostree finalize
	host revert
	run -0 host revert
	[ -z "$output" ]
	chroot "$ROOT" /usr/bin/rpm-ostree finalize
	[ "$(sed -n 's/^options //p' "$ENTRIES/ostree-6-fedora.conf")" = "root=UUID=dd rw quiet ostree=/ostree/boot.1/a " ]
	run -0 host revert
	[ -z "$output" ]
}

# next_words: those that the stand-in for rpm-ostree has staged.
next_words() {
	tr '\000' '\n' <"$ROOT/run/ostree/staged-deployment" | sed -n '/^kargs$/,/^end$/p' |
		sed '1d;$d' | xargs
}

# bats test_tags=native
@test "rpm-ostree: a word that goes and comes takes two calls, and a pair converges" {
	need_static_driver
	target rpm-ostree
	local others="root=UUID=dd rw quiet ostree=/ostree/boot.1/a"
	host apply iommu=pt hugepagesz=1G hugepages=64
	chroot "$ROOT" /usr/bin/rpm-ostree kargs --delete-if-present=hugepagesz=1G
	run -0 host apply iommu=pt hugepagesz=1G hugepages=64
	echo "$output"
	[ "${lines[0]}" = "run: /usr/bin/rpm-ostree kargs --delete-if-present=hugepages=64" ]
	[ "${lines[1]}" = "run: /usr/bin/rpm-ostree kargs --append-if-missing=hugepagesz=1G --append-if-missing=hugepages=64" ]
	[ "$(next_words)" = "$others iommu=pt hugepagesz=1G hugepages=64" ]
	host verify iommu=pt hugepagesz=1G hugepages=64
	run -0 host apply iommu=pt hugepagesz=1G hugepages=64
	[ -z "$output" ]
	host revert
	[ "$(next_words)" = "$others" ]
}

@test "rpm-ostree: in an image nothing is run, and what is left to do is said" {
	target ostree-image
	run -0 apply "${ARGUMENTS[@]}"
	[ -z "$output" ]
	run -1 driver verify "${ARGUMENTS[@]}"
	[[ $output == "rpm-ostree sets kernel arguments on the booted host only: run vfio-claim apply there (for ${ARGUMENTS[*]})" ]]
	run -0 driver revert
	[ -z "$output" ]
}

# --- Hostile values ----------------------------------------------------------------------------

# written LOADER SECONDS FILE...: that is when the entries of the loader were written, once the file
# is of that time. All else is older.
written() {
	local loader=$1 seconds=$2 file

	shift 2
	for file; do
		install -D /dev/null "$ROOT/$file"
		find "$ROOT" -exec touch -h -d @500 {} +
		run -0 driver -l "$loader" written
		[ "$output" = "$loader: 500" ]
		touch -d "@$seconds" "$ROOT/$file"
		run -0 driver -l "$loader" written
		[ "$output" = "$loader: $seconds" ]
	done
}

@test "written: the youngest of the files that are looked into, and of no other" {
	target debian
	rm "$ROOT/boot/grub/grub.cfg"
	run -0 driver -l grub.d written
	[ "$output" = "grub.d: 0" ]
	written grub.d 1000 boot/grub/grub.cfg boot/grub2/grub.cfg
	written grub-default 1000 boot/grub/grub.cfg boot/grub2/grub.cfg
	written grubby 1000 boot/loader/entries/x.conf boot/grub2/grub.cfg
	written kernel-install 1000 etc/kernel/cmdline efi/loader/entries/x.conf \
		boot/loader/entries/x.conf boot/efi/loader/entries/x.conf efi/EFI/Linux/x.efi
	written uki-addon 1000 boot/efi/loader/addons/x.addon.efi efi/loader/addons/x.addon.efi
	written bootc 1000 usr/lib/bootc/kargs.d/50-vfio-claim.toml
	written rpm-ostree 1000 boot/loader/entries/x.conf run/ostree/staged-deployment
	# What each boot writes to: the counters of systemd-boot are in names, GRUB's in grubenv.
	find "$ROOT" -exec touch -h -d @500 {} +
	mv "$ROOT/efi/loader/entries/x.conf" "$ROOT/efi/loader/entries/y.conf"
	: >"$ROOT/boot/grub2/grubenv"
	run -0 driver -l kernel-install written
	[ "$output" = "kernel-install: 500" ]
	run -0 driver -l grubby written
	[ "$output" = "grubby: 500" ]
}

@test "hostile arguments reach no shell, and what a file cannot hold is refused" {
	hostile=('a=$(touch${IFS}/tmp/owned)' 'b=`touch${IFS}/tmp/owned`' 'c=;touch${IFS}/tmp/owned'
		"d='x" 'e="a b"' 'f=\' '-g' '--config=/etc/passwd' '@/etc/passwd')
	for name in opensuse rhel9 systemd-boot uki vendor-uki bootc; do
		for word in "${hostile[@]}"; do
			rm -rf "$ROOT" "$STATE"
			target "$name"
			echo "$name: $word"
			# The snippet is not this test's matter: vfio-claim quotes for it.
			run driver apply "$word"
			[ ! -e "$ROOT/tmp/owned" ]
			if [ "$status" -eq 0 ]; then
				[ "$name" = opensuse ] || driver verify "$word"
				driver revert
			else
				# Only grubby, to which these are patterns.
				[[ $name == rhel9 && $output == "grubby: Invalid argument"* ]]
				[ ! -e "$LOG" ]
			fi
		done
		for word in $'a=\nb' $'a="x\ny"' $'a\tb' 'a="b' 'a b' ''; do
			run -1 driver apply "$word"
			[[ $output == *"Invalid argument"* ]]
		done
	done
}

@test "hostile files: entries, grub.cfg and drop-ins of any bytes" {
	target rhel9
	head -c 20000 /dev/urandom >"$ENTRIES/noise.conf"
	printf 'options' >"$ENTRIES/short.conf"
	printf 'linux x\noptions $ ${ $} ${kernelopts' >"$ENTRIES/dollars.conf"
	head -c 20000 /dev/urandom >>"$ROOT/boot/grub2/grub.cfg"
	run driver base
	[ "$status" -le 1 ]
	rm -rf "$ROOT"
	target debian
	printf "### BEGIN /etc/grub.d/10_linux ###\nmenuentry '\nlinux\nlinux x\n linux  x  y" \
		>"$ROOT/boot/grub/grub.cfg"
	printf 'GRUB_CMDLINE_LINUX="$(touch /tmp/owned)"\n' >"$ROOT/etc/default/grub.d/95.cfg"
	[ "$(driver base)" = "grub.d: " ]
	run -1 driver verify iommu=pt
	[ ! -e /tmp/owned ]
	rm -rf "$ROOT"
	target bootc
	head -c 20000 /dev/urandom >"$ROOT/usr/lib/bootc/kargs.d/00-noise.toml"
	driver base
}

@test "two sizes of huge pages: kept whole, or refused" {
	local pages=(hugepagesz=1G hugepages=4 hugepagesz=2M hugepages=4) name

	for name in rhel9 systemd-boot bootc vendor-uki; do
		rm -rf "$ROOT"
		target "$name"
		run -1 apply "${pages[@]}"
		echo "$name: $output"
		[[ $output == *"Operation not supported"* ]]
		run -0 driver detect
	done
	rm -rf "$ROOT"
	target debian
	apply "${pages[@]}"
	grep -q "${pages[*]}" "$ROOT/boot/grub/grub.cfg"
}

# pages_of FILE...: their words about huge pages, in their order.
pages_of() {
	grep -hv '^#' "$@" | tr '\n' ' ' | grep -oE '\bhugepages(z|)=[^ ]*' | xargs -r
}

@test "huge pages: what others say of them is torn apart by no loader" {
	local name words

	for name in rhel8 rhel9 systemd-boot uki; do
		for words in hugepages=64 "hugepagesz=2M hugepages=64" \
			"hugepagesz=1G hugepages=32 hugepagesz=2M hugepages=64"; do
			echo "$name: $words"
			rm -rf "$ROOT" "$STATE"
			target "$name"
			others_have "$name" "$words"
			snapshot >"$BATS_TEST_TMPDIR/before"
			run -1 apply hugepagesz=1G hugepages=64
			[[ $output == *"Operation not supported"* ]]
			snapshot | diff "$BATS_TEST_TMPDIR/before" -
			run -1 driver verify hugepagesz=1G hugepages=64
			[[ $output == *": the argument hugepagesz=1G hugepages=64 is missing"* ]]
		done
		# What is there already is nothing to do.
		run apply hugepagesz=2M hugepages=64
		echo "$output"
		[ "$name" = rhel8 ] || [ "$name" = rhel9 ] || [ "$output" = "" ]
		[[ $output != *"run: "* ]]
	done
	rm -rf "$ROOT" "$STATE"
	target bootc
	echo 'kargs = ["hugepages=64"]' >"$ROOT/usr/lib/bootc/kargs.d/20-pages.toml"
	run -1 apply hugepagesz=1G hugepages=64
	[[ $output == "bootc: Operation not supported"* ]]
}

@test "huge pages: of other counts than others' they go and come in pairs" {
	local name

	for name in rhel8 rhel9 systemd-boot uki; do
		echo "$name"
		rm -rf "$ROOT" "$STATE"
		target "$name"
		others_have "$name" "hugepagesz=2M hugepages=512"
		ARGUMENTS=(iommu=pt hugepagesz=1G hugepages=16)
		snapshot >"$BATS_TEST_TMPDIR/before"
		apply "${ARGUMENTS[@]}"
		driver verify "${ARGUMENTS[@]}"
		run -0 apply "${ARGUMENTS[@]}"
		[ -z "$output" ]
		apply iommu=pt hugepagesz=1G hugepages=32
		driver verify iommu=pt hugepagesz=1G hugepages=32
		run -1 driver verify "${ARGUMENTS[@]}"
		[ ! -e "$ROOT/etc/kernel/cmdline" ] ||
			[ "$(pages_of "$ROOT/etc/kernel/cmdline")" = "hugepagesz=2M hugepages=512 hugepagesz=1G hugepages=32" ]
		driver revert
		snapshot | diff "$BATS_TEST_TMPDIR/before" -
	done
}

@test "huge pages: a pair that somebody broke, or wrote another one behind, is made whole" {
	local file=$ROOT/etc/kernel/cmdline

	target systemd-boot
	apply hugepagesz=1G hugepages=16
	sed -i 's/ hugepages=16//' "$file"
	run -1 driver verify hugepagesz=1G hugepages=16
	[[ ${lines[0]} == "etc/kernel/cmdline: the argument hugepagesz=1G hugepages=16 is missing" ]]
	echo "$(cat "$file") hugepagesz=2M hugepages=512" >"$file"
	apply hugepagesz=1G hugepages=16
	driver verify hugepagesz=1G hugepages=16
	[ "$(pages_of "$file")" = "hugepagesz=2M hugepages=512 hugepagesz=1G hugepages=16" ]
	echo "$(cat "$file") hugepagesz=64K hugepages=8" >"$file"
	apply hugepagesz=1G hugepages=32
	[ "$(pages_of "$file")" = "hugepagesz=2M hugepages=512 hugepagesz=64K hugepages=8 hugepagesz=1G hugepages=32" ]
	driver revert
	[ "$(pages_of "$file")" = "hugepagesz=2M hugepages=512 hugepagesz=64K hugepages=8" ]
}

@test "huge pages: of the same count for another size, ours alone go" {
	local file=$ROOT/etc/kernel/cmdline

	target systemd-boot
	apply hugepagesz=1G hugepages=64
	others_have systemd-boot "hugepagesz=2M hugepages=64"
	run -1 apply hugepagesz=1G hugepages=64
	[[ $output == *"Operation not supported"* ]]
	driver revert
	[ "$(pages_of "$file")" = "hugepagesz=2M hugepages=64" ]
	rm -rf "$ROOT" "$STATE"
	target systemd-boot
	apply hugepagesz=1G hugepages=64
	others_have systemd-boot "hugepagesz=2M hugepages=64"
	apply hugepagesz=1G hugepages=32
	driver verify hugepagesz=1G hugepages=32
	[ "$(pages_of "$file")" = "hugepagesz=2M hugepages=64 hugepagesz=1G hugepages=32" ]
	run -0 apply hugepagesz=1G hugepages=32
	[ -z "$output" ]
	driver revert
	[ "$(pages_of "$file")" = "hugepagesz=2M hugepages=64" ]
}

@test "huge pages: grubby takes no word of others' with ours" {
	local entry=$ENTRIES/$ID-5.14.0-503.11.1.el9_5.x86_64.conf

	target rhel9
	printf '[host]\nextra_args = hugepagesz=1G hugepages=64\n' >"$ROOT/etc/vfio-claim.conf"
	"$TOOL" apply --root "$ROOT" --no-rebuild
	others_have rhel9 "hugepagesz=2M hugepages=64"
	cp "$entry" "$BATS_TEST_TMPDIR/entry"
	run ! "$TOOL" revert --root "$ROOT" --no-rebuild
	[[ $output == *"grubby: "*"hugepages="*"by hand"* ]]
	cmp "$entry" "$BATS_TEST_TMPDIR/entry"
	# It gives others theirs back where ours go on.
	sed -i 's/=64/=32/' "$ROOT/etc/vfio-claim.conf"
	"$TOOL" apply --root "$ROOT" --no-rebuild
	[ "$(pages_of "$entry")" = "hugepagesz=2M hugepages=64 hugepagesz=1G hugepages=32" ]
	"$TOOL" revert --root "$ROOT" --no-rebuild
	[ "$(pages_of "$entry")" = "hugepagesz=2M hugepages=64" ]
	# By hand, as it is said.
	rm -rf "$ROOT" "$STATE"
	target rhel9
	apply hugepagesz=1G hugepages=64
	others_have rhel9 "hugepagesz=2M hugepages=64"
	run -1 apply iommu=pt
	[[ $output == *"grubby: Operation not supported"* ]]
	sed -i 's/ hugepagesz=1G hugepages=64//' "$ENTRIES"/*.conf "$ROOT/etc/kernel/cmdline"
	driver revert
	[ "$(pages_of "$entry")" = "hugepagesz=2M hugepages=64" ]
}

# bats test_tags=native
@test "huge pages: rpm-ostree takes no word of others' with ours" {
	need_static_driver
	target rpm-ostree
	host apply iommu=pt hugepagesz=1G hugepages=64
	chroot "$ROOT" /usr/bin/rpm-ostree finalize
	sed -i 's|^options .*|& hugepagesz=2M hugepages=64|' "$ENTRIES"/*.conf
	for words in "" "iommu=pt hugepagesz=1G hugepages=64" "iommu=pt hugepagesz=1G hugepages=32"; do
		# shellcheck disable=SC2086 # words
		run -1 host apply $words
		[[ $output == *"rpm-ostree: Operation not supported"* ]]
	done
	run -1 host revert
	[ ! -e "$ROOT/run/ostree/staged-deployment" ]
	sed -i 's| hugepagesz=1G hugepages=64||' "$ENTRIES"/*.conf
	host revert
	[ "$(next_words)" = "root=UUID=dd rw quiet ostree=/ostree/boot.1/a hugepagesz=2M hugepages=64" ]
	# A count that others changed is theirs, with its size.
	rm -rf "$ROOT"
	target rpm-ostree
	host apply hugepagesz=1G hugepages=64
	chroot "$ROOT" /usr/bin/rpm-ostree finalize
	sed -i 's|hugepages=64|hugepagesz=2M hugepages=8|' "$ENTRIES"/*.conf
	host apply hugepagesz=1G hugepages=32
	[ "$(next_words)" = "root=UUID=dd rw quiet ostree=/ostree/boot.1/a hugepagesz=2M hugepages=8 hugepagesz=1G hugepages=32" ]
}

@test "huge pages: what one entry has is given to all only where that breaks nothing" {
	target rhel9
	newest=$ENTRIES/$ID-5.14.0-503.11.1.el9_5.x86_64.conf
	sed -i 's|^options .*|& hugepagesz=1G hugepages=16|' "$newest"
	apply hugepagesz=1G hugepages=16
	driver verify hugepagesz=1G hugepages=16
	[ "$(pages_of "$newest")" = "hugepagesz=1G hugepages=16" ]
	rm -rf "$ROOT" "$STATE"
	target rhel9
	sed -i 's|^options .*|& hugepages=512|' "$ENTRIES"/*.conf
	sed -i 's|hugepages=512|hugepagesz=2M &|' "$newest"
	run -1 apply hugepagesz=1G hugepages=16
	[[ $output == *"grubby: Operation not supported"* ]]
}

@test "huge pages: the add-on's are behind those of the image, whole" {
	target vendor-uki
	chroot "$ROOT" /usr/lib/systemd/ukify build --cmdline=hugepages=64 \
		"--output=/boot/efi/EFI/Linux/$ID-5.14.0-503.11.1.el9_5.x86_64.efi"
	printf '[host]\nextra_args = hugepagesz=1G hugepages=64\n' >"$ROOT/etc/vfio-claim.conf"
	run "$TOOL" apply --root "$ROOT"
	grep -qa "hugepagesz=1G hugepages=64" "$ROOT/boot/efi/loader/addons/vfio-claim.addon.efi"
}

@test "huge pages: the refusal of apply leaves everything as it was" {
	target systemd-boot
	others_have systemd-boot hugepages=64
	printf '[host]\nextra_args = hugepagesz=1G hugepages=64\n' >"$ROOT/etc/vfio-claim.conf"
	run -5 "$TOOL" apply --root "$ROOT"
	[[ $output == *"kernel-install: it would mix up what is said of huge pages of several sizes; say all of it in one place"* ]]
	[ "$(pages_of "$ROOT/etc/kernel/cmdline")" = "hugepages=64" ]
	sed -i 's/ hugepages=64//' "$ROOT/etc/kernel/cmdline"
	run "$TOOL" apply --root "$ROOT"
	[ "$(pages_of "$ROOT/etc/kernel/cmdline")" = "hugepagesz=1G hugepages=64" ]
	"$TOOL" revert --root "$ROOT"
	[ -z "$(pages_of "$ROOT/etc/kernel/cmdline")" ]
}
