# SPDX-License-Identifier: GPL-2.0-or-later
"""quotes.py PROGRAM: has PROGRAM (tests/tools/quote.c) quote some thousand strings that want to
break out, and reads the results with real readers of each language. Each string must come back as
it was, and every string that the language can say must be said.

quotes.py PROGRAM DIRECTORY: writes ini.conf and ini.strings there instead, for oslo.config."""

import json
import random
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree

import yaml

PIECES = list("\"'\\${}#;=:ab \t\n\r&<>]-%`[,!|*?~\x01\x0b\x0c\x1b\x7f\x85\xa0\u2028\u3000\ufeff"
              "\ufffe\xe9\U0001f600\U0001ffff") + ["---", "EOF", "]]>", "-->", "$(id)", "{{"]


def strings():
    chance = random.Random(7)
    made = [b"", b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"a" * 5000]
    for number in range(4000):
        text = "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 8))).encode()
        made.append(text + bytes([chance.randint(128, 255)]) if number % 10 == 0 else text)
    return made


def is_utf8(string):
    try:
        string.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_xml(string):
    return is_utf8(string) and not any(
        (c < " " and c not in "\t\n\r") or c in "\ufffe\uffff" for c in string.decode())


def quoted(program, language, given):
    out = subprocess.run([program, language], input=b"".join(s + b"\0" for s in given),
                         stdout=subprocess.PIPE, check=True).stdout.split(b"\0")[:-1]
    assert len(out) == len(given)
    said = [(string, text) for string, text in zip(given, out) if text != b"\x01"]
    return [s for s, _ in said], [t for _, t in said]


def read_json(texts):
    return [s.encode() for s in json.loads(b"[" + b",".join(texts) + b"]")]


def read_yaml(texts):
    return [s.encode() for s in
            yaml.safe_load(b"".join(b"- " + t + b"\n" for t in texts).decode())]


def read_toml(texts):
    text = "".join(f"k{n} = {t.decode()}\n" for n, t in enumerate(texts))
    return [s.encode() for s in tomllib.loads(text).values()]


def read_xml_text(texts):
    text = b"<r>" + b"".join(b"<e>" + t + b"</e>" for t in texts) + b"</r>"
    return [(e.text or "").encode() for e in ElementTree.fromstring(text)]


def read_xml_attribute(texts):
    text = b"<r>" + b"".join(b'<e a="' + t + b'"/>' for t in texts) + b"</r>"
    return [e.get("a").encode() for e in ElementTree.fromstring(text)]


def read_shell(texts):
    script = b"".join(b"printf '%s\\0' " + t + b"\n" for t in texts)
    return subprocess.run(["sh"], input=script, stdout=subprocess.PIPE,
                          check=True).stdout.split(b"\0")[:-1]


LANGUAGES = {
    "json": (read_json, is_utf8),
    "yaml": (read_yaml, is_utf8),
    "toml": (read_toml, is_utf8),
    "xml-text": (read_xml_text, is_xml),
    "xml-attribute": (read_xml_attribute, is_xml),
    "shell": (read_shell, lambda string: True),
}

def write_ini(program, directory, given):
    said, texts = quoted(program, "ini", given)
    assert len(said) > len(given) / 10
    with open(f"{directory}/ini.strings", "wb") as file:
        file.write(b"".join(s + b"\0" for s in said))
    with open(f"{directory}/ini.conf", "wb") as file:
        file.write(b"[group]\n" + b"".join(
            b"o%d = %s\n" % (n, text) for n, text in enumerate(texts)))


given = strings()
if len(sys.argv) > 2:
    write_ini(sys.argv[1], sys.argv[2], given)
    sys.exit()
for language, (read, can_say) in LANGUAGES.items():
    said, texts = quoted(sys.argv[1], language, given)
    assert said == [s for s in given if can_say(s)], language
    for string, got in zip(said, read(texts), strict=True):
        assert string == got, (language, string, got)
    print(language, len(said))
