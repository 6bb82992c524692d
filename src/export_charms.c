// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `export charms`: a bundle overlay with the options of the OpenStack charms (config.yaml of
 * charm-nova-compute and charm-nova-cloud-controller).
 */
#include <errno.h>

#include "nova.h"

/* A list, and one object where there is but one: older charms know only that. */
static int add_json(struct text *text, const char *name, const struct nova *nova, bool aliases)
{
	size_t count = aliases ? nova->alias_count : nova->spec_count;
	struct text json = { 0 };
	AUTO_FREE char *string = NULL;

	if (count == 1)
		text_add(&json, "%s", aliases ? nova->aliases[0].json : nova->specs[0].json);
	else
		(aliases ? nova_add_aliases : nova_add_specs)(&json, nova);
	int r = text_take(&json, &string);
	if (r < 0)
		return r;
	text_add(text, "      %s: ", name);
	r = quote_yaml(text, string);
	text_add(text, "\n");
	return r;
}

static int add_compute(struct text *text, const struct nova *nova)
{
	text_add(text, "  # The application of the hosts with the devices.\n"
		       "  nova-compute:\n"
		       "    options:\n"
		       "      # Newer charms have pci-device-spec for the same.\n");
	int r = add_json(text, "pci-passthrough-whitelist", nova, false);
	if (r == 0)
		r = add_json(text, "pci-alias", nova, true);
	if (nova->placement)
		text_add(text, "      pci-report-in-placement: true\n");
	return r;
}

static int add_controller(struct text *text, const struct nova *nova)
{
	const char *filters = nova_filters(nova->release);

	text_add(text, "  nova-cloud-controller:\n"
		       "    options:\n");
	int r = add_json(text, "pci-alias", nova, true);
	if (filters != NULL)
		text_add(text,
			 "      # Nova's own filters and the one for PCI devices; keep further "
			 "ones.\n      scheduler-default-filters: %s\n",
			 filters);
	else
		text_add(text,
			 "      # Add PciPassthroughFilter to scheduler-default-filters.\n");
	if (nova->in_placement)
		text_add(text, "      pci-in-placement: true\n");
	return r;
}

int export_charms(const struct exports *exports, struct text *ret_text, struct text *ret_reason)
{
	struct nova nova;
	int r = nova_make(exports, NULL, &nova, ret_reason);

	if (r < 0)
		return r;
	nova_add_head(ret_text, exports, &nova, "# ", "Options of the OpenStack charms");
	nova_add_notes(ret_text, &nova, "# ");
	text_add_comment(
		ret_text, "# ",
		"juju deploy BUNDLE --overlay THIS, or each with juju config. The hosts "
		"get their kernel arguments from 'vfio-claim apply', or from a MAAS tag "
		"(export maas).");
	text_add_comment(ret_text, "# ", "A flavor asks for devices by alias:");
	nova_add_flavors(ret_text, &nova, "#   ");
	nova_add_order(ret_text, &nova, "# ");
	text_add(ret_text, "---\napplications:\n");
	r = add_compute(ret_text, &nova);
	if (r == 0)
		r = add_controller(ret_text, &nova);
	nova_free(&nova);
	return r == -EINVAL ? -EIO : r;
}
