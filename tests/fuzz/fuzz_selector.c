// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzzes the reader of selectors; what it accepts is written, read again and put to use. */
#include "claim.h"
#include "fuzz.h"
#include "lookup.h"
#include "match.h"
#include "variant.h"

enum { COUNT = 6 };

static struct device devices[COUNT] = {
	{ .address = { 0, 1, 0, 0 },
	  .ids = { 0x10de, 0x1c30, 0x10de, 0x11b3 },
	  .class_code = 0x030000,
	  .path = { .root = { 0, 0, 3, 0 }, .hop = { { 0, 0 } }, .hops = 1 },
	  .has_path = true },
	{ .address = { 0, 1, 0, 1 },
	  .ids = { 0x10de, 0x10f1, 0x10de, 0x11b3 },
	  .class_code = 0x040300 },
	{ .address = { 0, 2, 0, 0 }, .ids = { 0x10de, 0x1c30, 0, 0 }, .class_code = 0x030000 },
	{ .address = { 0, 2, 0, 7 }, .ids = { 0x144d, 0xa80a, 0, 0 }, .class_code = 0x010802 },
	{ .address = { 0, 255, 31, 7 },
	  .ids = { 0xffff, 0xffff, 0, 0 },
	  .class_code = 0xffffff },
	{ .address = { 0xffffffff, 255, 31, 7 }, .ids = { 0x10de, 0x1c30, 0, 0 } },
};

/* Both ways to find devices give the same ones. */
static void check_devices(const struct selector *selector)
{
	const struct snapshot snapshot = { devices, COUNT };
	bool taken[COUNT] = { false };
	size_t found[COUNT];
	struct lookup *lookup;
	size_t count = selector_select(selector, &snapshot, taken);

	MUST(lookup_new(&snapshot, &lookup) == 0);
	MUST(lookup_select(lookup, selector, found) == count);
	for (size_t i = 0; i < count; i++)
		MUST(taken[found[i]]);
	MUST(lookup_concerned(lookup, selector, found) <= COUNT);
	lookup_free(lookup);
}

static void check(const char *string, bool commas)
{
	char reason[SELECTOR_TEXT_SIZE] = "";
	char text[SELECTOR_TEXT_SIZE];
	char again[SELECTOR_TEXT_SIZE];
	struct selector selector;
	struct selector second;

	if (selector_parse(string, commas, &selector, reason) < 0) {
		MUST(reason[0] != '\0' && strlen(reason) < sizeof(reason));
		return;
	}
	MUST(selector.words != 0);
	(void)selector_format(&selector, text);
	MUST(strlen(text) < sizeof(text) - 1);
	MUST(selector_parse(text, false, &second, reason) == 0);
	MUST(strcmp(text, selector_format(&second, again)) == 0);
	check_devices(&selector);
	(void)variant_could_serve("vfio_pci:v000010DEd00002342sv*sd*bc*sc*i*", &selector);
	(void)variant_could_serve(string, &selector);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *string = malloc(size + 1);

	MUST(string != NULL);
	if (size > 0)
		memcpy(string, data, size);
	string[size] = '\0';
	check(string, false);
	check(string, true);
	free(string);
	return 0;
}
