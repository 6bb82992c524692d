// SPDX-License-Identifier: GPL-2.0-or-later
/* The machine as `vfio-claim list` shows it: filters, the tree, texts of one device. */
#include "inventory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "match.h"

int inventory_make(const struct snapshot *snapshot, const struct details *details,
		   struct inventory *ret_inventory)
{
	struct inventory_item *items = calloc(snapshot->count + 1, sizeof(*items));

	if (items == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < snapshot->count; i++) {
		items[i].device = &snapshot->devices[i];
		items[i].details = &details[i];
		items[i].shown = true;
	}
	*ret_inventory = (struct inventory){ .items = items, .count = snapshot->count };
	return 0;
}

void inventory_free(struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->count; i++) {
		struct inventory_item *item = &inventory->items[i];

		free(item->vendor);
		free(item->model);
		free(item->class_name);
		free(item->modules);
		free(item->need);
	}
	free(inventory->items);
	*inventory = (struct inventory){ 0 };
}

void inventory_decide(struct inventory *inventory, const struct plan *plan)
{
	size_t decision = 0;

	for (size_t i = 0; i < inventory->count; i++) {
		struct inventory_item *item = &inventory->items[i];

		while (decision < plan->decision_count &&
		       pci_address_compare(&plan->decisions[decision].address,
					   &item->device->address) < 0)
			decision++;
		for (size_t j = decision; j < plan->decision_count &&
					  pci_address_compare(&plan->decisions[j].address,
							      &item->device->address) == 0;
		     j++)
			if (plan->decisions[j].device != NULL)
				item->decision = &plan->decisions[j];
	}
}

bool item_taken(const struct inventory_item *item)
{
	return item->decision != NULL && item->decision->verdict == VERDICT_TAKE;
}

enum owner item_owner(const struct inventory_item *item)
{
	if (item->device->driver[0] == '\0')
		return OWNER_NONE;
	/* vfio-pci and the variant drivers: mlx5_vfio_pci, nvgrace-gpu-vfio-pci, ... */
	return strstr(item->device->driver, "vfio") != NULL ? OWNER_VFIO : OWNER_NATIVE;
}

/*
 * Drivers that leave the DMA of a group to its user have driver_managed_dma set: besides those
 * of VFIO these two (drivers/pci/pcie/portdrv.c, drivers/pci/pci-stub.c, since 5.19).
 */
static bool is_obstacle(const struct inventory_item *item)
{
	return !item_taken(item) && item_owner(item) == OWNER_NATIVE &&
	       !item->details->is_bridge && strcmp(item->device->driver, "pci-stub") != 0 &&
	       strcmp(item->device->driver, "pcieport") != 0;
}

static int compare_groups(const void *a, const void *b)
{
	const struct inventory_item *left = *(struct inventory_item *const *)a;
	const struct inventory_item *right = *(struct inventory_item *const *)b;

	if (left->device->iommu_group != right->device->iommu_group)
		return left->device->iommu_group < right->device->iommu_group ? -1 : 1;
	return pci_address_compare(&left->device->address, &right->device->address);
}

static void prepare_group(struct inventory_item **items, size_t count)
{
	const struct inventory_item *obstacle = NULL;

	for (size_t i = 0; obstacle == NULL && i < count; i++)
		if (is_obstacle(items[i]))
			obstacle = items[i];
	for (size_t i = 0; i < count; i++) {
		items[i]->group_size = count;
		items[i]->obstacle = obstacle;
	}
}

int inventory_prepare(struct inventory *inventory)
{
	AUTO_FREE struct inventory_item **sorted =
		calloc(inventory->count + 1, sizeof(struct inventory_item *));

	if (sorted == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < inventory->count; i++) {
		sorted[i] = &inventory->items[i];
		if (sorted[i]->details->numa_node >= 0)
			inventory->numa_known = true;
	}
	qsort(sorted, inventory->count, sizeof(struct inventory_item *), compare_groups);
	for (size_t i = 0, end; i < inventory->count; i = end) {
		int group = sorted[i]->device->iommu_group;

		for (end = i + 1;
		     end < inventory->count && sorted[end]->device->iommu_group == group; end++)
			;
		if (group >= 0)
			prepare_group(sorted + i, end - i);
	}
	return 0;
}

/* The longer prefix goes before the shorter. PCI Code and ID Assignment Specification. */
static const struct {
	const char *word;
	uint32_t code;
	uint32_t mask;
} classes[] = {
	{ "nvme", 0x010800, 0xffff00 },     { "storage", 0x010000, 0xff0000 },
	{ "network", 0x020000, 0xff0000 },  { "display", 0x030000, 0xff0000 },
	{ "display", 0x000100, 0xffff00 },  { "audio", 0x040100, 0xffff00 },
	{ "audio", 0x040300, 0xffff00 },    { "media", 0x040000, 0xff0000 },
	{ "memory", 0x050000, 0xff0000 },   { "host", 0x060000, 0xffff00 },
	{ "bridge", 0x060000, 0xff0000 },   { "comm", 0x070000, 0xff0000 },
	{ "system", 0x080000, 0xff0000 },   { "input", 0x090000, 0xff0000 },
	{ "dock", 0x0a0000, 0xff0000 },     { "processor", 0x0b0000, 0xff0000 },
	{ "usb", 0x0c0300, 0xffff00 },      { "bus", 0x0c0000, 0xff0000 },
	{ "wireless", 0x0d0000, 0xff0000 }, { "crypto", 0x100000, 0xff0000 },
	{ "signal", 0x110000, 0xff0000 },   { "accel", 0x120000, 0xff0000 },
};

enum { CLASS_COUNT = sizeof(classes) / sizeof(classes[0]) };

const char *const class_words[] = { "display", "network",  "storage", "nvme",   "usb",
				    "audio",   "media",    "bridge",  "host",   "memory",
				    "comm",    "system",   "input",   "dock",   "processor",
				    "bus",     "wireless", "crypto",  "signal", "accel",
				    "other",   NULL };

const char *class_word(uint32_t class_code)
{
	for (size_t i = 0; i < CLASS_COUNT; i++)
		if (((class_code ^ classes[i].code) & classes[i].mask) == 0)
			return classes[i].word;
	return "other";
}

int class_filter_parse(const char *string, struct inventory_filter *filter)
{
	size_t digits = strlen(string);
	uint32_t code;

	for (size_t i = 0; class_words[i] != NULL; i++)
		if (strcmp(class_words[i], string) == 0) {
			filter->class_word = class_words[i];
			return 0;
		}
	if ((digits != 2 && digits != 4 && digits != 6) || parse_hex(string, digits, &code) < 0)
		return -EINVAL;
	unsigned missing = (unsigned)(6 - digits) * 4;
	filter->class_code = code << missing;
	filter->class_mask = (UINT32_C(0xffffff) >> missing) << missing;
	return 0;
}

/* "storage" is NVMe too, and "bridge" a host bridge: every row of the table with the word. */
static bool class_holds(const struct inventory_filter *filter, uint32_t class_code)
{
	if (((class_code ^ filter->class_code) & filter->class_mask) != 0)
		return false;
	if (filter->class_word == NULL || strcmp(filter->class_word, "other") == 0)
		return filter->class_word == NULL ||
		       strcmp(class_word(class_code), "other") == 0;
	for (size_t i = 0; i < CLASS_COUNT; i++)
		if (strcmp(classes[i].word, filter->class_word) == 0 &&
		    ((class_code ^ classes[i].code) & classes[i].mask) == 0)
			return true;
	return false;
}

int inventory_filter(struct inventory *inventory, const struct snapshot *snapshot,
		     const struct inventory_filter *filter)
{
	AUTO_FREE bool *selected = calloc(snapshot->count + 1, sizeof(*selected));

	if (selected == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < filter->selector_count; i++)
		(void)selector_select(&filter->selectors[i], snapshot, selected);
	for (size_t i = 0; i < inventory->count; i++) {
		struct inventory_item *item = &inventory->items[i];

		item->shown = (filter->selector_count == 0 || selected[i]) &&
			      class_holds(filter, item->device->class_code) &&
			      (!filter->claimed || item->decision != NULL) &&
			      (filter->group < 0 || item->device->iommu_group == filter->group);
	}
	return 0;
}

/* First child and next sibling of every item, in address order. */
struct links {
	size_t first;
	size_t next;
};

static bool *mark_ancestors(const struct inventory *inventory)
{
	bool *wanted = calloc(inventory->count + 1, sizeof(*wanted));

	for (size_t i = 0; wanted != NULL && i < inventory->count; i++)
		if (inventory->items[i].shown)
			for (size_t j = i; j != NO_PARENT && !wanted[j];
			     j = inventory->items[j].details->parent)
				wanted[j] = true;
	return wanted;
}

/* Returns the first on a root bus, or NO_PARENT. */
static size_t link_items(const struct inventory *inventory, const bool *wanted,
			 struct links *links)
{
	size_t first = NO_PARENT;

	for (size_t i = 0; i < inventory->count; i++)
		links[i].first = NO_PARENT;
	/* From behind, each goes before those that are there. */
	for (size_t i = inventory->count; i-- > 0;) {
		size_t parent = inventory->items[i].details->parent;
		size_t *head = parent == NO_PARENT ? &first : &links[parent].first;

		if (!wanted[i])
			continue;
		links[i].next = *head;
		*head = i;
	}
	return first;
}

static bool same_root_bus(const struct inventory *inventory, size_t a, size_t b)
{
	const struct pci_address *left = &inventory->items[a].device->address;
	const struct pci_address *right = &inventory->items[b].device->address;

	return left->domain == right->domain && left->bus == right->bus;
}

/* Without recursion: a tree that somebody made may be as deep as it has functions. */
static void walk(const struct inventory *inventory, size_t first, const struct links *links,
		 struct inventory_tree *tree)
{
	size_t item = first;
	unsigned depth = 0;

	while (item != NO_PARENT) {
		size_t next = links[item].next;
		struct tree_node *node = &tree->nodes[tree->count++];

		*node = (struct tree_node){ .item = item, .depth = depth };
		node->last = next == NO_PARENT ||
			     (depth == 0 && !same_root_bus(inventory, item, next));
		if (links[item].first != NO_PARENT) {
			item = links[item].first;
			depth++;
			continue;
		}
		while (item != NO_PARENT && links[item].next == NO_PARENT) {
			item = inventory->items[item].details->parent;
			depth -= depth > 0 ? 1 : 0;
		}
		if (item != NO_PARENT)
			item = links[item].next;
	}
}

/* A node's end is the next node that is not deeper. From behind, by leaps over subtrees. */
static void find_ends(struct inventory_tree *tree)
{
	for (size_t i = tree->count; i-- > 0;) {
		size_t end = i + 1;

		while (end < tree->count && tree->nodes[end].depth > tree->nodes[i].depth)
			end = tree->nodes[end].end;
		tree->nodes[i].end = end;
	}
}

int inventory_tree(const struct inventory *inventory, struct inventory_tree *ret_tree)
{
	AUTO_FREE bool *wanted = mark_ancestors(inventory);
	AUTO_FREE struct links *links = calloc(inventory->count + 1, sizeof(*links));
	struct inventory_tree tree = { calloc(inventory->count + 1, sizeof(*tree.nodes)), 0 };

	if (wanted == NULL || links == NULL || tree.nodes == NULL) {
		inventory_tree_free(&tree);
		return -ENOMEM;
	}
	walk(inventory, link_items(inventory, wanted, links), links, &tree);
	find_ends(&tree);
	*ret_tree = tree;
	return 0;
}

void inventory_tree_free(struct inventory_tree *tree)
{
	free(tree->nodes);
	*tree = (struct inventory_tree){ 0 };
}

/*
 * The bytes of the character at `string`: 1 to 4, or 0 where there is none that may be shown:
 * broken or overlong UTF-8, surrogates (RFC 3629), control characters, and the marks that turn
 * the direction of what follows.
 */
static size_t character(const unsigned char *string)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = *string < 0x80 ? 1 : *string < 0xe0 ? 2 : *string < 0xf0 ? 3 : 4;
	uint32_t code = *string;

	if (length == 1)
		return code >= 0x20 && code != 0x7f ? 1 : 0;
	if (*string < 0xc0 || *string > 0xf4)
		return 0;
	code &= 0x7fU >> length;
	for (size_t i = 1; i < length; i++) {
		if ((string[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (string[i] & 0x3fU);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ||
	    code < 0xa0 || (code >= 0x200b && code <= 0x200f) ||
	    (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
	    (code & 0xfffe) == 0xfffe)
		return 0;
	return length;
}

const char *clean_text(const char *string, char *out, size_t size)
{
	size_t used = 0;

	while (*string != '\0') {
		size_t length = character((const unsigned char *)string);
		size_t needed = length > 0 ? length : 1;

		if (used + needed >= size)
			break;
		if (length > 0)
			memcpy(out + used, string, length);
		else
			out[used] = '?';
		used += needed;
		string += needed;
	}
	out[used] = '\0';
	return out;
}

size_t text_columns(const char *string)
{
	size_t columns = 0;

	for (; *string != '\0'; string++)
		columns += ((unsigned char)*string & 0xc0) != 0x80 ? 1 : 0;
	return columns;
}

/* "Advanced Micro Devices, Inc. [AMD/ATI]" goes by its short name in brackets. */
static void short_vendor(char *vendor)
{
	static const char *const forms[] = {
		" Corporation", " Corp", ", Inc", " Inc",
		" Co.",         ", Ltd", " Ltd",  " Electronics Co"
	};
	char *open = strrchr(vendor, '[');
	size_t length = strlen(vendor);

	if (open != NULL && open != vendor && length > 0 && vendor[length - 1] == ']') {
		vendor[length - 1] = '\0';
		memmove(vendor, open + 1, strlen(open + 1) + 1);
		return;
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		char *form = strstr(vendor, forms[i]);

		if (form != NULL && form != vendor)
			*form = '\0';
	}
}

const char *item_name(const struct inventory_item *item, char out[INVENTORY_NAME_SIZE])
{
	char vendor[INVENTORY_NAME_SIZE / 2];
	char model[INVENTORY_NAME_SIZE / 2];
	const char *class_name = item->class_name ? item->class_name : "";

	(void)clean_text(item->vendor ? item->vendor : "", vendor, sizeof(vendor));
	if (vendor[0] == '\0')
		return clean_text(class_name, out, INVENTORY_NAME_SIZE);
	short_vendor(vendor);
	(void)clean_text(item->model ? item->model : "", model, sizeof(model));
	if (model[0] == '\0')
		(void)snprintf(model, sizeof(model), "device %04x", item->device->ids.device);
	(void)snprintf(out, INVENTORY_NAME_SIZE, "%s %s", vendor, model);
	return out;
}

const char *item_marks(const struct inventory_item *item, char out[INVENTORY_NAME_SIZE])
{
	const struct details *details = item->details;
	char address[PCI_ADDRESS_SIZE];
	char role[64] = "";

	if (details->sriov_totalvfs > 0)
		(void)snprintf(role, sizeof(role), "PF %u/%u", details->sriov_numvfs,
			       details->sriov_totalvfs);
	else if (details->has_physfn)
		(void)snprintf(role, sizeof(role), "VF of %s",
			       pci_address_format(&details->physfn, address));
	else if (details->is_vf)
		(void)snprintf(role, sizeof(role), "VF");
	(void)snprintf(out, INVENTORY_NAME_SIZE, "%s%s%s",
		       details->boot_vga == 1 ? "boot display" : "",
		       details->boot_vga == 1 && role[0] != '\0' ? ", " : "", role);
	return out;
}

/* Names of drivers have dashes where their modules' have underscores. */
static bool is_driver(const struct inventory_item *item, const struct native_module *native)
{
	char module[DRIVER_NAME_SIZE];

	module_of_driver(item->device->driver, module);
	return strcmp(module, native->name) == 0 && !native->blacklisted;
}

const char *item_driver(const struct inventory_item *item, char out[INVENTORY_NAME_SIZE])
{
	char name[DRIVER_NAME_SIZE];
	const char *before = " (";
	size_t used;

	(void)clean_text(item->device->driver, name, sizeof(name));
	(void)snprintf(out, INVENTORY_NAME_SIZE, "%s", name[0] != '\0' ? name : "-");
	for (size_t i = 0; i < item->module_count; i++) {
		used = strlen(out);
		if (used + DRIVER_NAME_SIZE + 16 > INVENTORY_NAME_SIZE)
			break;
		if (is_driver(item, &item->modules[i]))
			continue;
		(void)snprintf(out + used, INVENTORY_NAME_SIZE - used, "%s%s%s", before,
			       item->modules[i].blacklisted ? "!" : "",
			       clean_text(item->modules[i].name, name, sizeof(name)));
		before = ", ";
	}
	used = strlen(out);
	if (before[0] == ',')
		(void)snprintf(out + used, INVENTORY_NAME_SIZE - used, ")");
	return out;
}

const char *item_claim(const struct inventory_item *item, char out[INVENTORY_NAME_SIZE])
{
	const struct decision *decision = item->decision;

	out[0] = '\0';
	if (decision == NULL)
		return out;
	if (decision->verdict != VERDICT_TAKE)
		(void)snprintf(out, INVENTORY_NAME_SIZE, "%s (refused)", decision->claim->name);
	else if (strcmp(decision->driver, VFIO_PCI_DRIVER) == 0)
		(void)snprintf(out, INVENTORY_NAME_SIZE, "%s", decision->claim->name);
	else
		(void)snprintf(out, INVENTORY_NAME_SIZE, "%s (%s)", decision->claim->name,
			       decision->driver);
	return out;
}

static void warn_of_group(const struct inventory_item *item, void (*each)(void *, const char *),
			  void *context)
{
	char sentence[INVENTORY_NAME_SIZE];
	char address[PCI_ADDRESS_SIZE];
	char driver[DRIVER_NAME_SIZE];

	(void)clean_text(item->obstacle->device->driver, driver, sizeof(driver));
	(void)snprintf(sentence, sizeof(sentence),
		       "IOMMU group %d stays incomplete: %s keeps %s in it",
		       item->device->iommu_group, driver,
		       pci_address_format(&item->obstacle->device->address, address));
	each(context, sentence);
}

void item_warnings(const struct inventory_item *item,
		   void (*each)(void *context, const char *sentence), void *context)
{
	const struct decision *decision = item->decision;
	char sentence[INVENTORY_NAME_SIZE];

	if (decision == NULL)
		return;
	if (decision->verdict != VERDICT_TAKE) {
		(void)snprintf(sentence, sizeof(sentence), "refused: %s", decision->reason);
		each(context, sentence);
		return;
	}
	if (item->need != NULL) {
		(void)snprintf(sentence, sizeof(sentence), "the system needs it: %.300s",
			       item->need);
		each(context, sentence);
	}
	if (item->details->boot_vga == 1)
		each(context, "it is the boot display: the console on it goes dark");
	if (item->details->sriov_numvfs > 0)
		each(context, "vfio-pci refuses a PF while its VFs are enabled");
	if (item->obstacle != NULL)
		warn_of_group(item, each, context);
	if (item->device->iommu_group < 0)
		each(context, "it has no IOMMU group: is the IOMMU on?");
}
