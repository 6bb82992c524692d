// SPDX-License-Identifier: GPL-2.0-or-later
/* What an initramfs needs of us: the same answers for dracut and for initramfs-tools. */
#include "image.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "modules.h"
#include "plan.h"
#include "table.h"
#include "text.h"
#include "variant.h"
#include "version.h"

/* Modules of the image, each once. */
struct wanted {
	const struct claims *claims;
	char (*names)[DRIVER_NAME_SIZE];
	size_t count;
};

int image_write_table(const struct root *image, const struct claims *claims)
{
	AUTO_FREE char *table = NULL;
	int r = table_render(claims, &table);

	return r == 0 ? root_write_file(image, CLAIMS_TABLE_PATH, table) : r;
}

static int want(struct wanted *wanted, const char *module)
{
	for (size_t i = 0; i < wanted->count; i++)
		if (strcmp(wanted->names[i], module) == 0)
			return 0;
	char(*slot)[DRIVER_NAME_SIZE] =
		array_grow(&wanted->names, wanted->count, sizeof(*slot));
	if (slot == NULL)
		return -ENOMEM;
	wanted->count++;
	return copy_field(*slot, sizeof(*slot), module);
}

/* A variant is wanted when one selector of an automatic claim could meet its alias. */
static int consider_variant(void *context, const char *alias, const char *module)
{
	struct wanted *wanted = context;

	for (size_t i = 0; i < wanted->claims->count; i++) {
		const struct claim *claim = &wanted->claims->items[i];

		for (size_t j = 0; j < claim->match_count; j++)
			if (strcmp(claim->driver, "auto") == 0 &&
			    variant_could_serve(alias, &claim->matches[j]))
				return want(wanted, module);
	}
	return 0;
}

static int want_named(struct wanted *wanted)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < wanted->claims->count; i++) {
		char module[DRIVER_NAME_SIZE];

		if (strcmp(wanted->claims->items[i].driver, "auto") == 0)
			continue;
		module_of_driver(wanted->claims->items[i].driver, module);
		r = want(wanted, module);
	}
	return r;
}

static int print_present(struct modules *modules, const struct wanted *wanted,
			 const char *kernel)
{
	for (size_t i = 0; i < wanted->count; i++) {
		int has = modules_has(modules, wanted->names[i]);

		if (has < 0)
			return has;
		if (has)
			(void)printf("%s\n", wanted->names[i]);
		else if (strcmp(wanted->names[i], VFIO_IOMMU_MODULE) != 0)
			(void)fprintf(
				stderr,
				"vfio-claim: warning: kernel %s has no module %s: what needs "
				"it will not be claimed by VFIO\n",
				kernel, wanted->names[i]);
	}
	return 0;
}

int image_print_modules(const struct root *root, const char *kernel,
			const struct claims *claims)
{
	struct wanted wanted = { .claims = claims };
	struct modules *modules = NULL;
	int r = modules_open(root, kernel, &modules);

	if (r == 0)
		r = want(&wanted, VFIO_PCI_MODULE);
	if (r == 0)
		r = want(&wanted, VFIO_IOMMU_MODULE);
	if (r == 0)
		r = want_named(&wanted);
	if (r == 0)
		r = modules_each_variant(modules, consider_variant, &wanted);
	/* A tree without modules.alias has no variants; what it has is still printed. */
	if (r == 0 || r == -ENOENT)
		r = print_present(modules, &wanted, kernel);
	free(wanted.names);
	modules_close(modules);
	return r;
}
