// SPDX-License-Identifier: GPL-2.0-or-later
/* The formats of `vfio-claim export`. */
#include "exports.h"

#include <string.h>

#define NOVA_OPTIONS "by release part placement"

const struct export_format export_formats[] = {
	{ "nova", "[pci] of nova.conf, for computes, controllers and flavors", export_nova,
	  NOVA_OPTIONS },
	{ 0 },
};

const struct export_format *export_format_find(const char *name)
{
	for (const struct export_format *format = export_formats; format->name != NULL;
	     format++)
		if (strcmp(format->name, name) == 0)
			return format;
	return NULL;
}
