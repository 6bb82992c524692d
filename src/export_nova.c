// SPDX-License-Identifier: GPL-2.0-or-later
/* [pci] of nova.conf. */
#include <errno.h>

#include "exports.h"

int export_nova(const struct exports *exports, struct text *ret_text, struct text *ret_reason)
{
	(void)ret_reason;
	text_add(ret_text, "[pci]\n");
	for (size_t i = 0; i < exports->device_count; i++)
		if (export_is_given(&exports->devices[i]))
			text_add(ret_text,
				 "device_spec = {\"vendor_id\": \"%04x\", \"product_id\": "
				 "\"%04x\"}\n",
				 exports->devices[i].device->ids.vendor,
				 exports->devices[i].device->ids.device);
	return 0;
}
