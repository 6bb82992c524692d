// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `export genestack`: values for the Nova chart of openstack-helm, as Genestack has them under
 * /etc/genestack/helm-configs/nova. Options that repeat are of type multistring
 * (helm-toolkit: utils/_to_oslo_conf.tpl).
 */
#include <errno.h>

#include "nova.h"

static int add_multistring(struct text *text, const char *indent, const char *name,
			   const struct nova *nova, bool aliases)
{
	size_t count = aliases ? nova->alias_count : nova->spec_count;
	int r = 0;

	text_add(text, "%s%s:\n%s  type: multistring\n%s  values:\n", indent, name, indent,
		 indent);
	for (size_t i = 0; r == 0 && i < count; i++) {
		char prefix[64];

		(void)snprintf(prefix, sizeof(prefix), "%s    # ", indent);
		text_add_comment(text, prefix,
				 aliases ? nova->aliases[i].comment : nova->specs[i].comment);
		text_add(text, "%s    - ", indent);
		r = quote_yaml(text, aliases ? nova->aliases[i].json : nova->specs[i].json);
		text_add(text, "\n");
	}
	return r;
}

static int add_everywhere(struct text *text, const struct nova *nova)
{
	const char *filters = nova_filters(nova->release);

	text_add(text, "conf:\n  nova:\n    %s:\n", nova_group(nova->release));
	int r = add_multistring(text, "      ", nova_alias_option(nova->release), nova, true);
	text_add(text, "    filter_scheduler:\n");
	if (filters != NULL)
		text_add(text,
			 "      # Nova's own filters and the one for PCI devices; keep further "
			 "ones.\n      enabled_filters: %s\n",
			 filters);
	else
		text_add(text, "      # Add PciPassthroughFilter to enabled_filters.\n");
	text_add(text, "      available_filters: nova.scheduler.filters.all_filters\n");
	if (nova->in_placement)
		text_add(text, "      pci_in_placement: true\n");
	return r;
}

/* The hosts with the devices: this one, or those of a label. */
static int add_host(struct text *text, const struct exports *exports, const struct nova *nova)
{
	int r = 0;

	text_add(text, "  overrides:\n    nova_compute:\n");
	if (exports->machine[0] != '\0') {
		text_add(text, "      hosts:\n        - name: ");
		r = quote_yaml(text, exports->machine);
		text_add(text, "\n");
	} else {
		text_add(text, "      labels:\n"
			       "        # kubectl label node NODE vfio-claim=CHANGEME\n"
			       "        - label:\n"
			       "            key: vfio-claim\n"
			       "            values:\n"
			       "              - \"CHANGEME\"\n");
	}
	text_add(text, "          conf:\n            nova:\n              %s:\n",
		 nova_group(nova->release));
	if (r == 0)
		r = add_multistring(text, "                ", nova_spec_option(nova->release),
				    nova, false);
	if (nova->placement)
		text_add(text, "                report_in_placement: true\n");
	return r;
}

int export_genestack(const struct exports *exports, struct text *ret_text,
		     struct text *ret_reason)
{
	struct nova nova;
	int r = nova_make(exports, NULL, &nova, ret_reason);

	if (r < 0)
		return r;
	nova_add_head(ret_text, exports, &nova, "# ", "Values of the Nova chart");
	nova_add_notes(ret_text, &nova, "# ");
	text_add_comment(
		ret_text, "# ",
		"On the host 'vfio-claim apply' gives the boot loader these arguments; "
		"take others of the kind (vfio-pci.ids=, blacklists) out of "
		"/etc/default/grub:");
	text_add(ret_text, "#   %s\n", exports->line);
	text_add_comment(ret_text, "# ", "A flavor asks for devices by alias:");
	nova_add_flavors(ret_text, &nova, "#   ");
	nova_add_order(ret_text, &nova, "# ");
	text_add(ret_text, "---\n");
	r = add_everywhere(ret_text, &nova);
	if (r == 0)
		r = add_host(ret_text, exports, &nova);
	nova_free(&nova);
	return r == -EINVAL ? -EIO : r;
}
