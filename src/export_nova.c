// SPDX-License-Identifier: GPL-2.0-or-later
/* `export nova`: [pci] of nova.conf, for computes, controllers and flavors. */
#include <errno.h>
#include <string.h>

#include "nova.h"

enum part { PART_ALL, PART_COMPUTE, PART_CONTROLLER, PART_FLAVORS, PART_COUNT };

static const char *const part_names[] = { "all", "compute", "controller", "flavors" };

static int find_part(const struct exports *exports, struct text *reason, enum part *ret_part)
{
	const char *word = exports->options->part;

	*ret_part = PART_ALL;
	if (word == NULL)
		return 0;
	for (int i = 0; i < PART_COUNT; i++)
		if (strcmp(part_names[i], word) == 0) {
			*ret_part = (enum part)i;
			return 0;
		}
	text_add(reason, "--part is all, compute, controller or flavors");
	return -EINVAL;
}

static void explain_flavors(struct text *text, const struct nova *nova, const char *prefix)
{
	bool companions = false;

	text_add_comment(
		text, prefix,
		"A flavor asks for devices by alias and number. A property replaces the "
		"one before, so several aliases stand in one: ...:alias=a:1,b:2");
	for (size_t i = 0; i < nova->alias_count; i++)
		companions = companions || nova->aliases[i].companion;
	if (companions)
		text_add_comment(
			text, prefix,
			"Further functions of a card have aliases of their own. Nova "
			"may give a guest those of another card; ask for them only where "
			"a host has one card.");
}

static int write_all(struct text *text, const struct nova *nova)
{
	int r = nova_add_compute(text, nova, "");

	if (r < 0)
		return r;
	text_add(text, "\n");
	nova_add_order(text, nova, "# ");
	text_add_comment(text, "# ", "On the controllers (--part controller):");
	r = nova_add_commented(text, nova, nova_add_controller);
	text_add_comment(text, "# ", "");
	text_add_comment(text, "# ", "Flavors (--part flavors):");
	explain_flavors(text, nova, "# ");
	nova_add_flavors(text, nova, "#   ");
	return r;
}

static int write_part(struct text *text, const struct exports *exports, const struct nova *nova,
		      enum part part)
{
	static const char *const heads[] = {
		"nova.conf of a host with PCI devices for guests",
		"nova.conf of a host with PCI devices for guests",
		"nova.conf of the controllers (nova-api, nova-scheduler, nova-conductor)",
		"Commands for the flavors",
	};

	nova_add_head(text, exports, nova, "# ", heads[part]);
	nova_add_notes(text, nova, "# ");
	if (part == PART_ALL)
		return write_all(text, nova);
	if (part == PART_FLAVORS) {
		explain_flavors(text, nova, "# ");
		nova_add_flavors(text, nova, "");
		return 0;
	}
	nova_add_order(text, nova, "# ");
	return part == PART_COMPUTE ? nova_add_compute(text, nova, "")
				    : nova_add_controller(text, nova, "");
}

int export_nova(const struct exports *exports, struct text *ret_text, struct text *ret_reason)
{
	struct nova nova;
	enum part part;
	int r = find_part(exports, ret_reason, &part);

	if (r < 0)
		return r;
	r = nova_make(exports, NULL, &nova, ret_reason);
	if (r < 0)
		return r;
	r = write_part(ret_text, exports, &nova, part);
	nova_free(&nova);
	return r == -EINVAL ? -EIO : r;
}
