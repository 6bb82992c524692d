#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Replays each fuzzer's corpus; with clang a fuzzer also runs for a moment. To search for long:
#   clang -fsanitize=fuzzer,address,undefined -std=c17 -D_GNU_SOURCE -Isrc -o fuzz \
#     tests/fuzz/fuzz_config.c src/{text,pci,claim,config,table,cmdline,match,guards,plan,udev_rule,quoting}.c

setup() {
	load lib/machine.bash
	cd "$REPO" || return 1
}

# replay NAME: every file of the corpus, with the sanitizers where the build has them.
replay() {
	local flags=(-std=c17 -D_GNU_SOURCE -DREPLAY -Isrc -g -Wall -Wextra -Werror)

	with_sanitizer && flags+=(-fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all)
	"${CC:-cc}" "${flags[@]}" -o "$BATS_TEST_TMPDIR/replay" "tests/fuzz/fuzz_$1.c" \
		"$BUILD/core.a"
	"$BATS_TEST_TMPDIR/replay" "tests/fuzz/corpus/$1"
	# A corpus that is not there must not pass.
	run "$BATS_TEST_TMPDIR/replay"
	[ "$status" -ne 0 ]
}

# search NAME [SOURCE...]: twenty thousand inputs of its own making.
search() {
	local name=$1
	local -a sources=(src/{text,pci,claim,config,table,cmdline,match,guards,plan,udev_rule,quoting}.c)

	shift
	[ $# = 0 ] || sources=("$@")
	command -v clang >/dev/null || skip "clang is not installed"
	with_sanitizer && skip "the fuzzer has its own sanitizers"
	clang -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -std=c17 \
		-D_GNU_SOURCE -Isrc -g -O1 -o "$BATS_TEST_TMPDIR/fuzz" "tests/fuzz/fuzz_$name.c" \
		"${sources[@]}"
	mkdir "$BATS_TEST_TMPDIR/new"
	"$BATS_TEST_TMPDIR/fuzz" -runs=20000 -seed=1 -artifact_prefix="$BATS_TEST_TMPDIR/" \
		"$BATS_TEST_TMPDIR/new" "tests/fuzz/corpus/$name" >"$BATS_TEST_TMPDIR/log" 2>&1 || {
		tail -n 40 "$BATS_TEST_TMPDIR/log"
		return 1
	}
}

@test "fuzz: the config's corpus" { replay config; }
@test "fuzz: the claims table's corpus" { replay table; }
@test "fuzz: the command line's corpus" { replay cmdline; }
@test "fuzz: the corpus of quoting" { replay quoting; }
@test "fuzz: the corpus of exports" { replay exports; }
@test "fuzz: the config's parser, shortly" { search config; }
@test "fuzz: the claims table's parser, shortly" { search table; }
@test "fuzz: the command line's parser, shortly" { search cmdline; }
@test "fuzz: quoting, shortly" { search quoting; }
@test "fuzz: exports, shortly" {
	# What a format needs is much of the core.
	mapfile -t core < <(make --no-print-directory -s print-core)
	search exports "${core[@]}"
}

# INI has its real reader, oslo.config, in tests/vm/nova.bats.
@test "quoting: real readers of JSON, YAML, TOML, XML and shell get what was said" {
	"${CC:-cc}" -std=c17 -D_GNU_SOURCE -Isrc -o "$BATS_TEST_TMPDIR/quote" tests/tools/quote.c \
		src/quoting.c src/text.c
	run python3 -B tests/tools/quotes.py "$BATS_TEST_TMPDIR/quote"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(wc -l <<<"$output")" -eq 6 ]
}
