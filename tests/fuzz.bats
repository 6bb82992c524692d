#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Replays each fuzzer's corpus; with clang a fuzzer also runs for a moment. `make torture` searches
# for longer.

FUZZERS=(config table cmdline selector record snapshot texts quoting exports loader state
	image)

setup_file() {
	load lib/machine.bash
	cd "$REPO" || return 1
	if with_sanitizer; then
		export FUZZ_FLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all"
	fi
	tests/fuzz/build replay "$BATS_FILE_TMPDIR/replay" "${FUZZERS[@]}"
	if command -v clang >/dev/null && ! with_sanitizer; then
		tests/fuzz/build libfuzzer "$BATS_FILE_TMPDIR/search" "${FUZZERS[@]}"
	fi
}

setup() {
	load lib/machine.bash
	cd "$REPO" || return 1
}

# replay NAME: every file of the corpus.
replay() {
	local replay=$BATS_FILE_TMPDIR/replay/fuzz_$1

	"$replay" "tests/fuzz/corpus/$1"
	# A corpus that is not there must not pass.
	run "$replay"
	[ "$status" -ne 0 ]
}

# search NAME RUNS: so many inputs of its own making.
search() {
	local words=()

	[ -x "$BATS_FILE_TMPDIR/search/fuzz_$1" ] ||
		skip "clang is not installed, or the build has sanitizers of its own"
	mkdir "$BATS_TEST_TMPDIR/new"
	! grep -q '"configured.h"' "tests/fuzz/fuzz_$1.c" ||
		words=(-dict=tests/fuzz/configured.dict)
	"$BATS_FILE_TMPDIR/search/fuzz_$1" -runs="$2" -seed=1 "${words[@]}" \
		-artifact_prefix="$BATS_TEST_TMPDIR/" "$BATS_TEST_TMPDIR/new" \
		"tests/fuzz/corpus/$1" >"$BATS_TEST_TMPDIR/log" 2>&1 || {
		tail -n 40 "$BATS_TEST_TMPDIR/log"
		return 1
	}
}

@test "fuzz: there is a test for every fuzzer" {
	diff <(printf 'fuzz_%s.c\n' "${FUZZERS[@]}" | sort) <(cd tests/fuzz && ls fuzz_*.c)
}

@test "fuzz: dictionary and mutator have every key of the configuration" {
	local keys key

	keys=$(sed -nE 's/^\t\{ "([a-z_]+)", (true|false), set_.*/\1/p' src/config.c)
	[ "$(wc -w <<<"$keys")" -gt 15 ]
	for key in $keys; do
		grep -qx "\"$key = .*\"" tests/fuzz/configured.dict || {
			echo "$key is not in the dictionary"
			return 1
		}
		grep -qE "^\s\{ \"$key\", [0-9]," tests/fuzz/config_mutator.h || {
			echo "$key is not in the mutator's grammar"
			return 1
		}
	done
}

@test "fuzz: the config's corpus" { replay config; }
@test "fuzz: the claims table's corpus" { replay table; }
@test "fuzz: the command line's corpus" { replay cmdline; }
@test "fuzz: the selectors' corpus" { replay selector; }
@test "fuzz: the corpus of boot.json" { replay record; }
@test "fuzz: the snapshots' corpus" { replay snapshot; }
@test "fuzz: the corpus of the system's files" { replay texts; }
@test "fuzz: the corpus of quoting" { replay quoting; }
@test "fuzz: the corpus of exports" { replay exports; }
@test "fuzz: the corpus of boot loaders' files" { replay loader; }
@test "fuzz: the corpus of the state" { replay state; }
@test "fuzz: the corpus of initramfs images" { replay image; }
# One name in 62 that mkdtemp() makes ends like its template; that is no directory still to be made.
@test "fuzz: the snapshots' corpus, in a directory whose name ends with X" {
	local shim=$BATS_TEST_TMPDIR/mkdtemp.so

	"${CC:-cc}" -shared -fPIC -o "$shim" -x c - <<-'END'
		#include <string.h>
		#include <sys/stat.h>
		char *mkdtemp(char *name)
		{
			char *end = strstr(name, "XXXXXX");

			if (end == NULL)
				return NULL;
			memcpy(end, "abcdeX", 6);
			return mkdir(name, 0700) == 0 ? name : NULL;
		}
	END
	rm -rf /tmp/fuzz-snapshot-abcdeX
	LD_PRELOAD=$shim ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 \
		"$BATS_FILE_TMPDIR/replay/fuzz_snapshot" tests/fuzz/corpus/snapshot
	[ ! -e /tmp/fuzz-snapshot-abcdeX ]
}

@test "fuzz: the config's parser, shortly" { search config 20000; }
@test "fuzz: the claims table's parser, shortly" { search table 20000; }
@test "fuzz: the command line's parser, shortly" { search cmdline 20000; }
@test "fuzz: the selectors' parser, shortly" { search selector 20000; }
@test "fuzz: the reader of boot.json, shortly" { search record 5000; }
@test "fuzz: the unpacking of snapshots, shortly" { search snapshot 500; }
@test "fuzz: the readers of the system's files, shortly" { search texts 20000; }
@test "fuzz: quoting, shortly" { search quoting 20000; }
@test "fuzz: exports, shortly" { search exports 20000; }
@test "fuzz: the editors of boot loaders' files, shortly" { search loader 2000; }
@test "fuzz: the reader of the state, shortly" { search state 20000; }
@test "fuzz: the walk through initramfs images, shortly" { search image 5000; }

# For as many other files: `make torture`.
@test "grub: of /etc/default/grub a shell gets the same values" {
	"${CC:-cc}" -std=c17 -D_GNU_SOURCE -Isrc -ffunction-sections -Wl,--gc-sections \
		-o "$BATS_TEST_TMPDIR/grub-default" tests/tools/grub-default.c \
		src/loader_text.c src/kargs.c src/text.c src/arguments.c
	mkdir "$BATS_TEST_TMPDIR/files"
	run python3 -B tests/tools/grub_defaults.py "$BATS_TEST_TMPDIR/grub-default" \
		"$BATS_TEST_TMPDIR/files" 300
	echo "$output"
	[ "$status" -eq 0 ]
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
