// SPDX-License-Identifier: GPL-2.0-or-later
/* PCI addresses, IDs and paths as text and as numbers. */
#include "pci.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

enum { LAST_DEVICE = 0x1f, LAST_FUNCTION = 7 };

/* Parses "DD.F", or "DD.*" where any_function is given, of `length` characters. */
static int parse_devfn(const char *string, size_t length, uint8_t *ret_device,
		       uint8_t *ret_function, bool *any_function)
{
	uint32_t device;
	uint32_t function = 0;

	if (length != 4 || string[2] != '.' || parse_hex(string, 2, &device) < 0)
		return -EINVAL;
	bool any = string[3] == '*';
	if (any ? any_function == NULL : parse_hex(string + 3, 1, &function) < 0)
		return -EINVAL;
	if (device > LAST_DEVICE || function > LAST_FUNCTION)
		return -ERANGE;
	if (any_function != NULL)
		*any_function = any;
	*ret_device = (uint8_t)device;
	*ret_function = (uint8_t)function;
	return 0;
}

static int parse_address(const char *string, size_t length, struct pci_address *ret_address,
			 bool *any_function)
{
	struct pci_address address = { 0 };
	const char *colon = memchr(string, ':', length);
	const char *end = string + length;
	uint32_t bus;

	if (colon == NULL)
		return -EINVAL;
	if (memchr(colon + 1, ':', (size_t)(end - colon) - 1) != NULL) {
		size_t digits = (size_t)(colon - string);

		if (digits < 4 || parse_hex(string, digits, &address.domain) < 0)
			return -EINVAL;
		string = colon + 1;
	}
	if (end - string != 7 || string[2] != ':' || parse_hex(string, 2, &bus) < 0)
		return -EINVAL;
	address.bus = (uint8_t)bus;
	int r = parse_devfn(string + 3, 4, &address.device, &address.function, any_function);
	if (r < 0)
		return r;
	*ret_address = address;
	return 0;
}

int pci_address_parse(const char *string, struct pci_address *ret_address, bool *any_function)
{
	return parse_address(string, strlen(string), ret_address, any_function);
}

static char *put_hex(char *out, uint32_t value, unsigned digits)
{
	for (unsigned i = digits; i > 0; i--)
		*out++ = "0123456789abcdef"[value >> (i - 1) * 4 & 0xf];
	return out;
}

/* By hand: every path of sysfs begins with it. */
const char *pci_address_format(const struct pci_address *address, char out[PCI_ADDRESS_SIZE])
{
	unsigned digits = 4;
	char *end;

	while (digits < 8 && address->domain >> digits * 4 != 0)
		digits++;
	end = put_hex(out, address->domain, digits);
	*end++ = ':';
	end = put_hex(end, address->bus, 2);
	*end++ = ':';
	end = put_hex(end, address->device & LAST_DEVICE, 2);
	*end++ = '.';
	end = put_hex(end, address->function & LAST_FUNCTION, 1);
	*end = '\0';
	return out;
}

static uint64_t address_rank(const struct pci_address *address)
{
	return (uint64_t)address->domain << 24 | (uint64_t)address->bus << 16 |
	       (uint64_t)address->device << 8 | address->function;
}

int pci_address_compare(const struct pci_address *a, const struct pci_address *b)
{
	uint64_t left = address_rank(a);
	uint64_t right = address_rank(b);

	return (left > right) - (left < right);
}

bool pci_address_same_slot(const struct pci_address *a, const struct pci_address *b)
{
	return a->domain == b->domain && a->bus == b->bus && a->device == b->device;
}

int pci_ids_parse(const char *string, struct pci_ids *ret_ids)
{
	uint32_t field[4] = { PCI_ANY, PCI_ANY, PCI_ANY, PCI_ANY };
	size_t fields = 0;

	for (const char *start = string;; start++) {
		size_t length = strcspn(start, ":");

		if (fields == 4)
			return -EINVAL;
		if (length == 4) {
			if (parse_hex(start, length, &field[fields]) < 0)
				return -EINVAL;
		} else if (length != 1 || *start != '*') {
			return -EINVAL;
		}
		fields++;
		start += length;
		if (*start == '\0')
			break;
	}
	if (fields != 2 && fields != 4)
		return -EINVAL;
	*ret_ids = (struct pci_ids){ field[0], field[1], field[2], field[3] };
	return 0;
}

static char *put_field(char *out, uint32_t field)
{
	if (field != PCI_ANY)
		return put_hex(out, field, 4);
	*out = '*';
	return out + 1;
}

const char *pci_ids_format(const struct pci_ids *ids, char out[PCI_IDS_SIZE])
{
	char *end = put_field(out, ids->vendor);

	*end++ = ':';
	end = put_field(end, ids->device);
	if (ids->subvendor != PCI_ANY || ids->subdevice != PCI_ANY) {
		*end++ = ':';
		end = put_field(end, ids->subvendor);
		*end++ = ':';
		end = put_field(end, ids->subdevice);
	}
	*end = '\0';
	return out;
}

static bool field_matches(uint32_t pattern, uint32_t value)
{
	return pattern == PCI_ANY || pattern == value;
}

bool pci_ids_match(const struct pci_ids *pattern, const struct pci_ids *ids)
{
	return field_matches(pattern->vendor, ids->vendor) &&
	       field_matches(pattern->device, ids->device) &&
	       field_matches(pattern->subvendor, ids->subvendor) &&
	       field_matches(pattern->subdevice, ids->subdevice);
}

int pci_path_parse(const char *string, struct pci_path *ret_path)
{
	struct pci_path path = { 0 };
	size_t length = strcspn(string, "/");
	int r = parse_address(string, length, &path.root, NULL);

	while (r == 0 && string[length] == '/') {
		if (path.hops == PCI_PATH_HOPS)
			return -E2BIG;
		string += length + 1;
		length = strcspn(string, "/");
		r = parse_devfn(string, length, &path.hop[path.hops].device,
				&path.hop[path.hops].function, NULL);
		path.hops++;
	}
	if (r < 0)
		return r;
	*ret_path = path;
	return 0;
}

int pci_path_from_sysfs(const char *target, struct pci_path *ret_path)
{
	struct pci_path path = { 0 };
	bool started = false;

	for (size_t length; *target != '\0'; target += length + (target[length] == '/')) {
		struct pci_address address;

		length = strcspn(target, "/");
		if (parse_address(target, length, &address, NULL) < 0) {
			started = false;
			continue;
		}
		if (!started) {
			path = (struct pci_path){ .root = address };
			started = true;
			continue;
		}
		if (path.hops == PCI_PATH_HOPS)
			return -E2BIG;
		path.hop[path.hops].device = address.device;
		path.hop[path.hops].function = address.function;
		path.hops++;
	}
	if (!started)
		return -EINVAL;
	*ret_path = path;
	return 0;
}

const char *pci_path_format(const struct pci_path *path, char out[PCI_PATH_SIZE])
{
	size_t used = strlen(pci_address_format(&path->root, out));

	for (size_t i = 0; i < path->hops && i < PCI_PATH_HOPS; i++)
		used += (size_t)snprintf(out + used, PCI_PATH_SIZE - used, "/%02x.%x",
					 path->hop[i].device & LAST_DEVICE,
					 path->hop[i].function & LAST_FUNCTION);
	return out;
}

bool pci_path_equal(const struct pci_path *a, const struct pci_path *b)
{
	if (a->hops != b->hops || pci_address_compare(&a->root, &b->root) != 0)
		return false;
	for (size_t i = 0; i < a->hops; i++)
		if (a->hop[i].device != b->hop[i].device ||
		    a->hop[i].function != b->hop[i].function)
			return false;
	return true;
}
