# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # of machine.bash, which is loaded first
# For the bats files of the packages: one is built, and lives in the tree $ROOT.

# git_status: what git says of the working tree, without what is built in it.
git_status() {
	git -C "$REPO" status --porcelain --ignored | grep -v build || :
}

# build_package KIND: prints the path of what `make KIND` made. What git said before and after is
# in status-before and status-after.
build_package() {
	local package

	git_status >"$BATS_FILE_TMPDIR/status-before"
	package=$(make --no-print-directory -C "$REPO" BUILD="$BATS_FILE_TMPDIR/build" "$1" \
		2>"$BATS_FILE_TMPDIR/build.errors" | tee "$BATS_FILE_TMPDIR/build.log" | tail -n 1)
	git_status >"$BATS_FILE_TMPDIR/status-after"
	[ -e "$package" ] || { cat "$BATS_FILE_TMPDIR"/build.{log,errors} >&2; return 1; }
	echo "$package"
}

# our_version: of the source.
our_version() {
	sed -n 's/.*VFIO_CLAIM_VERSION "\(.*\)"/\1/p' "$REPO/src/version.h"
}

# copy_tree NAME: the tree of the file that is named, to install in.
copy_tree() {
	[ "$(id -u)" -eq 0 ] || skip "chroot needs root"
	cp -a "$BATS_FILE_TMPDIR/$1" "$ROOT"
}

config() {
	printf '[claim gpu]\nmatch = 10de:1c30\n' >"$ROOT/etc/vfio-claim.conf"
}

# inside COMMAND...: in the tree as its own system.
inside() {
	unshare --mount-proc="$ROOT/proc" chroot "$ROOT" "$@"
}

# calls: what the stand-ins were told.
calls() {
	cat "$ROOT/var/log/stand-ins.log" 2>/dev/null
}
