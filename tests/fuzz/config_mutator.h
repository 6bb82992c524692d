/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How libFuzzer changes a configuration (LLVM's docs, "Structure-Aware Fuzzing with libFuzzer"):
 * mostly by whole lines and words of its grammar, since few changes of bytes leave a file valid,
 * and of one that is not only the reader is reached. One change of four is libFuzzer's own.
 */
#ifndef VFIO_CLAIM_CONFIG_MUTATOR_H
#define VFIO_CLAIM_CONFIG_MUTATOR_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { MADE_SIZE = 1024, WORDS_MOST = 24 };

/* # is any hexadecimal digit. */
struct grammar_key {
	const char *key;
	/* How many words at most one value has. */
	unsigned most;
	const char *words[WORDS_MOST];
};

/* clang-format off */
static const struct grammar_key grammar[] = {
	{ "match", 3,
	  { "10de:1c30", "10de:10f1", "10de:*", "*:1c30", "10de:1c30:10de:11b3", "10de:2342",
	    "8086:1521", "8086:1520", "144d:a80a", "####:####", "0000:01:00.0", "01:00.*",
	    "02:00.0", "05:00.0", "05:10.0", "10000:01:00.0", "##:##.0", "class=03",
	    "class=0302", "class=0#", "path=00:01.0/00.0", "path=05:00.0", "nth=1", "nth=2" } },
	{ "except", 2,
	  { "10de:1c30", "10de:10f1", "01:00.1", "01:00.*", "05:10.0", "class=0403",
	    "class=0200", "10000:01:00.0", "nth=1", "####:*", "path=05:00.0" } },
	{ "functions", 1, { "all", "matched" } },
	{ "driver", 1,
	  { "auto", "vfio-pci", "vfio_pci", "pci-stub", "mlx5_vfio_pci", "nvgrace-gpu-vfio-pci",
	    "nouveau", "-vfio" } },
	{ "when", 1, { "auto", "early", "guarded" } },
	{ "expect", 1, { "1", "2", "0", "65535", "65536", "#" } },
	{ "alias", 1, { "gpu", "a", "b", "a.b_c-d", "-", "a b" } },
	{ "device_type", 1, { "auto", "type-PCI", "type-PF", "type-VF" } },
	{ "numa_policy", 1, { "legacy", "preferred", "required", "socket" } },
	{ "resource_class", 1,
	  { "CUSTOM_GPU", "CUSTOM_A1", "CUSTOM_", "PCI_DEVICE", "PGPU", "VGPU", "FPGA",
	    "SRIOV_NET_VF", "VCPU" } },
	{ "traits", 4, { "CUSTOM_GPU", "CUSTOM_#", "HW_GPU_MAX", "HW_", "," } },
	{ "managed", 1, { "no", "yes" } },
	{ "live_migratable", 1, { "no", "yes" } },
	{ "one_time_use", 1, { "no", "yes" } },
	{ "iommu", 1, { "pt", "on", "off" } },
	{ "cpu", 1, { "auto", "any", "intel", "amd", "arm" } },
	{ "blacklist", 4,
	  { "auto", "none", "nouveau", "snd_hda_intel", "snd-hda-intel", "vfio-pci",
	    "vfio_iommu_type1", "nvidia", "i915", "," } },
	{ "unsafe_interrupts", 1, { "no", "yes" } },
	{ "ignore_msrs", 1, { "no", "yes" } },
	{ "framebuffer", 1, { "keep", "off" } },
	{ "extra_args", 6,
	  { "hugepagesz=1G", "hugepages=#", "default_hugepagesz=2M", "isolcpus=2-7", "quiet",
	    "rd.vfio-claim=0", "rd.vfio-claim=10de:1c30", "single", "recovery", "iommu=off",
	    "intel_iommu=off", "amd_iommu=on", "iommu.passthrough=#",
	    "modprobe.blacklist=nouveau", "modprobe.blacklist=vfio-pci",
	    "module_blacklist=a,vfio_pci", "rd.driver.blacklist=vfio", "rd.driver.pre=vfio-pci",
	    "vfio-pci.ids=10de:1c30", "video=efifb:off", "initcall_blacklist=sysfb_init",
	    "pci=assign-busses", "kvm.ignore_msrs=#", "--" } },
};
/* clang-format on */

enum { KEYS = sizeof(grammar) / sizeof(grammar[0]) };

struct edit {
	char *bytes;
	size_t size;
	size_t most;
	uint64_t random;
};

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *other,
				 size_t other_size, uint8_t *out, size_t most, unsigned seed);

/* A number below `end`, which is not 0 (xorshift64*). */
static size_t any_below(struct edit *edit, size_t end)
{
	edit->random ^= edit->random >> 12;
	edit->random ^= edit->random << 25;
	edit->random ^= edit->random >> 27;
	return (size_t)((edit->random * 0x2545f4914f6cdd1d) >> 33) % end;
}

/* Puts `length` bytes where `removed` were, if there is room. */
static void replace(struct edit *edit, size_t at, size_t removed, const char *bytes,
		    size_t length)
{
	if (edit->size - removed + length > edit->most)
		return;
	memmove(edit->bytes + at + length, edit->bytes + at + removed,
		edit->size - at - removed);
	memcpy(edit->bytes + at, bytes, length);
	edit->size = edit->size - removed + length;
}

/* Any line, its newline included; *length is 0 where there is none. Returns where it begins. */
static size_t any_line(struct edit *edit, size_t *length)
{
	size_t start = any_below(edit, edit->size + 1);
	size_t end = start;

	while (start > 0 && edit->bytes[start - 1] != '\n')
		start--;
	while (end < edit->size && edit->bytes[end] != '\n')
		end++;
	*length = end + (end < edit->size) - start;
	return start;
}

static void add_word(struct edit *edit, const struct grammar_key *key, char *text)
{
	size_t words = 0;
	size_t length = strlen(text);

	while (words < WORDS_MOST && key->words[words] != NULL)
		words++;
	for (const char *c = key->words[any_below(edit, words)]; *c != '\0'; c++)
		text[length++] = *c == '#' ? "0123456789abcdef"[any_below(edit, 16)] : *c;
	text[length] = '\0';
}

static void make_value(struct edit *edit, const struct grammar_key *key, char *text)
{
	for (size_t n = 1 + any_below(edit, key->most); n > 0; n--) {
		add_word(edit, key, text);
		if (n > 1)
			(void)strcat(text, any_below(edit, 8) == 0 ? "," : " ");
	}
}

/* One line of a section, or the head of one. `text` has MADE_SIZE. Returns its length. */
static size_t make_line(struct edit *edit, char *text)
{
	const struct grammar_key *key = &grammar[any_below(edit, KEYS)];

	if (any_below(edit, 8) == 0) {
		(void)snprintf(text, MADE_SIZE,
			       any_below(edit, 4) == 0 ? "[host]\n" : "[claim %c]\n",
			       'a' + (int)any_below(edit, 4));
		return strlen(text);
	}
	(void)snprintf(text, MADE_SIZE, "%s = ", key->key);
	make_value(edit, key, text);
	(void)strcat(text, "\n");
	return strlen(text);
}

/* Another value for the key of a line that has one. */
static void change_value(struct edit *edit)
{
	char text[MADE_SIZE] = "";
	size_t length;
	size_t start = any_line(edit, &length);
	const char *sign = memchr(edit->bytes + start, '=', length);

	for (size_t i = 0; sign != NULL && i < KEYS; i++) {
		size_t behind = (size_t)(sign - edit->bytes) + 1;

		if (strncmp(grammar[i].key, edit->bytes + start, strlen(grammar[i].key)) != 0)
			continue;
		make_value(edit, &grammar[i], text);
		(void)strcat(text, "\n");
		replace(edit, behind, start + length - behind, text, strlen(text));
		return;
	}
}

static void insert_line(struct edit *edit)
{
	char text[MADE_SIZE];
	size_t length;
	size_t start = any_line(edit, &length);

	replace(edit, start, any_below(edit, 4) == 0 ? length : 0, text, make_line(edit, text));
}

static void append_claim(struct edit *edit)
{
	char text[MADE_SIZE];

	(void)snprintf(text, sizeof(text),
		       "\n[claim %c]\nmatch = ", 'a' + (int)any_below(edit, 26));
	make_value(edit, &grammar[0], text);
	(void)strcat(text, "\n");
	replace(edit, edit->size, 0, text, strlen(text));
	for (size_t n = any_below(edit, 4); n > 0; n--)
		replace(edit, edit->size, 0, text, make_line(edit, text));
}

/* A line is left out, and put in elsewhere, or there as well. */
static void move_line(struct edit *edit)
{
	char text[MADE_SIZE];
	size_t length;
	size_t start = any_line(edit, &length);
	size_t what = any_below(edit, 3);

	if (length > sizeof(text))
		return;
	memcpy(text, edit->bytes + start, length);
	if (what > 0)
		replace(edit, start, length, "", 0);
	if (what < 2) {
		size_t ignored;

		replace(edit, any_line(edit, &ignored), 0, text, length);
	}
}

/* libFuzzer's own change, of one line. */
static void change_line(struct edit *edit)
{
	uint8_t text[MADE_SIZE];
	size_t length;
	size_t start = any_line(edit, &length);

	if (length == 0 || length > sizeof(text))
		return;
	memcpy(text, edit->bytes + start, length);
	replace(edit, start, length, (char *)text,
		LLVMFuzzerMutate(text, length, sizeof(text)));
}

static void change(struct edit *edit)
{
	switch (any_below(edit, 6)) {
	case 0:
		append_claim(edit);
		break;
	case 1:
		move_line(edit);
		break;
	case 2:
		change_line(edit);
		break;
	case 3:
		insert_line(edit);
		break;
	default:
		change_value(edit);
	}
}

static struct edit edit_of(void *bytes, size_t size, size_t most, unsigned seed)
{
	/* Small seeds that are next to each other give numbers that are not. */
	uint64_t random = (seed + 1ULL) * 0x9e3779b97f4a7c15;

	return (struct edit){ bytes, size - CONFIG_TAIL, most - CONFIG_TAIL, random };
}

/* The CONFIG_TAIL bytes at the end are no part of the file, and stay there. */
static size_t with_tail(struct edit *edit, const uint8_t *tail)
{
	memcpy(edit->bytes + edit->size, tail, CONFIG_TAIL);
	if (CONFIG_TAIL > 0 && any_below(edit, 4) == 0)
		edit->bytes[edit->size] = (char)any_below(edit, 256);
	return edit->size + CONFIG_TAIL;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
	struct edit edit = edit_of(data, size, most, seed);
	uint8_t tail[CONFIG_TAIL + 1];

	if (any_below(&edit, 4) == 0 || size <= CONFIG_TAIL || most <= CONFIG_TAIL)
		return LLVMFuzzerMutate(data, size, most);
	memcpy(tail, data + edit.size, CONFIG_TAIL);
	for (size_t n = 1 + any_below(&edit, 3); n > 0; n--)
		change(&edit);
	return with_tail(&edit, tail);
}

/* Up to six lines of the other file come into the one. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *other,
				 size_t other_size, uint8_t *out, size_t most, unsigned seed)
{
	struct edit edit = edit_of(out, one_size, most, seed);
	struct edit from = edit_of((void *)(uintptr_t)other, other_size, other_size, seed + 1);
	size_t ignored;
	size_t length;

	if (one_size <= CONFIG_TAIL || other_size <= CONFIG_TAIL || one_size > most)
		return 0;
	memcpy(out, one, one_size);
	size_t start = any_line(&from, &length);
	for (size_t n = any_below(&from, 6); n > 0 && start + length < from.size; n--) {
		const char *rest = from.bytes + start + length;
		const char *end = memchr(rest, '\n', from.size - start - length);

		length = (end != NULL ? (size_t)(end + 1 - from.bytes) : from.size) - start;
	}
	replace(&edit, any_line(&edit, &ignored), 0, from.bytes + start, length);
	return with_tail(&edit, one + one_size - CONFIG_TAIL);
}

#endif
