# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154  # $dir, $root and so on are those of the callers
# What vfio-claim costs: in each initramfs, and in a boot, counted in instructions of the guest's
# processor. Prints tables for programs (tabs); tests/bench/bench makes those for people of them.

BENCH_RELEASE=13
BENCH_GENERATORS=${BENCH_GENERATORS:-initramfs-tools dracut-systemd}
BENCH_IDS=10de:1c30,10de:10f1
# What boots are compared:
#   native      no claim: native drivers find the card
#   loaded      the same with vfio-pci forced in by hand, without IDs: it claims nothing
#   by-hand     forced in with vfio-pci.ids=; dracut's way to do that is rd.driver.pre=vfio-pci
#   driverctl   Debian's, with overrides that were saved before
#   vfio-claim
BENCH_CASES=${BENCH_CASES:-native loaded by-hand driverctl vfio-claim}
BENCH_BOOTS=${BENCH_BOOTS:-3}

# ---- The images: stock, forced (vfio-pci by hand), claim (vfio-claim with a config)

# bench_image RELEASE GENERATOR KIND: its directory; with `sizes` (compressed and not) and `initrd`.
bench_image() {
	local key layer=''

	[ "$3" != claim ] || layer=$(product_layer)
	key=$(declare -f build_bench_image force_vfio repack | hash_of "$(tree_of "$1")" "$layer")
	echo "$LAB/bench/images/$1-$2-$3-$key"
}

# As the guides have it.
force_vfio() {
	if [ "$generator" = initramfs-tools ]; then
		printf '%s\n' vfio vfio_iommu_type1 vfio_pci >>"$root/etc/initramfs-tools/modules"
	else
		echo 'force_drivers+=" vfio vfio_iommu_type1 vfio_pci "' >"$root/etc/dracut.conf.d/vfio.conf"
	fi
}

# The image again, not compressed: from the files in DIRECTORY, or from its directories where it
# was several archives.
# repack DIRECTORY
repack() {
	local part

	for part in "$1"/{early,early[0-9]*,main}; do
		[ ! -d "$part" ] || (cd "$part" && find . | LC_ALL=C sort | cpio --quiet -o -H newc)
	done
	[ -d "$1/main" ] || (cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc)
}

# Runs in a mount namespace of its own. With the generator's own compressor, unlike the other
# images of the lab.
build_bench_image() {
	local dir=$1 release=$2 generator=$3 kind=$4 root=$1/work/root layer='' kernel file

	kernel=$(kernel_of "$release")
	[ "$kind" != claim ] || layer=$(product_layer):
	mount_over "$layer$(tree_of "$release")" "$dir/work" "$root"
	mount_api "$root"
	[ "$generator" = initramfs-tools ] || mount --rbind /sys "$root/sys"
	mount --bind "$dir" "$root/mnt"
	case $kind in
	forced) force_vfio ;;
	claim) printf '[claim gpu]\nmatch = 10de:1c30\n' >"$root/etc/vfio-claim.conf" ;;
	esac
	if [ "$generator" = initramfs-tools ]; then
		in_tree "$root" mkinitramfs -o /mnt/initrd "$kernel"
	else
		in_tree "$root" dracut --force --no-hostonly --no-early-microcode --omit busybox \
			--kver "$kernel" /mnt/initrd
	fi
	in_tree "$root" unmkinitramfs /mnt/initrd /mnt/unpacked
	stat -c %s "$dir/initrd" >"$dir/sizes"
	# Boots take the image that was unpacked, for their number's sake.
	repack "$dir/unpacked" >"$dir/initrd.new"
	mv "$dir/initrd.new" "$dir/initrd"
	stat -c %s "$dir/initrd" >>"$dir/sizes"
	for file in "$dir"/unpacked/{,main/}scripts/init-top/ORDER; do
		[ ! -e "$file" ] || cp "$file" "$dir/order"
	done
}

# bench_image_for RELEASE.GENERATOR.KIND
bench_image_for() {
	local words dir

	IFS=. read -r -a words <<<"$1"
	dir=$(bench_image "${words[@]}")
	[ ! -e "$dir/done" ] || return 0
	rm -rf "${dir%-*}"-*
	mkdir -p "$dir"
	if ! in_namespace build_bench_image "$dir" "${words[@]}" >"$dir/build.log" 2>&1; then
		tail -n 20 "$dir/build.log" >&2
		die "an image was not built (log: $dir/build.log)"
	fi
	rm -rf "$dir/work" "$dir/unpacked"
	[ "${words[0]}" = "$BENCH_RELEASE" ] || rm "$dir/initrd"
	touch "$dir/done"
}

# bench_images RELEASE...
bench_images() {
	local release generator kind

	lab_trees 12 13 "$@"
	lab_product
	in_pairs image "$VM_DIR/lab" _call bench_image_for < <(
		for release; do
			for generator in $BENCH_GENERATORS; do
				for kind in stock forced claim; do
					echo "$release.$generator.$kind"
				done
			done
		done
	)
}

# A line an image: release, generator, kind, bytes, bytes unpacked.
lab_bench_image() {
	local release generator kind

	bench_images "${RELEASES[@]}"
	for release in "${RELEASES[@]}"; do
		for generator in $BENCH_GENERATORS; do
			for kind in stock forced claim; do
				printf '%s\t' "$release" "$generator" "$kind"
				paste -s "$(bench_image "$release" "$generator" "$kind")/sizes"
			done
		done
	done
}

# ---- The boots

# The compiled tools: the plugin of QEMU that counts, and the program that sets a mark.
build_counter() {
	local out=$LAB/bench

	mkdir -p "$out"
	"${CC:-cc}" -std=c17 -O2 -Wall -Wextra -fPIC -shared -fvisibility=hidden \
		-o "$out/insn-count.so" "$VM_DIR/bench/insn-count.c"
	"${CC:-cc}" -std=c17 -O2 -Wall -Wextra -static -nostdlib -ffreestanding -fno-stack-protector -s \
		-o "$out/mark" "$VM_DIR/bench/mark.c"
}

# bench_disk plain|driverctl
bench_disk() {
	local key

	key=$(cat "$VM_DIR"/bench/* "$VM_DIR"/lib/{bench,disk}.sh |
		hash_of "$(tree_of "$BENCH_RELEASE")")
	echo "$LAB/bench/$1-$key.img"
}

# Runs in a mount namespace of its own.
fill_bench_disk() {
	local kind=$1 disk=$2 root=$2.work/root function

	mount_over "$(layer_of driverctl "$BENCH_RELEASE" driverctl):$(tree_of "$BENCH_RELEASE")" \
		"$disk.work" "$root"
	prune "$root"
	furnish "$root"
	install -m 755 "$VM_DIR/bench/agent" "$root/usr/local/sbin/lab-agent"
	install -m 755 "$LAB/bench/mark" "$root/usr/local/sbin/lab-mark"
	install -D -m 644 /dev/stdin "$root/etc/systemd/system/driverctl@.service.d/mark.conf" <<-'END'
		[Service]
		ExecStartPost=/usr/local/sbin/lab-mark 8
	END
	[ "$kind" != driverctl ] || for function in 0 1; do
		echo vfio-pci >"$root/etc/driverctl.d/pci-0000:01:00.$function"
	done
	mke2fs -q -t ext4 -O '^has_journal' -E lazy_itable_init=1 -m 0 \
		-L labroot -d "$root" "$disk.part" 1G >/dev/null
}

build_bench_disk() {
	local disk

	disk=$(bench_disk "$1")
	[ ! -e "$disk" ] || return 0
	say "Debian $BENCH_RELEASE: making the disk for benchmarks ($1) ..."
	rm -rf "$LAB/bench/$1"-*
	in_namespace fill_bench_disk "$1" "$disk"
	rm -rf "$disk.work"
	mv "$disk.part" "$disk"
}

# The same marks in every case: 1 the first script of the initramfs; 4 and 5 before and after the
# place where vfio-claim's early hook is; 6 when all has been loaded that was asked for by name
# (with dracut before coldplug, with initramfs-tools behind it). 8 and 9 are set on the root disk.
add_marks() {
	local hooks=var/lib/dracut/hooks hook order=$image/order

	install -D -m 755 "$LAB/bench/mark" "$dir/overlay/lab-mark"
	first_words lab-mark <<<"/lab-mark 1"
	if [ "${S[generator]}" = initramfs-tools ]; then
		{
			echo "/lab-mark 4"
			grep -A 1 00-vfio-claim "$order" || true
			echo "/lab-mark 5"
			grep -v 00-vfio-claim "$order"
		} | overlay_file scripts/init-top/ORDER
		# Nothing but vfio-claim has scripts here, and those are for what was not asked for.
		overlay_file scripts/init-premount/ORDER <<<"/lab-mark 6"
		return
	fi
	for hook in pre-udev/00-a.4 pre-udev/01-a.5 pre-trigger/00-a.6; do
		overlay_file "$hooks/${hook%.*}.sh" <<<"/lab-mark ${hook##*.}"
		chmod 755 "$dir/overlay/$hooks/${hook%.*}.sh"
	done
}

# bench_boot GENERATOR.CASE.RUN
bench_boot() {
	local generator what run kind=stock disk=plain dir=$LAB/run/bench-$1 image
	# Timers then follow the instructions, not the clock of a busy host.
	local -a extra_qemu=(-icount "shift=1,sleep=on,align=off"
		-plugin "file=/mnt/insn-count.so,out=/mnt/marks")
	local -A S=()

	IFS=. read -r generator what run <<<"$1"
	read_scenario "$VM_DIR/bench/machine"
	S[generator]=$generator
	# Addresses that differ from boot to boot cost differently.
	S[append]=nokaslr
	case $what in
	loaded) kind=forced ;;
	by-hand)
		kind=forced
		S[append]+=" rd.driver.pre=vfio-pci vfio-pci.ids=$BENCH_IDS"
		;;
	driverctl) disk=driverctl ;;
	vfio-claim) kind=claim ;;
	esac
	rm -rf "$dir"
	mkdir -p "$dir"
	image=$(bench_image "$BENCH_RELEASE" "$generator" "$kind")
	add_marks
	make_initrd
	make_lab_disk "" ""
	cp "$LAB/bench/insn-count.so" "$dir/"
	power_on "$(tree_of "$BENCH_RELEASE")/boot/vmlinuz-$(kernel_of "$BENCH_RELEASE")" \
		"$(bench_disk "$disk")"
	judge_boot "$1"
}

# judge_boot GENERATOR.CASE.RUN: its counts, if it was the boot that it should be.
judge_boot() {
	local kept=$LAB/bench/boots/$1 drivers wanted=any

	mkdir -p "$kept"
	cp "$dir"/{console,qemu.log,marks} "$dir"/out/* "$kept/" 2>/dev/null || true
	[ -s "$kept/drivers" ] || die "$1: it did not boot (console: $kept/console)"
	# driverctl's is a result too.
	case $1 in
	*.by-hand.* | *.vfio-claim.*) wanted=vfio-pci,vfio-pci ;;
	esac
	drivers=$(cut -d' ' -f2 "$kept/drivers" | paste -sd,)
	[ "$wanted" = any ] || [ "$drivers" = "$wanted" ] || die "$1: the card has $drivers"
	rm -rf "$dir"
}

# claimed_mark CASE: the one that is set when the devices are claimed.
claimed_mark() {
	case $1 in
	by-hand) echo 6 ;;
	driverctl) echo 8 ;;
	vfio-claim) echo 5 ;;
	*) echo none ;;
	esac
}

# bench_line GENERATOR.CASE.RUN: these three, and the instructions from the kernel's start to: before
# vfio-claim's hook, after it, what was asked for by name is loaded, both functions are with vfio-pci
# (or -), multi-user with udev settled; then the drivers of both.
bench_line() {
	local what=${1#*.} kept=$LAB/bench/boots/$1 drivers

	drivers=$(cut -d' ' -f2 "$kept/drivers" | paste -sd' ')
	tr . '\t' <<<"$1" | tr '\n' '\t'
	awk -v claimed="$(claimed_mark "${what%.*}")" -v drivers="$drivers" '
		$1 == "kernel" { start = $2 }
		$1 == "mark" { at[$2] = $3 - start }
		END {
			done = drivers == "vfio-pci vfio-pci" && claimed in at
			printf "%.0f\t%.0f\t%.0f\t%s\t%.0f\t%s\n", at[4], at[5], at[6],
				done ? sprintf("%.0f", at[claimed]) : "-", at[9], drivers
		}' "$kept/marks"
}

# bench_line of every boot.
lab_bench_boot() {
	local run generator what name
	local -a boots=()

	for ((run = 1; run <= BENCH_BOOTS; run++)); do
		for generator in $BENCH_GENERATORS; do
			for what in $BENCH_CASES; do
				boots+=("$generator.$what.$run")
			done
		done
	done
	bench_images "$BENCH_RELEASE"
	make_layer driverctl "$BENCH_RELEASE" driverctl
	build_counter
	build_bench_disk plain
	build_bench_disk driverctl
	build_server
	rm -rf "$LAB/bench/boots"
	in_pairs boot "$VM_DIR/lab" _call bench_boot < <(printf '%s\n' "${boots[@]}")
	for name in "${boots[@]}"; do
		bench_line "$name"
	done
}
