// SPDX-License-Identifier: GPL-2.0-or-later
/* VFIO variant drivers by their aliases. */
#include "variant.h"

#include <errno.h>
#include <string.h>

#include "text.h"

/* Reads "NAME" and then "*" (any) or hex digits. Returns 0 or -EINVAL. */
static int next_field(const char **alias, const char *name, uint32_t *ret_value)
{
	size_t length = strlen(name);

	if (strncmp(*alias, name, length) != 0)
		return -EINVAL;
	*alias += length;
	if (**alias == '*') {
		*ret_value = PCI_ANY;
		(*alias)++;
		return 0;
	}
	/* Upper case digits: the names of the fields that follow are in lower case. */
	length = strspn(*alias, "0123456789ABCDEF");
	if (parse_hex(*alias, length, ret_value) < 0)
		return -EINVAL;
	*alias += length;
	return 0;
}

static bool fields_meet(uint32_t a, uint32_t b)
{
	return a == PCI_ANY || b == PCI_ANY || a == b;
}

static bool class_meets(const uint32_t field[3], const struct selector *selector)
{
	for (unsigned i = 0; i < 3; i++) {
		unsigned shift = 16 - 8 * i;
		uint32_t mask = selector->class_mask >> shift & 0xff;

		if (field[i] != PCI_ANY &&
		    ((field[i] ^ (selector->class_code >> shift & 0xff)) & mask) != 0)
			return false;
	}
	return true;
}

bool variant_could_serve(const char *alias, const struct selector *selector)
{
	static const char *const names[] = { "v", "d", "sv", "sd", "bc", "sc", "i" };
	uint32_t field[7];
	const struct pci_ids *ids = &selector->ids;

	if (strncmp(alias, "vfio_pci:", 9) != 0)
		return true;
	alias += 9;
	for (size_t i = 0; i < 7; i++)
		if (next_field(&alias, names[i], &field[i]) < 0)
			return true;
	if ((selector->words & SELECT_IDS) != 0 &&
	    !(fields_meet(field[0], ids->vendor) && fields_meet(field[1], ids->device) &&
	      fields_meet(field[2], ids->subvendor) && fields_meet(field[3], ids->subdevice)))
		return false;
	return (selector->words & SELECT_CLASS) == 0 || class_meets(field + 4, selector);
}
