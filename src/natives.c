// SPDX-License-Identifier: GPL-2.0-or-later
/* Which native drivers had the devices before they were claimed at run time. */
#include "natives.h"

#include <errno.h>
#include <string.h>

#include "text.h"

int natives_parse(const char *text, struct natives *natives)
{
	AUTO_FREE char *copy = strdup(text);
	char *rest = NULL;
	int r = 0;

	if (copy == NULL)
		return -ENOMEM;
	for (char *line = strtok_r(copy, "\n", &rest); r == 0 && line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		struct pci_address address;
		char *blank = strchr(line, ' ');

		if (blank == NULL)
			continue;
		*blank = '\0';
		const char *driver = blank + 1;
		bool none = strcmp(driver, "-") == 0;
		if (pci_address_parse(line, &address, NULL) == 0 &&
		    (none || driver_name_valid(driver)))
			r = natives_set(natives, &address, none ? "" : driver);
	}
	return r;
}

int natives_render(const struct natives *natives, char **ret_text)
{
	struct text text = { 0 };
	char address[PCI_ADDRESS_SIZE];

	for (size_t i = 0; i < natives->count; i++) {
		const struct native *native = &natives->items[i];

		text_add(&text, "%s %s\n", pci_address_format(&native->address, address),
			 *native->driver ? native->driver : "-");
	}
	return text_take(&text, ret_text);
}

static struct native *find(const struct natives *natives, const struct pci_address *address)
{
	for (size_t i = 0; i < natives->count; i++)
		if (pci_address_compare(&natives->items[i].address, address) == 0)
			return &natives->items[i];
	return NULL;
}

const struct native *natives_find(const struct natives *natives,
				  const struct pci_address *address)
{
	return find(natives, address);
}

int natives_set(struct natives *natives, const struct pci_address *address, const char *driver)
{
	struct native *native = find(natives, address);

	if (native == NULL) {
		native = array_grow(&natives->items, natives->count, sizeof(*native));
		if (native == NULL)
			return -ENOMEM;
		native->address = *address;
		natives->count++;
	}
	return copy_field(native->driver, sizeof(native->driver), driver);
}

void natives_remove(struct natives *natives, const struct pci_address *address)
{
	struct native *native = find(natives, address);

	if (native == NULL)
		return;
	natives->count--;
	size_t behind = natives->count - (size_t)(native - natives->items);
	memmove(native, native + 1, behind * sizeof(*native));
}

void natives_free(struct natives *natives)
{
	free(natives->items);
	*natives = (struct natives){ 0 };
}
