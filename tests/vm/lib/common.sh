# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034  # the other parts read what is set here
# What every part of the lab shares: where it keeps things, words to the user,
# locks, hashes and mounts that go away by themselves.

LAB=${VFIO_CLAIM_LAB:-/var/cache/vfio-claim-lab}
VM_DIR=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
SOURCE_DIR=$(cd "$VM_DIR/../.." && pwd)
SCENARIOS=${LAB_SCENARIOS:-$VM_DIR/scenarios}
# Where the facts go, and what each machine has on its command line besides its own.
FACTS_DIR=${LAB_FACTS:-$LAB/facts}
EXTRA_ARGUMENTS=${LAB_ARGUMENTS-}
RELEASES=(12 13 testing)

# Of every machine. no_timer_check: on a busy machine an emulated timer may be late, which Linux
# 6.1 takes for broken interrupt remapping, and panics. mitigations=off: page tables of the kernel's
# own cost an emulated processor a third of its time.
LAB_KERNEL_ARGUMENTS="console=ttyS0 panic=1 no_timer_check mitigations=off rd.shell=0 \
rd.emergency=poweroff"

say() { printf 'lab: %s\n' "$*" >&2; }

die() {
	printf 'lab: error: %s\n' "$*" >&2
	exit 1
}

need_root() {
	[ "$(id -u)" = 0 ] || die "needs root (mounts and chroot): try sudo"
	mkdir -p "$LAB"/{trees,layers,product,images,disks,storage,facts,run,bin}
}

# seconds_since START (a value of $EPOCHSECONDS)
seconds_since() { echo $((EPOCHSECONDS - $1)); }

# A key for what is made out of the standard input and the words given.
hash_of() { { printf '%s\n' "$@"; cat; } | sha256sum | cut -c1-16; }

# with_lock NAME COMMAND...: one at a time, however many labs are running.
with_lock() {
	local lock=$LAB/$1.lock

	shift
	(
		flock 9
		"$@" 9>&-
	) 9>"$lock"
}

# A shell function that changes mounts runs in a namespace of its own, so that
# its mounts are gone when it ends, even when it was killed.
# in_namespace FUNCTION ARGUMENT...
in_namespace() {
	(exec_in_namespace "$@")
}

# The same in place of this process, which can then be told to end.
exec_in_namespace() {
	exec unshare --mount --propagation private "$VM_DIR/lab" _call "$@"
}

# mount_over LOWER WORK TARGET: a tree that may be written to and that leaves
# LOWER (one or more directories, with colons) as it was.
mount_over() {
	mkdir -p "$2/upper" "$2/work" "$3"
	mount -t overlay overlay \
		-o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$3"
}

# The file systems that programs in a tree expect.
mount_api() {
	mount -t proc proc "$1/proc"
	mount --rbind /dev "$1/dev"
	mount -t tmpfs tmpfs "$1/run"
}

# in_tree ROOT COMMAND...: without what this machine's environment would add.
in_tree() {
	local root=$1

	shift
	env -i HOME=/root TERM=dumb LC_ALL=C.UTF-8 \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		chroot "$root" "$@"
}

# Runs COMMAND ITEM for each ITEM of the standard input, two at a time, and
# says how each went. COMMAND leaves a last word on its own in LAB/run/ITEM.note.
# Not for a pipeline: only the lab's first process hears that it is to stop.
# in_pairs LABEL COMMAND...
in_pairs() {
	local label=$1 total=0 finished=0 failures=0 running=0 pid item
	local -a items=()
	local -A name=() started=()

	shift
	mapfile -t items
	total=${#items[@]}
	for item in "${items[@]}"; do
		while [ "$running" -ge "${LAB_JOBS:-2}" ]; do
			reap_one "$label"
		done
		"$@" "$item" </dev/null &
		name[$!]=$item
		started[$!]=$EPOCHSECONDS
		running=$((running + 1))
	done
	while [ "$running" -gt 0 ]; do
		reap_one "$label"
	done
	return $((failures > 0))
}

# Part of in_pairs, on its variables.
reap_one() {
	local word=ok note='' ended

	wait -n -p pid || {
		word=FAILED
		failures=$((failures + 1))
	}
	running=$((running - 1))
	finished=$((finished + 1))
	ended=${name[$pid]}
	[ ! -e "$LAB/run/$ended.note" ] || note=" ($(<"$LAB/run/$ended.note"))"
	printf '[%*d/%d] %s %s ... %s %d s%s\n' ${#total} "$finished" "$total" \
		"$1" "$ended" "$word" "$(seconds_since "${started[$pid]}")" "$note" >&2
}
