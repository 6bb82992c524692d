// SPDX-License-Identifier: GPL-2.0-or-later
/* Claims and their selectors: what the config, the claims table and the command line say. */
#include "claim.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

const char *const claim_functions_names[] = { "all", "matched", NULL };
const char *const claim_when_names[] = { "auto", "early", "guarded", NULL };
const char *const cloud_device_type_names[] = { "auto", "type-PCI", "type-PF", "type-VF",
						NULL };
const char *const cloud_numa_names[] = { "legacy", "preferred", "required", "socket", NULL };

enum { NTH_MOST = 65535, CLASS_WORD_SIZE = sizeof("class=ffffff/ffffff") };

/* "CODE/MASK" of six digits each: what a vfio-pci.ids= argument may ask for. */
static int parse_class_mask(const char *value, struct selector *selector)
{
	uint32_t code;
	uint32_t mask;

	if (strlen(value) != 13 || parse_hex(value, 6, &code) < 0 ||
	    parse_hex(value + 7, 6, &mask) < 0 || mask == 0)
		return -EINVAL;
	selector->class_code = code;
	selector->class_mask = mask;
	return 0;
}

static int parse_class(const char *value, struct selector *selector)
{
	size_t digits = strlen(value);
	uint32_t code;

	if (value[strcspn(value, "/")] == '/')
		return parse_class_mask(value, selector);

	/* A prefix of base class, subclass and interface: whole bytes only. */
	if ((digits != 2 && digits != 4 && digits != 6) || parse_hex(value, digits, &code) < 0)
		return -EINVAL;
	unsigned missing = (unsigned)(6 - digits) * 4;
	selector->class_code = code << missing;
	selector->class_mask = (UINT32_C(0xffffff) >> missing) << missing;
	return 0;
}

/* Parses one word into `selector`; *ret_word says which kind it was. */
static int parse_word(const char *word, struct selector *selector, enum selector_word *ret_word)
{
	if (strncmp(word, "class=", 6) == 0) {
		*ret_word = SELECT_CLASS;
		return parse_class(word + 6, selector);
	}
	if (strncmp(word, "nth=", 4) == 0) {
		*ret_word = SELECT_NTH;
		return parse_decimal(word + 4, 1, NTH_MOST, &selector->nth);
	}
	if (strncmp(word, "path=", 5) == 0) {
		*ret_word = SELECT_PATH;
		return pci_path_parse(word + 5, &selector->path);
	}
	if (strchr(word, '.') != NULL) {
		*ret_word = SELECT_ADDRESS;
		return pci_address_parse(word, &selector->address, &selector->any_function);
	}
	*ret_word = SELECT_IDS;
	return pci_ids_parse(word, &selector->ids);
}

static const char *word_form(enum selector_word word)
{
	switch (word) {
	case SELECT_ADDRESS:
		return "an address is [DDDD:]BB:DD.F or BB:DD.*, device at most 1f, function "
		       "at most 7";
	case SELECT_CLASS:
		return "a class is two, four or six hex digits: 03 is display, 02 network, 01 "
		       "storage, 0300 VGA, 0302 3D, 0108 NVMe, 0c03 USB";
	case SELECT_PATH:
		return "a path is [DDDD:]BB:DD.F/DD.F/...";
	case SELECT_NTH:
		return "nth counts from 1";
	case SELECT_IDS:
		break;
	}
	return "IDs are VVVV:DDDD or VVVV:DDDD:SSSS:SSSS, four hex digits or * each";
}

/* Says what is wrong with a word. lspci's short form, 01:00, is meant for an address. */
static void explain_word(const char *word, enum selector_word kind,
			 char reason[SELECTOR_TEXT_SIZE])
{
	char function[PCI_PATH_SIZE + 32];
	struct pci_address address;
	bool any;
	int length = snprintf(function, sizeof(function), "%s.0", word);

	if (kind == SELECT_IDS && (size_t)length < sizeof(function) &&
	    pci_address_parse(function, &address, &any) == 0)
		(void)snprintf(reason, SELECTOR_TEXT_SIZE,
			       "'%.60s': an address has a function; write %.60s.0, or %.60s.* "
			       "for all of them",
			       word, word, word);
	else
		(void)snprintf(reason, SELECTOR_TEXT_SIZE, "'%.60s': %s", word,
			       word_form(kind));
}

static bool ids_are_any(const struct pci_ids *ids)
{
	return ids->vendor == PCI_ANY && ids->device == PCI_ANY && ids->subvendor == PCI_ANY &&
	       ids->subdevice == PCI_ANY;
}

/* Returns a sentence on what is wrong with the words together, or NULL. */
static const char *judge_words(const struct selector *selector)
{
	unsigned places = selector->words & (SELECT_ADDRESS | SELECT_CLASS | SELECT_PATH);

	if (selector->words == 0)
		return "a selector needs at least one word";
	if ((selector->words & SELECT_IDS) != 0 && ids_are_any(&selector->ids) && places == 0)
		return "this would take every device";
	if ((selector->words & ~(unsigned)SELECT_NTH) == 0)
		return "nth= needs IDs or a class to count";
	if ((selector->words & SELECT_NTH) != 0 && (selector->words & SELECT_ADDRESS) != 0 &&
	    !selector->any_function)
		return "nth= has nothing to count at one address";
	return NULL;
}

int selector_parse(const char *string, bool commas, struct selector *ret_selector,
		   char reason[SELECTOR_TEXT_SIZE])
{
	const char *blanks = commas ? " \t," : " \t";
	struct selector selector = { 0 };
	char word[PCI_PATH_SIZE + 16];

	for (string += strspn(string, blanks); *string != '\0';
	     string += strspn(string, blanks)) {
		size_t length = strcspn(string, blanks);
		enum selector_word kind = SELECT_IDS;

		(void)snprintf(word, sizeof(word), "%.*s", (int)length, string);
		if (length >= sizeof(word) || parse_word(word, &selector, &kind) < 0) {
			explain_word(word, kind, reason);
			return -EINVAL;
		}
		if ((selector.words & kind) != 0) {
			(void)snprintf(reason, SELECTOR_TEXT_SIZE,
				       "'%.60s': a second word of its kind; all words of a "
				       "selector must hold, so write two lines",
				       word);
			return -EINVAL;
		}
		selector.words |= kind;
		string += length;
	}
	const char *wrong = judge_words(&selector);
	if (wrong != NULL) {
		(void)snprintf(reason, SELECTOR_TEXT_SIZE, "%s", wrong);
		return -EINVAL;
	}
	*ret_selector = selector;
	return 0;
}

static void format_address_word(const struct selector *selector, char out[PCI_ADDRESS_SIZE])
{
	(void)pci_address_format(&selector->address, out);
	if (selector->any_function)
		out[strlen(out) - 1] = '*';
}

static void format_class_word(const struct selector *selector, char out[CLASS_WORD_SIZE])
{
	uint32_t code = selector->class_code & 0xffffff;
	uint32_t mask = selector->class_mask & 0xffffff;

	if (mask == 0xff0000)
		(void)snprintf(out, CLASS_WORD_SIZE, "class=%02x", code >> 16);
	else if (mask == 0xffff00)
		(void)snprintf(out, CLASS_WORD_SIZE, "class=%04x", code >> 8);
	else if (mask == 0xffffff)
		(void)snprintf(out, CLASS_WORD_SIZE, "class=%06x", code);
	else
		(void)snprintf(out, CLASS_WORD_SIZE, "class=%06x/%06x", code, mask);
}

const char *selector_format(const struct selector *selector, char out[SELECTOR_TEXT_SIZE])
{
	char address[PCI_ADDRESS_SIZE] = "";
	char ids[PCI_IDS_SIZE] = "";
	char class_word[CLASS_WORD_SIZE] = "";
	char path[PCI_PATH_SIZE] = "";
	char nth[16] = "";

	if (selector->words & SELECT_ADDRESS)
		format_address_word(selector, address);
	if (selector->words & SELECT_IDS)
		(void)pci_ids_format(&selector->ids, ids);
	if (selector->words & SELECT_CLASS)
		format_class_word(selector, class_word);
	if (selector->words & SELECT_PATH)
		(void)pci_path_format(&selector->path, path);
	if (selector->words & SELECT_NTH)
		(void)snprintf(nth, sizeof(nth), "nth=%u", selector->nth);

	const char *words[] = { address, ids, class_word, path, nth };
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i][0] != '\0')
			used += (size_t)snprintf(out + used, SELECTOR_TEXT_SIZE - used,
						 "%s%s%s", used ? " " : "",
						 words[i] == path ? "path=" : "", words[i]);
	return out;
}

static void claim_set_defaults(struct claim *claim)
{
	(void)copy_field(claim->driver, sizeof(claim->driver), "auto");
	claim->cloud.managed = CLOUD_NOT_SAID;
	claim->cloud.live_migratable = CLOUD_NOT_SAID;
	claim->cloud.one_time_use = CLOUD_NOT_SAID;
}

struct claim *claims_add(struct claims *claims, const char *name)
{
	struct claim *claim = array_grow(&claims->items, claims->count, sizeof(*claim));

	if (claim == NULL)
		return NULL;
	(void)copy_field(claim->name, sizeof(claim->name), name);
	claim_set_defaults(claim);
	claims->count++;
	return claim;
}

struct claim *claims_find(const struct claims *claims, const char *name)
{
	for (size_t i = 0; i < claims->count; i++)
		if (strcmp(claims->items[i].name, name) == 0)
			return &claims->items[i];
	return NULL;
}

static int add_selector(struct selector **items, size_t *count, const struct selector *selector)
{
	struct selector *slot = array_grow(items, *count, sizeof(**items));

	if (slot == NULL)
		return -ENOMEM;
	*slot = *selector;
	(*count)++;
	return 0;
}

int claim_add_match(struct claim *claim, const struct selector *selector)
{
	return add_selector(&claim->matches, &claim->match_count, selector);
}

int claim_add_except(struct claim *claim, const struct selector *selector)
{
	return add_selector(&claim->excepts, &claim->except_count, selector);
}

void claim_reset(struct claim *claim)
{
	struct claim empty = { 0 };

	memcpy(empty.name, claim->name, sizeof(empty.name));
	claim_set_defaults(&empty);
	free(claim->matches);
	free(claim->excepts);
	free(claim->cloud.traits);
	*claim = empty;
}

int claims_append(struct claims *claims, struct claims *more)
{
	size_t moved = 0;
	int r = 0;

	for (; r == 0 && moved < more->count; moved++) {
		struct claim *slot = array_grow(&claims->items, claims->count, sizeof(*slot));

		if (slot == NULL) {
			r = -ENOMEM;
			break;
		}
		*slot = more->items[moved];
		more->items[moved] = (struct claim){ 0 }; /* its selectors have a new owner */
		claims->count++;
	}
	return r;
}

void claims_free(struct claims *claims)
{
	for (size_t i = 0; i < claims->count; i++)
		claim_reset(&claims->items[i]);
	free(claims->items);
	*claims = (struct claims){ 0 };
}

bool claim_name_valid(const char *name)
{
	return is_plain_word(name, CLAIM_NAME_SIZE - 1, "._-");
}

bool claim_name_reserved(const char *name)
{
	return strcmp(name, "vfio-pci.ids") == 0 || strncmp(name, "rd.vfio-claim", 13) == 0;
}

bool driver_name_valid(const char *name)
{
	return is_plain_word(name, DRIVER_NAME_SIZE - 1, "_-");
}

bool driver_serves_vfio(const char *name)
{
	return strcmp(name, "auto") == 0 || strcmp(name, "pci-stub") == 0 ||
	       strstr(name, "vfio") != NULL;
}

/* Capitals, digits and "_" behind the prefix, at least one. */
static bool has_prefix(const char *name, const char *prefix)
{
	size_t length = strlen(prefix);

	if (strncmp(name, prefix, length) != 0 || name[length] == '\0' ||
	    strlen(name) >= PLACEMENT_NAME_SIZE)
		return false;
	return name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] == '\0';
}

bool resource_class_valid(const char *name)
{
	/* Of os_resource_classes; the others count memory, processors, addresses. */
	static const char *const standard[] = { "PCI_DEVICE", "PGPU", "VGPU", "FPGA",
						"SRIOV_NET_VF" };

	for (size_t i = 0; i < sizeof(standard) / sizeof(standard[0]); i++)
		if (strcmp(name, standard[i]) == 0)
			return true;
	return has_prefix(name, "CUSTOM_");
}

bool trait_valid(const char *name)
{
	return has_prefix(name, "CUSTOM_") || has_prefix(name, "HW_");
}
