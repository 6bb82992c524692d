// SPDX-License-Identifier: GPL-2.0-or-later
/* The only user of libkmod: loads modules, finds VFIO variant drivers. */
#include "modules.h"

#include <errno.h>
#include <libkmod.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "plan.h"
#include "text.h"

#define VARIANT_ALIAS "vfio_pci:"

/* Kinds whose variant driver is remembered: cards of one kind come in tens. */
enum { KINDS = 8 };

struct modules {
	struct kmod_ctx *kmod;
	bool can_load;
	struct {
		struct pci_ids ids;
		uint32_t class_code;
		char variant[DRIVER_NAME_SIZE];
	} kinds[KINDS];
	size_t kind_count; /* how many there were; the newest took the oldest's place */
};

/* A tree's modprobe.d where a tree is worked on: libkmod would read this host's. */
static struct kmod_ctx *open_kmod(const struct root *root, const char *directory)
{
	static const char *const places[] = { "etc", "run", "usr/local/lib", "usr/lib", "lib" };
	enum { COUNT = sizeof(places) / sizeof(places[0]) };
	char path[COUNT][PATH_MAX];
	const char *paths[COUNT + 1] = { NULL };

	if (root->is_host)
		return kmod_new(directory, NULL);
	for (size_t i = 0; i < COUNT; i++) {
		int length = snprintf(path[i], sizeof(path[i]), "%s/%s/modprobe.d", root->path,
				      places[i]);
		if (length < 0 || (size_t)length >= sizeof(path[i])) {
			errno = ENAMETOOLONG;
			return NULL;
		}
		paths[i] = path[i];
	}
	return kmod_new(directory, paths);
}

int modules_open(const struct root *root, const char *kernel, struct modules **ret_modules)
{
	char directory[PATH_MAX];
	const char *where = NULL; /* libkmod then uses /lib/modules/`uname -r` */

	if (kernel != NULL) {
		int length = snprintf(directory, sizeof(directory), "%s/lib/modules/%s",
				      root->path, kernel);
		if (length < 0 || (size_t)length >= sizeof(directory))
			return -ENAMETOOLONG;
		where = directory;
	}
	struct modules *modules = calloc(1, sizeof(*modules));
	if (modules == NULL)
		return -ENOMEM;
	modules->kmod = open_kmod(root, where);
	modules->can_load = root->is_host && kernel == NULL;
	if (modules->kmod == NULL) {
		free(modules);
		return -errno;
	}
	/* Its messages would go to stderr; what went wrong is told by the return values. */
	kmod_set_log_priority(modules->kmod, 0);
	*ret_modules = modules;
	return 0;
}

void modules_close(struct modules *modules)
{
	if (modules == NULL)
		return;
	(void)kmod_unref(modules->kmod);
	free(modules);
}

int modules_has(struct modules *modules, const char *name)
{
	struct kmod_list *list = NULL;
	/* By lookup and not by kmod_module_new_from_name(), which invents any name. */
	int r = kmod_module_new_from_lookup(modules->kmod, name, &list);

	if (r < 0)
		return r == -ENOENT || r == -ENOSYS ? 0 : r;
	bool found = list != NULL;
	(void)kmod_module_unref_list(list);
	return found;
}

int modules_load(struct modules *modules, const char *name, const char *options)
{
	struct kmod_module *module = NULL;

	if (!modules->can_load) {
		int has = modules_has(modules, name);

		return has < 0 ? has : has ? 0 : -ENOENT;
	}
	int r = kmod_module_new_from_name(modules->kmod, name, &module);
	if (r < 0)
		return r;
	r = kmod_module_probe_insert_module(module, KMOD_PROBE_IGNORE_COMMAND, options, NULL,
					    NULL, NULL);
	(void)kmod_module_unref(module);
	return r;
}

/*
 * The driver in a variant's module: driver_override is compared with its name letter by letter.
 * Most have KBUILD_MODNAME, or the same written out (hisilicon, ism, mlx5, nvgrace-gpu, pds, qat
 * and virtio in drivers/vfio/pci/), and the others are listed here by their struct pci_driver.
 * module_of_driver() leads back.
 */
static const char *driver_of_module(const char *module)
{
	static const struct {
		const char *module;
		const char *driver;
	} exceptions[] = {
		{ "xe_vfio_pci", "xe-vfio-pci" }, /* drivers/vfio/pci/xe/main.c */
	};

	for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++)
		if (strcmp(exceptions[i].module, module) == 0)
			return exceptions[i].driver;
	return module;
}

static void find_variant(struct modules *modules, struct device *device)
{
	struct kmod_list *list = NULL;
	const struct kmod_list *item;
	char alias[128];

	(void)snprintf(alias, sizeof(alias),
		       VARIANT_ALIAS "v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X",
		       device->ids.vendor, device->ids.device, device->ids.subvendor,
		       device->ids.subdevice, device->class_code >> 16 & 0xff,
		       device->class_code >> 8 & 0xff, device->class_code & 0xff);
	if (kmod_module_new_from_lookup(modules->kmod, alias, &list) < 0)
		return;
	kmod_list_foreach(item, list)
	{
		struct kmod_module *module = kmod_module_get_module(item);
		const char *name = kmod_module_get_name(module);

		/* vfio-pci itself serves every device: its alias has only wildcards. */
		if (device->variant[0] == '\0' && strcmp(name, VFIO_PCI_MODULE) != 0)
			(void)copy_field(device->variant, sizeof(device->variant),
					 driver_of_module(name));
		(void)kmod_module_unref(module);
	}
	(void)kmod_module_unref_list(list);
}

void modules_find_variant(struct modules *modules, struct device *device)
{
	for (size_t i = 0; i < modules->kind_count && i < KINDS; i++) {
		if (memcmp(&modules->kinds[i].ids, &device->ids, sizeof(device->ids)) != 0 ||
		    modules->kinds[i].class_code != device->class_code)
			continue;
		memcpy(device->variant, modules->kinds[i].variant, sizeof(device->variant));
		return;
	}
	find_variant(modules, device);
	size_t place = modules->kind_count++ % KINDS;
	modules->kinds[place].ids = device->ids;
	modules->kinds[place].class_code = device->class_code;
	memcpy(modules->kinds[place].variant, device->variant, sizeof(device->variant));
}

/* "alias PATTERN MODULE" */
static int read_alias_line(char *line, int (*each)(void *, const char *, const char *),
			   void *context)
{
	char *rest = NULL;
	const char *word = strtok_r(line, " \n", &rest);
	const char *alias = strtok_r(NULL, " \n", &rest);
	const char *module = strtok_r(NULL, " \n", &rest);

	if (word == NULL || module == NULL || strcmp(word, "alias") != 0 ||
	    strncmp(alias, VARIANT_ALIAS, strlen(VARIANT_ALIAS)) != 0 ||
	    strcmp(module, VFIO_PCI_MODULE) == 0)
		return 0;
	return each(context, alias, module);
}

/* Reads the text form of an index from the start of `fd`, which it takes. */
static int read_aliases(int fd, int (*each)(void *, const char *, const char *), void *context)
{
	FILE *stream = fdopen(fd, "r");
	char *line = NULL;
	size_t room = 0;
	int r = 0;

	if (stream == NULL) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	rewind(stream);
	while (r == 0 && getline(&line, &room, stream) > 0)
		r = read_alias_line(line, each, context);
	free(line);
	(void)fclose(stream);
	return r;
}

int modules_each_variant(struct modules *modules,
			 int (*each)(void *context, const char *alias, const char *module),
			 void *context)
{
	int fd = memfd_create("modules.alias", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	/* libkmod cannot list aliases, but it dumps an index in its text form. */
	int r = kmod_dump_index(modules->kmod, KMOD_INDEX_MODULES_ALIAS, fd);
	if (r < 0) {
		(void)close(fd);
		return r == -ENOSYS ? -ENOENT : r;
	}
	return read_aliases(fd, each, context);
}

int modules_each_of_alias(struct modules *modules, const char *alias,
			  int (*each)(void *context, const char *module, const char *path),
			  void *context)
{
	struct kmod_list *list = NULL;
	const struct kmod_list *item;
	int r = kmod_module_new_from_lookup(modules->kmod, alias, &list);

	/* -ENOSYS: there is no index at all (libkmod-index.c, libkmod-module.c). */
	if (r < 0)
		return r == -ENOENT || r == -ENOSYS ? 0 : r;
	kmod_list_foreach(item, list)
	{
		struct kmod_module *module = kmod_module_get_module(item);

		if (r == 0)
			r = each(context, kmod_module_get_name(module),
				 kmod_module_get_path(module));
		(void)kmod_module_unref(module);
	}
	(void)kmod_module_unref_list(list);
	return r;
}

bool modules_is_blacklisted(struct modules *modules, const char *name)
{
	struct kmod_config_iter *iter = kmod_config_get_blacklists(modules->kmod);
	bool found = false;

	/* Names are normalised where modprobe.d has them, and not those of the command line:
	 * with dashes such a one has no effect (libkmod-config.c). */
	while (iter != NULL && !found && kmod_config_iter_next(iter))
		found = strcmp(kmod_config_iter_get_key(iter), name) == 0;
	if (iter != NULL)
		kmod_config_iter_free_iter(iter);
	return found;
}
