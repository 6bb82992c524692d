// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A tag of MAAS: the kernel arguments, and an XPath expression that picks the machines.
 *
 * MAAS evaluates a tag's definition by lxml on what `lshw -xml` printed on the machine, and takes
 * the result as true or false (MAAS: provisioningserver/utils/xpath.py). lshw prints names of
 * vendors and devices, numbers only with -numeric, but always the modalias, which has every ID:
 *     <node class="display" handle="PCI:0000:01:00.0"
 *           modalias="pci:v000010DEd00001C30sv000010DEsd000011B3bc03sc00i00">
 *      <businfo>pci@0000:01:00.0</businfo>
 * Functions behind a bridge are nodes inside the bridge's.
 */
#include <errno.h>
#include <string.h>

#include "exports.h"
#include "match.h"

/* MAAS has a tag's name in a column of 256 characters (maasserver/models/tag.py). */
enum { TAG_NAME_MOST = 200 };

/* --- XPath ------------------------------------------------------------------------------- */

static void add_contains(struct text *text, const char *field, uint32_t value,
			 const char *after)
{
	if (value != PCI_ANY)
		text_add(text, " and contains(@modalias, \"%s%08X%s\")", field, value, after);
}

/* Hex digits are capitals there and the fields' names are not, so no field is found in another
 * one; "d" alone would also be the end of "sd". */
static void add_ids(struct text *text, const struct pci_ids *ids)
{
	if (ids->vendor != PCI_ANY && ids->device != PCI_ANY) {
		text_add(text, " and starts-with(@modalias, \"pci:v%08Xd%08X\")", ids->vendor,
			 ids->device);
	} else {
		add_contains(text, "pci:v", ids->vendor, "d");
		add_contains(text, "d", ids->device, "sv");
	}
	add_contains(text, "sv", ids->subvendor, "sd");
	add_contains(text, "sd", ids->subdevice, "bc");
}

/* A class is a prefix of whole bytes, or has a mask, as vfio-pci.ids= may give one. */
static void add_class(struct text *text, const struct selector *selector)
{
	static const char *const names[] = { "bc", "sc", "i" };

	for (unsigned i = 0; i < 3; i++) {
		unsigned shift = 16 - 8 * i;

		if ((selector->class_mask >> shift & 0xff) == 0xff)
			text_add(text, " and contains(@modalias, \"%s%02X%s\")", names[i],
				 selector->class_code >> shift & 0xff,
				 i < 2 ? names[i + 1] : "");
	}
}

static void add_address(struct text *text, const struct selector *selector)
{
	char address[PCI_ADDRESS_SIZE];

	(void)pci_address_format(&selector->address, address);
	if (selector->any_function)
		text_add(text, " and starts-with(businfo, \"pci@%.*s\")",
			 (int)strlen(address) - 1, address);
	else
		text_add(text, " and businfo = \"pci@%s\"", address);
}

/* Upwards from the device: its own device and function number, its bridge's, ... */
static void add_path(struct text *text, const struct pci_path *path)
{
	char address[PCI_ADDRESS_SIZE];

	for (unsigned i = 0; i <= path->hops; i++) {
		text_add(text, " and ");
		for (unsigned up = 0; up < i; up++)
			text_add(text, "../");
		if (i == path->hops)
			text_add(text, "businfo = \"pci@%s\"",
				 pci_address_format(&path->root, address));
		else {
			unsigned hop = path->hops - 1 - i;

			/* string-length() of the node above would need its own name. */
			text_add(text,
				 "businfo[substring(., string-length(.) - 4) = "
				 "\":%02x.%x\"]",
				 path->hop[hop].device, path->hop[hop].function);
		}
	}
}

/* With hardware at hand an address also means the card that is there now. */
static const struct pci_ids *ids_at(const struct exports *exports,
				    const struct selector *selector)
{
	if ((selector->words & (SELECT_IDS | SELECT_CLASS)) != 0 || selector->any_function ||
	    (selector->words & SELECT_ADDRESS) == 0)
		return NULL;
	for (size_t i = 0; i < exports->device_count; i++)
		if (pci_address_compare(&exports->devices[i].device->address,
					&selector->address) == 0)
			return &exports->devices[i].device->ids;
	return NULL;
}

/* The conditions on one node, each with "and" before it. */
static void add_selector(struct text *text, const struct exports *exports,
			 const struct selector *selector)
{
	const struct pci_ids *there = ids_at(exports, selector);

	if ((selector->words & SELECT_ADDRESS) != 0)
		add_address(text, selector);
	if ((selector->words & SELECT_IDS) != 0)
		add_ids(text, &selector->ids);
	if (there != NULL)
		text_add(text, " and starts-with(@modalias, \"pci:v%08Xd%08X\")", there->vendor,
			 there->device);
	if ((selector->words & SELECT_CLASS) != 0)
		add_class(text, selector);
	if ((selector->words & SELECT_PATH) != 0)
		add_path(text, &selector->path);
}

/* A machine has what `match` says when such a node is there, or as many as nth= counts. */
static void add_match(struct text *text, const struct exports *exports,
		      const struct claim *claim, const struct selector *match)
{
	bool nth = (match->words & SELECT_NTH) != 0;

	/* Of bridges (base class 06) only "other" ones are claimed, where they are named. */
	text_add(text,
		 "%s//node[starts-with(@modalias, \"pci:\") and not(contains(@modalias, "
		 "\"bc06sc\")%s)",
		 nth ? "count(" : "",
		 selector_names_bridge(match) ? " and not(contains(@modalias, \"bc06sc80\"))"
					      : "");
	add_selector(text, exports, match);
	for (size_t i = 0; i < claim->except_count; i++) {
		/* Which of several is meant, no condition on one node can say. */
		if ((claim->excepts[i].words & SELECT_NTH) != 0)
			continue;
		text_add(text, " and not(true()");
		add_selector(text, exports, &claim->excepts[i]);
		text_add(text, ")");
	}
	text_add(text, "]");
	if (nth)
		text_add(text, ") >= %u", match->nth);
}

/* Every claim must find something. */
static size_t add_definition(struct text *text, const struct exports *exports)
{
	size_t count = 0;

	for (size_t i = 0; i < exports->claims->count; i++) {
		const struct claim *claim = &exports->claims->items[i];

		if (claim->origin != ORIGIN_CONFIG || claim->match_count == 0)
			continue;
		text_add(text, "%s(", count++ > 0 ? " and " : "");
		for (size_t m = 0; m < claim->match_count; m++) {
			text_add(text, "%s", m > 0 ? " or " : "");
			add_match(text, exports, claim, &claim->matches[m]);
		}
		text_add(text, ")");
	}
	return count;
}

/* --- The command ------------------------------------------------------------------------- */

/* Letters, digits, - and _ are all that MAAS allows. */
static void add_name(struct text *text, const struct exports *exports)
{
	char name[CLAIM_NAME_SIZE];

	text_add(text, "vfio-claim");
	for (size_t i = 0; i < exports->claims->count; i++) {
		const struct claim *claim = &exports->claims->items[i];

		if (claim->origin != ORIGIN_CONFIG ||
		    text->length + strlen(claim->name) > TAG_NAME_MOST)
			continue;
		(void)copy_field(name, sizeof(name), claim->name);
		for (char *c = name; *c != '\0'; c++)
			if (*c == '.')
				*c = '-';
		text_add(text, "-%s", name);
	}
}

static void add_remarks(struct text *text, const struct exports *exports)
{
	text_add_comment(text, "# ",
			 "A tag of MAAS: kernel arguments for the machines that have the "
			 "claimed devices.");
	text_add_comment(text, "#", "");
	text_add_comment(
		text, "# ",
		"MAAS puts kernel_opts behind a \" --- \" of its own, so do not write one. "
		"What stands behind it is for the boots over the network "
		"(commissioning, deployment), and curtin also writes it into "
		"GRUB_CMDLINE_LINUX_DEFAULT of the installed system's /etc/default/grub, "
		"in place of what was there. A later change of the tag does not reach a "
		"machine that is installed: there use `vfio-claim apply`.");
	text_add_comment(text, "#", "");
	text_add_comment(
		text, "# ",
		"MAAS 3.0 and later join the global kernel_opts and those of all tags "
		"of a machine, in the order of the tags' names. MAAS 2.9 and earlier "
		"take one alone: that of the first tag by name which has any, else the "
		"global one.");
	text_add_comment(text, "#", "");
	text_add_comment(text, "# ",
			 "The arguments alone do not claim: the installed system needs the "
			 "package and the configuration in its initramfs; `vfio-claim export "
			 "cloud-init` gives user data for that. The definition picks machines "
			 "where every claim finds a device in what lshw saw at commissioning; "
			 "it does not count cards (expect).");
	for (size_t i = 0; i < exports->arguments->notes.count; i++)
		text_add_comment_f(text, "# ", "Note: %s", exports->arguments->notes.items[i]);
}

static void add_option(struct text *text, const char *key, const char *value, const char *end)
{
	text_add(text, "    %s=", key);
	quote_shell(text, value);
	text_add(text, "%s\n", end);
}

int export_maas(const struct exports *exports, struct text *ret_text, struct text *ret_reason)
{
	struct text definition = { 0 };
	struct text name = { 0 };
	AUTO_FREE char *xpath = NULL;
	AUTO_FREE char *tag = NULL;
	size_t count = add_definition(&definition, exports);

	add_name(&name, exports);
	int r = text_take(&definition, &xpath);
	if (text_take(&name, &tag) < 0 || r < 0)
		return -ENOMEM;
	if (count == 0) {
		text_add(ret_reason, "the configuration has no claim, so there is nothing to "
				     "pick machines by; write one, see vfio-claim.conf(5)");
		return -EPERM;
	}
	add_remarks(ret_text, exports);
	text_add(ret_text, "maas \"$PROFILE\" tags create \\\n");
	add_option(ret_text, "name", tag, " \\");
	add_option(ret_text, "comment", "PCI devices for passthrough, by vfio-claim", " \\");
	add_option(ret_text, "kernel_opts", exports->line, " \\");
	add_option(ret_text, "definition", xpath, "");
	return 0;
}
