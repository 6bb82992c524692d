// SPDX-License-Identifier: GPL-2.0-or-later
/* What Nova is told, as lines of its configuration and as commands. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nova.h"
#include "version.h"

const char *nova_group(const struct nova_release *release)
{
	return release->version >= NOVA_OCATA ? "pci" : "DEFAULT";
}

const char *nova_spec_option(const struct nova_release *release)
{
	if (release->version >= NOVA_ZED)
		return "device_spec";
	return release->version >= NOVA_OCATA ? "passthrough_whitelist"
					      : "pci_passthrough_whitelist";
}

const char *nova_alias_option(const struct nova_release *release)
{
	return release->version >= NOVA_OCATA ? "alias" : "pci_alias";
}

void nova_add_specs(struct text *text, const struct nova *nova)
{
	text_add(text, "[");
	for (size_t i = 0; i < nova->spec_count; i++)
		text_add(text, "%s%s", i > 0 ? ", " : "", nova->specs[i].json);
	text_add(text, "]");
}

void nova_add_aliases(struct text *text, const struct nova *nova)
{
	text_add(text, "[");
	for (size_t i = 0; i < nova->alias_count; i++)
		text_add(text, "%s%s", i > 0 ? ", " : "", nova->aliases[i].json);
	text_add(text, "]");
}

static int add_option(struct text *text, const char *indent, const char *name,
		      const char *value)
{
	text_add(text, "%s%s = ", indent, name);
	int r = quote_ini(text, value);
	text_add(text, "\n");
	return r;
}

/* A prefix for comments that are as far in as the lines. */
static void add_comment(struct text *text, const char *indent, const char *sentence)
{
	char prefix[64];

	(void)snprintf(prefix, sizeof(prefix), "%s# ", indent);
	text_add_comment(text, prefix, sentence);
}

static int add_alias_lines(struct text *text, const struct nova *nova, const char *indent)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < nova->alias_count; i++) {
		add_comment(text, indent, nova->aliases[i].comment);
		r = add_option(text, indent, nova_alias_option(nova->release),
			       nova->aliases[i].json);
	}
	return r;
}

int nova_add_compute(struct text *text, const struct nova *nova, const char *indent)
{
	int r = 0;

	text_add(text, "%s[%s]\n", indent, nova_group(nova->release));
	for (size_t i = 0; r == 0 && i < nova->spec_count; i++) {
		add_comment(text, indent, nova->specs[i].comment);
		r = add_option(text, indent, nova_spec_option(nova->release),
			       nova->specs[i].json);
	}
	add_comment(text, indent,
		    "The controllers' aliases, which moving a guest needs here too.");
	if (r == 0)
		r = add_alias_lines(text, nova, indent);
	if (nova->placement)
		text_add(text, "%sreport_in_placement = True\n", indent);
	return r;
}

/* Those of the release itself are in nova/conf/scheduler.py; the option replaces them. */
const char *nova_filters(const struct nova_release *release)
{
	return release->version < NOVA_ZED
		       ? NULL
		       : "ComputeFilter,ComputeCapabilitiesFilter,"
			 "ImagePropertiesFilter,ServerGroupAntiAffinityFilter,"
			 "ServerGroupAffinityFilter,PciPassthroughFilter";
}

static void add_filters(struct text *text, const struct nova *nova, const char *indent)
{
	bool old = nova->release->version < NOVA_OCATA;
	const char *option = old ? "scheduler_default_filters" : "enabled_filters";
	const char *filters = nova_filters(nova->release);

	if (filters != NULL) {
		add_comment(text, indent,
			    "Nova's own filters and the one for PCI devices; keep further ones "
			    "that you have.");
		text_add(text, "%s%s = %s\n", indent, option, filters);
		return;
	}
	add_comment(text, indent,
		    "Add PciPassthroughFilter to the filters that you have, in this option:");
	text_add(text, "%s# %s = YOUR-FILTERS,PciPassthroughFilter\n", indent, option);
}

int nova_add_controller(struct text *text, const struct nova *nova, const char *indent)
{
	int r;

	text_add(text, "%s[%s]\n", indent, nova_group(nova->release));
	r = add_alias_lines(text, nova, indent);
	if (nova->release->version >= NOVA_OCATA)
		text_add(text, "\n%s[filter_scheduler]\n", indent);
	add_filters(text, nova, indent);
	if (nova->release->version >= NOVA_PIKE) {
		add_comment(
			text, indent,
			"PCIWeigher keeps guests without PCI devices away from hosts that "
			"have some; it is among the weighers unless weight_classes leaves it "
			"out. 1.0 is Nova's own value.");
		text_add(text, "%spci_weight_multiplier = 1.0\n", indent);
	}
	if (nova->in_placement)
		text_add(text, "%spci_in_placement = True\n", indent);
	return r;
}

void nova_add_notes(struct text *text, const struct nova *nova, const char *prefix)
{
	for (size_t i = 0; i < nova->notes.count; i++)
		text_add_comment(text, prefix, nova->notes.items[i]);
}

void nova_add_order(struct text *text, const struct nova *nova, const char *prefix)
{
	if (!nova->placement)
		return;
	text_add_comment(text, prefix, "Placement, in this order:");
	text_add_comment(text, prefix,
			 "1. Every host with PCI devices for guests: device_spec and "
			 "report_in_placement, then restart nova-compute. Nova has no way back "
			 "from report_in_placement.");
	text_add_comment(text, prefix,
			 "2. See that the devices are there: openstack resource provider list, "
			 "openstack resource provider inventory list UUID.");
	text_add_comment(
		text, prefix,
		nova->in_placement
			? "3. Only then pci_in_placement on the controllers: nova-api, "
			  "nova-scheduler and every nova-conductor. Before that they use "
			  "the aliases without it."
			: "3. Scheduling by it (pci_in_placement) came with 2023.1.");
}

int nova_add_commented(struct text *text, const struct nova *nova,
		       int (*add)(struct text *, const struct nova *, const char *))
{
	struct text part = { 0 };
	AUTO_FREE char *string = NULL;
	char *rest = NULL;
	int r = add(&part, nova, "");
	int taken = text_take(&part, &string);

	if (r < 0 || taken < 0)
		return r < 0 ? r : taken;
	for (char *line = strtok_r(string, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		text_add(text, "#   %s\n", line);
	return 0;
}

void nova_add_flavors(struct text *text, const struct nova *nova, const char *indent)
{
	for (size_t i = 0; i < nova->alias_count; i++) {
		const struct nova_alias *alias = &nova->aliases[i];

		if (alias->companion || (i > 0 && strcmp(alias->name, alias[-1].name) == 0))
			continue;
		text_add(text, "%sopenstack flavor set FLAVOR --property ", indent);
		text_add(text, "'pci_passthrough:alias=%s:1'", alias->name);
		if (alias->devices > 1)
			text_add(text, " # at most %u on this host", alias->devices);
		text_add(text, "\n");
	}
}

void nova_add_head(struct text *text, const struct exports *exports, const struct nova *nova,
		   const char *prefix, const char *what)
{
	bool known = strcmp(nova->release->name, nova->release->codename) != 0;

	text_add_comment_f(text, prefix, "%s, by vfio-claim " VFIO_CLAIM_VERSION "%s%s%s", what,
			   exports->machine[0] != '\0' ? " for the host " : "",
			   exports->machine, exports->has_machine ? "" : ", for any machine");
	text_add_comment_f(text, prefix, "OpenStack %s%s%s%s", nova->release->name,
			   known ? " (" : "", known ? nova->release->codename : "",
			   known ? ")" : "");
}
