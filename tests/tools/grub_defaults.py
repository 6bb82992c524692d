# SPDX-License-Identifier: GPL-2.0-or-later
"""grub_defaults.py PROGRAM DIRECTORY [COUNT [SEED]]: writes files like /etc/default/grub there, and
has them read by PROGRAM (tests/tools/grub-default.c) and by shells. What PROGRAM calls clear must be
what each shell has that gets to the end of the file.

The files run in a shell: they are made of pieces that can name no program, no file and no
substitution of a command."""

import random
import subprocess
import sys

NAMES = ["GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT"]
REFERENCES = [form % name for form in ("$%s", "${%s}") for name in NAMES]
PLAIN = ["a", "b=c", "quiet", "1", "-", "_", ",", ":", "~", "*", "#", "="]
WITHIN = PLAIN + [" ", "  ", "\t", "\n", ";", "\\", "\\\\", "\\\"", "\\$", "\\\n", "'", "$"]

SHELL = """
for file; do
	(
		set -e
		"$0" -n "$file"
		. "$file"
		printf 'whole\\0%s\\0%s\\0' "${GRUB_CMDLINE_LINUX-}" "${GRUB_CMDLINE_LINUX_DEFAULT-}"
	) 2>/dev/null
	# Not "||", under which set -e is nothing.
	[ $? -eq 0 ] || printf 'broken\\0\\0\\0'
done
"""


def value(chance):
    made = ""
    for _ in range(chance.randint(0, 3)):
        kind = chance.random()
        if kind < 0.3:
            made += chance.choice(PLAIN + REFERENCES)
        elif kind < 0.8:
            made += '"%s"' % "".join(chance.choice(WITHIN + REFERENCES)
                                     for _ in range(chance.randint(0, 4)))
        else:
            made += "'%s'" % "".join(chance.choice(PLAIN + [" ", "\n", "\\", '"', "$", ";"])
                                     for _ in range(chance.randint(0, 4)))
    return made


def line(chance):
    if chance.random() < 0.05:
        return "".join(chance.choice(PLAIN + NAMES + [" ", ";", "$"]) for _ in range(4))
    return "".join([
        chance.choice(["", "", "", " ", "\t", "export ", "export\t"]),
        chance.choice(NAMES + NAMES + ["GRUB_TIMEOUT", "GRUB_CMDLINE_LINUX_RECOVERY"]),
        chance.choice(["=", "=", "=", "+="]),
        value(chance),
        chance.choice(["", "", "", " ", ";", " # a", " #\"", " b"]),
    ])


def texts(count, seed):
    chance = random.Random(seed)
    for _ in range(count):
        yield "\n".join(line(chance) for _ in range(chance.randint(1, 3))) + "\n"


def records(command, files):
    done = subprocess.run(command + files, stdout=subprocess.PIPE, check=True, timeout=300,
                          env={"PATH": "/nonexistent", "LC_ALL": "C"})
    fields = done.stdout.decode().split("\0")
    assert len(fields) == 3 * len(files) + 1, (command[0], len(fields), len(files))
    return [tuple(fields[i:i + 3]) for i in range(0, len(fields) - 1, 3)]


def main():
    program, directory = sys.argv[1:3]
    count, seed = (int(word) for word in (sys.argv[3:] + ["600", "1"][len(sys.argv) - 3:])[:2])
    made = list(texts(count, seed))
    files = []
    for number, text in enumerate(made):
        files.append("%s/%d" % (directory, number))
        with open(files[-1], "w", encoding="utf-8", newline="") as file:
            file.write(text)
    ours = records([program], files)
    compared = wrong = 0
    # grub-mkconfig's own is /bin/sh; "+=" is not every shell's.
    for shell in (["/bin/sh", "-c"], ["/bin/bash", "--posix", "-c"]):
        for text, mine, theirs in zip(made, ours, records(shell + [SHELL, shell[0]], files)):
            if mine[0] != "clear" or theirs[0] != "whole":
                continue
            compared += 1
            if mine[1:] != theirs[1:]:
                wrong += 1
                print("%s: %r\n\there  %r\n\tthere %r" % (shell[0], text, mine[1:], theirs[1:]))
    print("%d files, %d compared, %d wrong" % (count, compared, wrong))
    return 0 if wrong == 0 and compared >= count // 2 else 1


sys.exit(main())
