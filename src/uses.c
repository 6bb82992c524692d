// SPDX-License-Identifier: GPL-2.0-or-later
/* Who uses the devices now: the list, its text form, and parts of finding out. */
#include "uses.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

/* include/uapi/linux/route.h, the same for both families. */
enum { ROUTE_UP = 0x1, ROUTE_REJECT = 0x200 };

enum { ROUTE_FIELDS_MOST = 12, ROUTE_LINE_MOST = 512 };

const char *const use_kind_names[] = {
	"route", "vfio", "disk", "display", "console", "sound", "link", "program", NULL,
};

static bool same_use(const struct use *a, const struct use *b)
{
	return a->kind == b->kind && pci_address_compare(&a->address, &b->address) == 0 &&
	       strcmp(a->text, b->text) == 0;
}

static int add(struct uses *uses, const struct use *use)
{
	for (size_t i = 0; i < uses->count; i++)
		if (same_use(&uses->items[i], use))
			return 0;
	struct use *slot = array_grow(&uses->items, uses->count, sizeof(*slot));
	if (slot == NULL)
		return -ENOMEM;
	*slot = *use;
	uses->count++;
	return 0;
}

/* The text goes to terminals, and one to a line into a file. */
static void make_plain(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
}

int uses_add(struct uses *uses, const struct pci_address *address, enum use_kind kind,
	     const char *format, ...)
{
	struct use use = { .address = *address, .kind = kind };
	va_list args;

	va_start(args, format);
	(void)vsnprintf(use.text, sizeof(use.text), format, args);
	va_end(args);
	make_plain(use.text);
	return add(uses, &use);
}

static int compare_uses(const void *a, const void *b)
{
	const struct use *left = a;
	const struct use *right = b;
	int order = pci_address_compare(&left->address, &right->address);

	if (order == 0)
		order = (int)left->kind - (int)right->kind;
	return order ? order : strcmp(left->text, right->text);
}

void uses_sort(struct uses *uses)
{
	if (uses->count > 1)
		qsort(uses->items, uses->count, sizeof(*uses->items), compare_uses);
}

const struct use *uses_next(const struct uses *uses, const struct pci_address *address,
			    size_t *position)
{
	while (*position < uses->count) {
		const struct use *use = &uses->items[(*position)++];

		if (pci_address_compare(&use->address, address) == 0)
			return use;
	}
	return NULL;
}

const char *uses_route(const struct uses *uses, const struct pci_address *address)
{
	const struct use *use;
	size_t position = 0;

	while ((use = uses_next(uses, address, &position)) != NULL)
		if (use->kind == USE_ROUTE)
			return use->text;
	return NULL;
}

int uses_render(const struct uses *uses, char **ret_text)
{
	struct text text = { 0 };
	char address[PCI_ADDRESS_SIZE];

	for (size_t i = 0; i < uses->count; i++) {
		const struct use *use = &uses->items[i];

		text_add(&text, "%s %s %s\n", pci_address_format(&use->address, address),
			 use_kind_names[use->kind], use->text);
	}
	if (uses->unread > 0)
		text_add(&text, "unread %u\n", uses->unread);
	return text_take(&text, ret_text);
}

/* Cuts the word off the front of `rest`, with the blank behind it. */
static const char *cut_word(char **rest)
{
	char *word = *rest;

	*rest += strcspn(*rest, " ");
	if (**rest != '\0')
		*(*rest)++ = '\0';
	return word;
}

static int parse_line(char *line, struct uses *uses)
{
	struct use use = { 0 };
	char *rest = line;
	const char *first = cut_word(&rest);

	if (strcmp(first, "unread") == 0)
		return parse_decimal(rest, 0, INT_MAX, &uses->unread) < 0 ? -EBADMSG : 0;
	if (pci_address_parse(first, &use.address, NULL) < 0)
		return -EBADMSG;
	const char *kind = cut_word(&rest);
	if (*kind == '\0' || *rest == '\0')
		return -EBADMSG;
	for (int i = 0; use_kind_names[i] != NULL; i++) {
		if (strcmp(kind, use_kind_names[i]) != 0)
			continue;
		(void)snprintf(use.text, sizeof(use.text), "%s", rest);
		make_plain(use.text);
		use.kind = (enum use_kind)i;
		return add(uses, &use);
	}
	return 0;
}

int uses_parse(const char *text, struct uses *uses)
{
	AUTO_FREE char *copy = strdup(text);
	char *rest = NULL;
	int r = 0;

	if (copy == NULL)
		return -ENOMEM;
	for (char *line = strtok_r(copy, "\n", &rest); r == 0 && line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		r = parse_line(line, uses);
	return r;
}

void uses_free(struct uses *uses)
{
	free(uses->items);
	*uses = (struct uses){ 0 };
}

int sysfs_pci_address(const char *path, struct pci_address *ret_address)
{
	int r = -ENOENT;

	while (*path != '\0') {
		char component[PCI_ADDRESS_SIZE];
		size_t length = strcspn(path, "/");
		struct pci_address address;

		/* Here addresses always have their domain. */
		if (length >= strlen("0000:00:00.0") && length < sizeof(component)) {
			memcpy(component, path, length);
			component[length] = '\0';
			if (pci_address_parse(component, &address, NULL) == 0) {
				*ret_address = address;
				r = 0;
			}
		}
		path += length;
		path += strspn(path, "/");
	}
	return r;
}

/* Splits at blanks. Returns the number of fields. */
static size_t split(char *line, char *fields[ROUTE_FIELDS_MOST])
{
	size_t count = 0;
	char *rest = NULL;

	for (char *word = strtok_r(line, " \t\n", &rest);
	     word != NULL && count < ROUTE_FIELDS_MOST; word = strtok_r(NULL, " \t\n", &rest))
		fields[count++] = word;
	return count;
}

/* All of it zeros, as hexadecimal addresses and masks of a default route are. */
static bool is_zero(const char *field)
{
	return *field != '\0' && field[strspn(field, "0")] == '\0';
}

bool route_default_interface(const char *line, bool ipv6,
			     char ret_interface[INTERFACE_NAME_SIZE])
{
	char copy[ROUTE_LINE_MOST];
	char *fields[ROUTE_FIELDS_MOST];
	uint32_t flags;

	if (copy_field(copy, sizeof(copy), line) < 0)
		return false;
	size_t count = split(copy, fields);
	/* IPv4: Iface Destination Gateway Flags RefCnt Use Metric Mask ...; IPv6: destination,
	 * its prefix, source, its prefix, next hop, metric, two counts, flags, interface. */
	if (count < (ipv6 ? 10 : 8))
		return false;
	const char *mask = fields[ipv6 ? 1 : 7];
	const char *flag_field = fields[ipv6 ? 8 : 3];
	if (!is_zero(fields[ipv6 ? 0 : 1]) || !is_zero(mask) ||
	    parse_hex(flag_field, strlen(flag_field), &flags) < 0 || (flags & ROUTE_UP) == 0 ||
	    (flags & ROUTE_REJECT) != 0)
		return false;
	return copy_field(ret_interface, INTERFACE_NAME_SIZE, fields[ipv6 ? 9 : 0]) == 0;
}
