// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `export bright`: for Bright Cluster Manager with OpenStack, whose guide sets kernelparameters
 * with cmsh and edits nova.conf, with the option names of Newton.
 */
#include <errno.h>
#include <string.h>

#include "nova.h"

#define BRIGHT_RELEASE "newton"

static void add_cmsh(struct text *text, const struct exports *exports)
{
	bool plain = is_plain_word(exports->machine, 64, "._-");

	if (exports->line[0] == '\0')
		return;
	text_add_comment(text, "# ",
			 "On the head node. This replaces the kernel parameters that the nodes "
			 "have; put those that must stay beside these.");
	text_add(text, "cmsh <<'END'\ndevice\nforeach -n %s (set kernelparameters \"%s\")\n",
		 plain ? exports->machine : "NODES", exports->line);
	text_add(text, "commit\nEND\n");
	text_add_comment(
		text, "# ",
		"In the software image: install vfio-claim, put the configuration into "
		"its /etc, then 'vfio-claim apply --root /cm/images/IMAGE'.");
}

int export_bright(const struct exports *exports, struct text *ret_text, struct text *ret_reason)
{
	struct nova nova;
	int r = nova_make(exports, BRIGHT_RELEASE, &nova, ret_reason);

	if (r < 0)
		return r;
	text_add(ret_text, "#!/bin/sh\n");
	nova_add_head(ret_text, exports, &nova, "# ", "Bright OpenStack");
	nova_add_notes(ret_text, &nova, "# ");
	add_cmsh(ret_text, exports);
	text_add_comment(ret_text, "# ", "/etc/nova/nova.conf of the nodes with the devices:");
	r = nova_add_commented(ret_text, &nova, nova_add_compute);
	text_add_comment(ret_text, "# ", "/etc/nova/nova.conf of the controllers:");
	if (r == 0)
		r = nova_add_commented(ret_text, &nova, nova_add_controller);
	text_add_comment(ret_text, "# ", "A flavor asks for devices by alias:");
	nova_add_flavors(ret_text, &nova, "#   ");
	nova_free(&nova);
	return r == -EINVAL ? -EIO : r;
}
