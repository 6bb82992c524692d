# SPDX-License-Identifier: GPL-2.0-or-later
# The vfio-user server's own manners; the machines show the rest of it.

setup() {
	cd "$BATS_TEST_TMPDIR"
	server=$BATS_FILE_TMPDIR/vfio-user-server
}

setup_file() {
	"${CC:-cc}" -std=c17 -Wall -Wextra -Werror -o "$BATS_FILE_TMPDIR/vfio-user-server" \
		"$BATS_TEST_DIRNAME/vfio-user-server.c"
}

@test "every error of a spec is told with its line" {
	printf '%s\n' 'id 10de:1c30' 'function a' '  id 10de:1c3' '  class 03' \
		'  bar 6 16M mem32' '  bar 0 17M mem32' '  bar 1 16M flash' '  what' \
		'  capabilities pm xyz' 'function a' >spec
	run "$server" spec
	[ "$status" = 1 ]
	[ "${#lines[@]}" = 9 ]
	[ "${lines[0]}" = "spec:1: 'id' before the first function" ]
	[ "${lines[1]}" = "spec:3: id wants VVVV:DDDD" ]
	[ "${lines[5]}" = "spec:7: unknown BAR flag 'flash'" ]
	[ "${lines[8]}" = "spec:10: a second function 'a'" ]
}

@test "every card of the lab is a good spec, and SIGTERM ends the server" {
	local card pid

	for card in "$BATS_TEST_DIRNAME"/cards/*; do
		"$server" "$card" log 2>words 3>&- &
		pid=$!
		timeout 5 sh -c 'until grep -q ready words; do sleep 0.1; done'
		[ -S 0.sock ]
		kill "$pid"
		wait "$pid"
		[ ! -e 0.sock ]
	done
}
