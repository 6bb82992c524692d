// SPDX-License-Identifier: GPL-2.0-or-later
/* What binds devices to drivers beside the claims: driverctl, scripts, udev rules, units. */
#include <ctype.h>
#include <string.h>

#include "leftover_parts.h"

/* True where the claim says of this very function that it does not take it. */
static bool is_excepted(const struct claim *claim, const struct pci_address *address)
{
	for (size_t i = 0; i < claim->except_count; i++) {
		const struct selector *except = &claim->excepts[i];

		if (except->words == SELECT_ADDRESS &&
		    pci_address_same_slot(&except->address, address) &&
		    (except->any_function || except->address.function == address->function))
			return true;
	}
	return false;
}

static enum named match_names(const struct claim *claim, const struct selector *match,
			      const struct pci_address *address)
{
	if (!(match->words & SELECT_ADDRESS))
		return NAMED_PERHAPS;
	if (!pci_address_same_slot(&match->address, address))
		return NAMED_NOT;
	if (claim->functions == FUNCTIONS_ALL || match->any_function ||
	    match->address.function == address->function)
		return NAMED;
	return NAMED_NOT;
}

/* Without any claim here there may be some on the kernel command line. */
static enum named claims_name(const struct claims *claims, const struct pci_address *address)
{
	enum named named = claims->count == 0 ? NAMED_PERHAPS : NAMED_NOT;

	for (size_t i = 0; i < claims->count; i++) {
		const struct claim *claim = &claims->items[i];

		for (size_t k = 0; k < claim->match_count && !is_excepted(claim, address);
		     k++) {
			enum named one = match_names(claim, &claim->matches[k], address);

			named = one > named ? one : named;
		}
	}
	return named;
}

/*
 * Reads an address at `text`, also one with a shell's backslashes (0000\:01\:00.0) and one of
 * libvirt's names (pci_0000_01_00_0). Returns how many characters to go on by.
 */
static size_t read_address(const char *text, struct pci_address *ret_address, bool *ret_found)
{
	char written[PCI_ADDRESS_SIZE + 1];
	size_t count = 0;
	size_t length;

	for (length = 0; isxdigit((unsigned char)text[length]) ||
			 (text[length] != '\0' && strchr(":._\\", text[length]) != NULL);
	     length++) {
		char c = text[length];

		if (c == '\\' || (count == 0 && !isxdigit((unsigned char)c)) ||
		    count >= sizeof(written) - 1)
			continue;
		written[count++] = (char)(c == '_' ? ':' : c);
	}
	while (count > 0 && !isxdigit((unsigned char)written[count - 1]))
		count--;
	written[count] = '\0';
	if (count > 2 && written[count - 2] == ':')
		written[count - 2] = '.';
	*ret_found = pci_address_parse(written, ret_address, NULL) == 0;
	return length;
}

static enum named line_names(const struct claims *claims, const char *line, size_t length,
			     enum named so_far)
{
	const char *end = line + length;

	while (line < end) {
		struct pci_address address;
		bool found;

		line += read_address(line, &address, &found);
		if (found) {
			enum named named = claims_name(claims, &address);

			so_far = named > so_far ? named : so_far;
		}
		/* What follows letters and digits is no address: 0x10de, sda1. */
		while (line < end && isalnum((unsigned char)*line))
			line++;
		line++;
	}
	return so_far;
}

enum named leftover_script_names(const struct claims *claims, const char *text)
{
	enum named named = NAMED_NOWHERE;

	while (*text != '\0') {
		size_t length = strcspn(text, "\n");

		if (text[strspn(text, " \t")] != '#')
			named = line_names(claims, text, length, named);
		text += length + (text[length] == '\n');
	}
	return named == NAMED_NOWHERE ? NAMED_PERHAPS : named;
}

int leftover_driverctl(struct finder *finder, const char *driver)
{
	const char *name = strstr(finder->file, "/pci-");
	struct pci_address address;

	if (name == NULL)
		return 0;
	name += strlen("/pci-");
	if (pci_address_parse(name, &address, NULL) < 0)
		return 0;
	switch (claims_name(&finder->view->config->claims, &address)) {
	case NAMED:
		return diagnostics_add(
			finder->warnings, finder->file, finder->line,
			"driverctl gives %s to %s when udev runs, whatever the claims say; "
			"take it back with: driverctl unset-override %s",
			name, driver, name);
	case NAMED_PERHAPS:
		return diagnostics_add(
			finder->warnings, finder->file, finder->line,
			"driverctl gives %s to %s when udev runs: if a claim takes this "
			"device, take it back with: driverctl unset-override %s; leave it if "
			"it serves something else, such as DPDK",
			name, driver, name);
	case NAMED_NOWHERE:
	case NAMED_NOT:
		break;
	}
	return 0;
}

static int warn_script(struct finder *finder, const char *sign)
{
	if (finder->named == NAMED)
		return diagnostics_add(finder->warnings, finder->file, finder->line,
				       "it binds devices by hand (%s): claims do that, "
				       "earlier and with a record; remove it",
				       sign);
	return diagnostics_add(finder->warnings, finder->file, finder->line,
			       "it binds devices by hand (%s): if a claim takes them, remove "
			       "it; leave it if it serves something else, such as DPDK",
			       sign);
}

int leftover_script(struct finder *finder, const char *line)
{
	static const char *const signs[] = {
		"driver_override", "drivers/vfio-pci/", "vfio-pci-bind",  "vfio-bind",
		" set-override",   "dpdk-devbind",      "nodedev-detach", "nodedev-reattach",
	};

	if (finder->named == NAMED_NOT || finder->warnings->count > finder->before)
		return 0;
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (strstr(line, signs[i]) != NULL)
			return warn_script(finder, signs[i] + strspn(signs[i], " "));
	return 0;
}
