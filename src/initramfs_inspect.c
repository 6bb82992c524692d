// SPDX-License-Identifier: GPL-2.0-or-later
/* Compares a built initramfs image with what the claims ask for. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "initramfs.h"
#include "initramfs_image.h"
#include "loader_text.h"
#include "plan.h"
#include "table.h"
#include "text.h"
#include "version.h"

enum {
	HELPER_SIZE_MOST = 1 << 24,
	ORDER_SIZE_MOST = 1 << 16,
	MODULES_SIZE_MOST = 1 << 24,
};

#define INIT_TOP "scripts/init-top/"
#define BOOT_SCRIPT INIT_TOP "00-vfio-claim"
#define POST_SCRIPT "scripts/init-premount/vfio-claim-post"
#define LOCAL_SCRIPT "scripts/local-bottom/vfio-claim-late"
#define NFS_SCRIPT "scripts/nfs-bottom/vfio-claim-late"
#define PRE_UDEV_HOOK "vfio-claim-pre-udev.sh"
#define PRE_PIVOT_HOOK "vfio-claim-pre-pivot.sh"

/* A file whose content counts; `data` stays NULL when the image does not have it. */
struct kept {
	const char *path;
	size_t most;
	char *data;
	size_t length;
	bool found; /* with `data` NULL: it is longer than it can rightly be */
};

struct needed_module {
	char name[DRIVER_NAME_SIZE];
	bool found;
};

enum { KEPT_HELPER, KEPT_TABLE, KEPT_ORDER, KEPT_COUNT };

/* One look into an image. */
struct inspection {
	const struct root *root;
	const char *image;
	const char *kernel;
	enum generator generator;
	struct sentences *problems;
	struct kept kept[KEPT_COUNT];
	struct needed_module *modules;
	size_t module_count;
	bool has_boot_script;
	bool has_post_script;
	bool has_local_script;
	bool has_nfs_script;
	bool has_pre_udev_hook;
	bool has_pre_pivot_hook;
	int error;
};

/* True for one path written with and without the "usr/" that merged systems add. */
static bool same_path(const char *a, const char *b)
{
	if (strncmp(a, "usr/", 4) == 0)
		a += 4;
	if (strncmp(b, "usr/", 4) == 0)
		b += 4;
	return strcmp(a, b) == 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* The name of the module that a file has (any of .ko, .ko.xz, .ko.zst, .ko.gz). */
static bool module_of_file(const char *path, size_t length, char out[DRIVER_NAME_SIZE])
{
	const char *end = path + length;
	const char *name = memrchr(path, '/', length);

	name = name != NULL ? name + 1 : path;
	const char *dot = memmem(name, (size_t)(end - name), ".ko", 3);
	if (dot == NULL || (dot + 3 != end && dot[3] != '.') ||
	    (size_t)(dot - name) >= DRIVER_NAME_SIZE)
		return false;
	char file[DRIVER_NAME_SIZE];
	memcpy(file, name, (size_t)(dot - name));
	file[dot - name] = '\0';
	module_of_driver(file, out);
	return true;
}

static int need_module(struct inspection *inspection, const char *name)
{
	for (size_t i = 0; i < inspection->module_count; i++)
		if (strcmp(inspection->modules[i].name, name) == 0)
			return 0;
	struct needed_module *slot =
		array_grow(&inspection->modules, inspection->module_count, sizeof(*slot));
	if (slot == NULL)
		return -ENOMEM;
	inspection->module_count++;
	return copy_field(slot->name, sizeof(slot->name), name);
}

/* Needs every file of a line of modules.dep, "kernel/a.ko.xz: kernel/b.ko.xz kernel/c.ko.xz". */
static int need_line(struct inspection *inspection, const char *line, size_t length)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < length;) {
		size_t bytes = strcspn(line + i, ": \n");
		char name[DRIVER_NAME_SIZE];

		if (module_of_file(line + i, bytes, name))
			r = need_module(inspection, name);
		i += bytes + 1;
	}
	return r;
}

/*
 * Needs a module with all that it depends on (vfio_virqfd on 6.1). What the kernel has built in
 * is in no modules.dep and need not be in the image; the same goes for what it lacks.
 */
static int need_with_dependencies(struct inspection *inspection, const char *modules_dep,
				  const char *module)
{
	for (const char *line = modules_dep; *line != '\0';) {
		size_t length = strcspn(line, "\n");
		size_t first = strcspn(line, ":\n");
		char name[DRIVER_NAME_SIZE];

		if (module_of_file(line, first, name) && strcmp(name, module) == 0)
			return need_line(inspection, line, length);
		line += length + (line[length] == '\n' ? 1 : 0);
	}
	return 0;
}

static int need_modules(struct inspection *inspection, const struct claims *claims)
{
	AUTO_FREE char *text = NULL;
	size_t length;
	char path[256];

	if ((size_t)snprintf(path, sizeof(path), "lib/modules/%s/modules.dep",
			     inspection->kernel) >= sizeof(path))
		return -ENAMETOOLONG;
	int r = root_read(inspection->root, path, MODULES_SIZE_MOST, &text, &length);
	if (r < 0)
		return sentences_add(inspection->problems, "/%s cannot be read: %s", path,
				     strerror(-r));
	r = need_with_dependencies(inspection, text, VFIO_PCI_MODULE);
	if (r == 0)
		r = need_with_dependencies(inspection, text, VFIO_IOMMU_MODULE);
	for (size_t i = 0; r == 0 && i < claims->count; i++) {
		char module[DRIVER_NAME_SIZE];

		if (strcmp(claims->items[i].driver, "auto") == 0)
			continue;
		module_of_driver(claims->items[i].driver, module);
		r = need_with_dependencies(inspection, text, module);
	}
	return r;
}

/* Notes a module of this kernel that the image has. */
static void find_module(struct inspection *inspection, const char *path)
{
	static const char directory[] = "lib/modules/";
	size_t length = strlen(inspection->kernel);
	char name[DRIVER_NAME_SIZE];

	if (strncmp(path, "usr/", 4) == 0)
		path += 4;
	if (strncmp(path, directory, sizeof(directory) - 1) != 0)
		return;
	path += sizeof(directory) - 1;
	if (strncmp(path, inspection->kernel, length) != 0 || path[length] != '/' ||
	    !module_of_file(path, strlen(path), name))
		return;
	for (size_t i = 0; i < inspection->module_count; i++)
		if (strcmp(inspection->modules[i].name, name) == 0)
			inspection->modules[i].found = true;
}

/* dracut's hooks are in lib/dracut/hooks (059) or var/lib/dracut/hooks (106); the name has a
 * number before it: pre-udev/00-vfio-claim-pre-udev.sh. */
static bool is_hook(const char *path, const char *kind, const char *name)
{
	char directory[64];

	(void)snprintf(directory, sizeof(directory), "dracut/hooks/%s/", kind);
	const char *found = strstr(path, directory);
	return found != NULL && strstr(found, name) != NULL;
}

/* visitor: notes what an image has, and says which content is wanted. */
static size_t see_entry(void *context, const char *path, mode_t mode)
{
	struct inspection *inspection = context;

	if (!S_ISREG(mode))
		return 0;
	if (strcmp(path, BOOT_SCRIPT) == 0)
		inspection->has_boot_script = true;
	else if (strcmp(path, POST_SCRIPT) == 0)
		inspection->has_post_script = true;
	else if (strcmp(path, LOCAL_SCRIPT) == 0)
		inspection->has_local_script = true;
	else if (strcmp(path, NFS_SCRIPT) == 0)
		inspection->has_nfs_script = true;
	else if (is_hook(path, "pre-udev", PRE_UDEV_HOOK) ||
		 is_hook(path, "cmdline", PRE_UDEV_HOOK))
		inspection->has_pre_udev_hook = true;
	else if (is_hook(path, "pre-pivot", PRE_PIVOT_HOOK))
		inspection->has_pre_pivot_hook = true;
	else
		find_module(inspection, path);
	for (size_t i = 0; i < KEPT_COUNT; i++) {
		struct kept *kept = &inspection->kept[i];

		if (!same_path(path, kept->path))
			continue;
		/* A later archive of the image replaces what an earlier one had. */
		free(kept->data);
		kept->data = NULL;
		kept->found = true;
		return kept->most;
	}
	return 0;
}

static int keep_content(void *context, const char *path, char *data, size_t length)
{
	struct inspection *inspection = context;

	for (size_t i = 0; i < KEPT_COUNT; i++)
		if (same_path(path, inspection->kept[i].path)) {
			inspection->kept[i].data = data;
			inspection->kept[i].length = length;
			return 0;
		}
	free(data);
	return 0;
}

/* Reads a header that must lie within the file. */
static bool read_elf_header(const char *data, size_t length, Elf64_Ehdr *ret_header)
{
	if (length < sizeof(*ret_header))
		return false;
	memcpy(ret_header, data, sizeof(*ret_header));
	return memcmp(ret_header->e_ident, ELFMAG, SELFMAG) == 0 &&
	       ret_header->e_ident[EI_CLASS] == ELFCLASS64 &&
	       ret_header->e_phentsize == sizeof(Elf64_Phdr) && ret_header->e_phoff <= length &&
	       ret_header->e_phnum <= (length - ret_header->e_phoff) / sizeof(Elf64_Phdr);
}

/*
 * True when two programs load the same bytes to the same places. strip(1) changes nothing but
 * what lies behind the loaded segments, and the fields of the ELF header that point there; it
 * is what dracut does to each program unless do_strip=no is set (bin/dracut).
 */
static bool load_the_same(const char *a, size_t a_length, const char *b, size_t b_length)
{
	Elf64_Ehdr header;
	Elf64_Ehdr other;
	bool loads = false;

	if (!read_elf_header(a, a_length, &header) || !read_elf_header(b, b_length, &other))
		return false;
	other.e_shoff = header.e_shoff;
	other.e_shnum = header.e_shnum;
	other.e_shstrndx = header.e_shstrndx;
	if (memcmp(&header, &other, sizeof(header)) != 0 ||
	    memcmp(a + header.e_phoff, b + header.e_phoff,
		   header.e_phnum * sizeof(Elf64_Phdr)) != 0)
		return false;
	for (size_t i = 0; i < header.e_phnum; i++) {
		Elf64_Phdr segment;

		memcpy(&segment, a + header.e_phoff + i * sizeof(segment), sizeof(segment));
		if (segment.p_type != PT_LOAD)
			continue;
		/* The ELF header was compared above. */
		size_t begin =
			segment.p_offset < sizeof(header) ? sizeof(header) : segment.p_offset;
		size_t end;

		if (__builtin_add_overflow(segment.p_offset, segment.p_filesz, &end) ||
		    end > a_length || end > b_length)
			return false;
		if (begin < end && memcmp(a + begin, b + begin, end - begin) != 0)
			return false;
		loads = true;
	}
	return loads;
}

static int check_helper(const struct inspection *inspection)
{
	const struct kept *kept = &inspection->kept[KEPT_HELPER];
	AUTO_FREE char *data = NULL;
	size_t length;

	if (!kept->found)
		return sentences_add(inspection->problems, "/%s: the helper %s is not in it",
				     inspection->image, BOOT_HELPER);
	int r = root_read(inspection->root, kept->path, HELPER_SIZE_MOST, &data, &length);
	if (r < 0)
		return sentences_add(inspection->problems, "%s cannot be read: %s", BOOT_HELPER,
				     strerror(-r));
	if (kept->data != NULL &&
	    ((kept->length == length && memcmp(kept->data, data, length) == 0) ||
	     load_the_same(kept->data, kept->length, data, length)))
		return 0;
	return sentences_add(inspection->problems,
			     "/%s: the helper in it is not the one that is installed, %s",
			     inspection->image, BOOT_HELPER);
}

static int check_table(const struct inspection *inspection, const struct claims *claims)
{
	const struct kept *kept = &inspection->kept[KEPT_TABLE];
	AUTO_FREE char *table = NULL;

	if (!kept->found)
		return sentences_add(inspection->problems,
				     "/%s: the claims table /%s is not in it",
				     inspection->image, CLAIMS_TABLE_PATH);
	int r = table_render(claims, &table);
	if (r < 0)
		return r;
	if (kept->data != NULL && kept->length == strlen(table) &&
	    memcmp(kept->data, table, kept->length) == 0)
		return 0;
	return sentences_add(inspection->problems,
			     "/%s: the claims table in it is not what the configuration says",
			     inspection->image);
}

/* ORDER is the script that initramfs-tools' init runs for a directory. */
static int check_order(const struct inspection *inspection)
{
	const struct kept *kept = &inspection->kept[KEPT_ORDER];
	const char *ours = kept->data != NULL ? strstr(kept->data, "/" BOOT_SCRIPT) : NULL;
	const char *udev = kept->data != NULL ? strstr(kept->data, "/" INIT_TOP "udev") : NULL;

	if (ours == NULL)
		return sentences_add(inspection->problems,
				     "/%s: /" INIT_TOP "ORDER in it does not name "
				     "the boot script /" BOOT_SCRIPT,
				     inspection->image);
	if (udev != NULL && udev < ours)
		return sentences_add(inspection->problems,
				     "/%s: /" INIT_TOP "ORDER in it starts udev before "
				     "the boot script /" BOOT_SCRIPT,
				     inspection->image);
	return 0;
}

static int need_part(const struct inspection *inspection, bool there, const char *what)
{
	return there ? 0
		     : sentences_add(inspection->problems, "/%s: %s is not in it",
				     inspection->image, what);
}

static int check_hooks(const struct inspection *inspection)
{
	int r = need_part(inspection, inspection->has_pre_udev_hook,
			  "dracut's pre-udev hook " PRE_UDEV_HOOK);

	return r == 0 ? need_part(inspection, inspection->has_pre_pivot_hook,
				  "dracut's pre-pivot hook " PRE_PIVOT_HOOK)
		      : r;
}

static int check_scripts(const struct inspection *inspection)
{
	int r;

	if (inspection->generator == GENERATOR_DRACUT)
		return check_hooks(inspection);
	r = inspection->has_boot_script
		    ? check_order(inspection)
		    : need_part(inspection, false, "the boot script /" BOOT_SCRIPT);
	if (r == 0)
		r = need_part(inspection, inspection->has_post_script,
			      "the boot script /" POST_SCRIPT);
	if (r == 0)
		r = need_part(inspection, inspection->has_local_script,
			      "the boot script /" LOCAL_SCRIPT);
	return r == 0 ? need_part(inspection, inspection->has_nfs_script,
				  "the boot script /" NFS_SCRIPT)
		      : r;
}

static int check_modules(const struct inspection *inspection)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < inspection->module_count; i++)
		if (!inspection->modules[i].found)
			r = sentences_add(inspection->problems,
					  "/%s: the kernel module %s is not in it",
					  inspection->image, inspection->modules[i].name);
	return r;
}

/* An image that was made without us: one sentence says it all. */
static bool has_nothing(const struct inspection *inspection)
{
	return !inspection->kept[KEPT_HELPER].found && !inspection->kept[KEPT_TABLE].found &&
	       !inspection->has_boot_script && !inspection->has_post_script &&
	       !inspection->has_pre_udev_hook;
}

static int look_for_claims(struct inspection *inspection, int fd, const struct claims *claims)
{
	const struct image_visitor visitor = { see_entry, keep_content, inspection };
	char reason[IMAGE_REASON_SIZE];
	int r = need_modules(inspection, claims);

	if (r == 0)
		r = image_walk(fd, &visitor, reason);
	if (r == -EBADMSG)
		return sentences_add(inspection->problems, "/%s: %s", inspection->image,
				     reason);
	if (r == 0 && has_nothing(inspection))
		return sentences_add(inspection->problems,
				     "/%s: nothing of vfio-claim is in it", inspection->image);
	if (r == 0)
		r = check_helper(inspection);
	if (r == 0)
		r = check_table(inspection, claims);
	if (r == 0)
		r = check_scripts(inspection);
	return r == 0 ? check_modules(inspection) : r;
}

/* visitor: a sentence for everything that our hooks put into images. */
static size_t see_ours(void *context, const char *path, mode_t mode)
{
	struct inspection *inspection = context;
	const char *name = base_name(path);

	if (S_ISDIR(mode) || inspection->error < 0)
		return 0;
	/* A configuration file is someone else's to install: without our hooks it does nothing. */
	if (same_path(path, CLAIMS_TABLE_PATH) ||
	    (strstr(name, "vfio-claim") != NULL && strcmp(path, "etc/vfio-claim.conf") != 0))
		inspection->error =
			sentences_add(inspection->problems, "/%s: /%s is still in it",
				      inspection->image, path);
	return 0;
}

static int look_for_nothing(struct inspection *inspection, int fd)
{
	const struct image_visitor visitor = { see_ours, keep_content, inspection };
	char reason[IMAGE_REASON_SIZE];
	int r = image_walk(fd, &visitor, reason);

	if (r == -EBADMSG)
		return sentences_add(inspection->problems, "/%s: %s", inspection->image,
				     reason);
	return r == 0 ? inspection->error : r;
}

/* A file in memory with the bytes of a section, or with fewer where the file ends before it does,
 * which who reads the archives in it will say. A negative errno. */
static int copy_section(int fd, const struct pe_section *section)
{
	off_t place = (off_t)section->offset;
	size_t left = section->size;
	ssize_t n = 1;
	int copy = memfd_create("initrd", MFD_CLOEXEC);

	if (copy < 0)
		return -errno;
	while (left > 0 && n > 0) {
		n = sendfile(copy, fd, &place, left);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			left -= (size_t)n;
	}
	int error = n < 0 ? errno : 0;
	if (error != 0)
		(void)close(copy);
	return error != 0 ? -error : copy;
}

/* 1 and *ret_section for a unified kernel image that has an initramfs in it, 0 for another file,
 * or a negative errno. */
static int find_initrd(int fd, struct pe_section *ret_section)
{
	AUTO_FREE char *head = malloc(PE_HEADERS_MOST);

	if (head == NULL)
		return -ENOMEM;
	ssize_t n = pread(fd, head, PE_HEADERS_MOST, 0);
	if (n < 0)
		return -errno;
	return pe_find_section(head, (size_t)n, ".initrd", ret_section) ? 1 : 0;
}

/*
 * Opens an image; of a unified kernel image what is in its section .initrd
 * (The UAPI Group's Unified Kernel Image Specification, "UKI Components").
 */
static int open_image(const struct root *root, const char *image)
{
	struct pe_section section = { 0 };
	int fd = root_open_inside(root, image, O_RDONLY);

	if (fd < 0)
		return fd;
	int r = find_initrd(fd, &section);
	if (r == 0)
		return fd;
	if (r > 0)
		r = copy_section(fd, &section);
	(void)close(fd);
	return r;
}

int initramfs_inspect(const struct root *root, enum generator generator, const char *kernel,
		      const struct claims *claims, struct sentences *problems)
{
	char image[256];
	int r = initramfs_path(root, generator, kernel, image);

	if (r < 0)
		return r;
	AUTO_CLOSE int fd = open_image(root, image);
	if (fd < 0)
		return fd;
	struct inspection inspection = {
		.root = root,
		.image = image,
		.kernel = kernel,
		.generator = generator,
		.problems = problems,
		.kept = {
			[KEPT_HELPER] = { .path = &BOOT_HELPER[1], .most = HELPER_SIZE_MOST },
			[KEPT_TABLE] = { .path = CLAIMS_TABLE_PATH, .most = TABLE_SIZE_MOST },
			[KEPT_ORDER] = { .path = INIT_TOP "ORDER", .most = ORDER_SIZE_MOST },
		},
	};
	r = claims != NULL ? look_for_claims(&inspection, fd, claims)
			   : look_for_nothing(&inspection, fd);
	for (size_t i = 0; i < KEPT_COUNT; i++)
		free(inspection.kept[i].data);
	free(inspection.modules);
	return r;
}
