// SPDX-License-Identifier: GPL-2.0-or-later
/* The initramfs images of a target: who builds them, where they are, how to rebuild them. */
#include "initramfs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel_install.h"
#include "loader_ways.h"
#include "text.h"

enum {
	SCRIPT_SIZE_MOST = 1 << 18,
	OS_RELEASE_SIZE_MOST = 1 << 16,
	TOKEN_SIZE = 65,
};

/* Distributions by how they name an image. */
enum family { FAMILY_OTHER, FAMILY_DEBIAN, FAMILY_SUSE };

static PRINTF_LIKE(3, 4) int format_path(char *out, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int length = vsnprintf(out, size, format, args);
	va_end(args);
	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

/* True when a short text file of the target has this text in it. */
static bool file_mentions(const struct root *root, const char *path, const char *text)
{
	AUTO_FREE char *data = NULL;
	size_t length;
	int r = root_read(root, path, SCRIPT_SIZE_MOST, &data, &length);

	root_note_trouble(r);
	return r == 0 && memmem(data, length, text, strlen(text)) != NULL;
}

/*
 * update-initramfs is a command of initramfs-tools and, after 106, one of Debian's package
 * dracut, whose version is the same script with dracut in place of mkinitramfs.
 */
static enum generator owner_of_update_initramfs(const struct root *root)
{
	char path[COMMAND_PATH_SIZE];

	if (!command_find(root, "update-initramfs", path))
		return GENERATOR_NONE;
	return file_mentions(root, path, "mkinitramfs") ? GENERATOR_INITRAMFS_TOOLS
							: GENERATOR_DRACUT;
}

/*
 * Debian's packages dracut and initramfs-tools exclude each other, but dracut-core and
 * initramfs-tools do not: then the kernel's hook says which of them is called. The hooks are
 * conffiles, so that one alone proves nothing: a removed package leaves it behind.
 */
enum generator generator_detect(const struct root *root)
{
	char path[COMMAND_PATH_SIZE];
	enum generator owner = owner_of_update_initramfs(root);

	if (!command_find(root, "dracut", path))
		return owner == GENERATOR_INITRAMFS_TOOLS ? owner : GENERATOR_NONE;
	if (owner != GENERATOR_INITRAMFS_TOOLS)
		return GENERATOR_DRACUT;
	bool dracut_hook = root_has(root, "etc/kernel/postinst.d/dracut");
	bool tools_hook = root_has(root, "etc/kernel/postinst.d/initramfs-tools");
	return dracut_hook && !tools_hook ? GENERATOR_DRACUT : GENERATOR_INITRAMFS_TOOLS;
}

/* One word of a value of os-release(5), which may stand in quotes. */
static bool has_word(const char *value, size_t length, const char *word)
{
	size_t word_length = strlen(word);

	for (size_t i = 0; i + word_length <= length; i++) {
		bool begins = i == 0 || strchr(" \"'", value[i - 1]) != NULL;
		size_t end = i + word_length;

		if (begins && strncmp(value + i, word, word_length) == 0 &&
		    (end == length || strchr(" \"'", value[end]) != NULL))
			return true;
	}
	return false;
}

static enum family family_of_line(const char *line, size_t length)
{
	if (has_word(line, length, "debian") || has_word(line, length, "ubuntu"))
		return FAMILY_DEBIAN;
	if (has_word(line, length, "suse") || has_word(line, length, "opensuse") ||
	    has_word(line, length, "sles"))
		return FAMILY_SUSE;
	return FAMILY_OTHER;
}

/* By ID and ID_LIKE of os-release(5). */
static enum family find_family(const struct root *root)
{
	AUTO_FREE char *data = NULL;
	size_t length;
	enum family family = FAMILY_OTHER;

	int r = root_read(root, "etc/os-release", OS_RELEASE_SIZE_MOST, &data, &length);
	if (r < 0) {
		root_note_trouble(r);
		r = root_read(root, "usr/lib/os-release", OS_RELEASE_SIZE_MOST, &data, &length);
	}
	if (r < 0) {
		root_note_trouble(r);
		return FAMILY_OTHER;
	}
	for (const char *line = data; *line != '\0' && family == FAMILY_OTHER;) {
		size_t bytes = strcspn(line, "\n");

		if (strncmp(line, "ID=", 3) == 0)
			family = family_of_line(line + 3, bytes - 3);
		else if (strncmp(line, "ID_LIKE=", 8) == 0)
			family = family_of_line(line + 8, bytes - 8);
		line += bytes + (line[bytes] == '\n' ? 1 : 0);
	}
	return family;
}

/* The name of the directory that kernel-install(8) makes: the entry token. */
static bool read_token(const struct root *root, const char *path, char token[TOKEN_SIZE])
{
	AUTO_FREE char *text = NULL;
	size_t length;

	if (root_read(root, path, TOKEN_SIZE, &text, &length) < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return is_plain_word(text, TOKEN_SIZE - 1, "._-") && text[0] != '.' &&
	       copy_field(token, TOKEN_SIZE, text) == 0;
}

/*
 * The image in a directory of kernel-install's, TOKEN/KERNEL/initrd on one of three partitions
 * (bin/dracut of dracut 059 to 112 looks at them in this order). It counts where it is there or
 * where the kernel beside it is.
 */
static int find_entry_image(const struct root *root, const char *kernel, char out[256])
{
	static const char *const partitions[] = { "efi", "boot", "boot/efi" };
	static const char *const tokens[] = { "etc/kernel/entry-token", "etc/machine-id" };

	for (size_t i = 0; i < sizeof(tokens) / sizeof(*tokens); i++) {
		char token[TOKEN_SIZE];

		if (!read_token(root, tokens[i], token))
			continue;
		for (size_t j = 0; j < sizeof(partitions) / sizeof(*partitions); j++) {
			char linux_path[256];
			char path[256];

			if (format_path(path, sizeof(path), "%s/%s/%s/initrd", partitions[j],
					token, kernel) < 0 ||
			    format_path(linux_path, sizeof(linux_path), "%s/%s/%s/linux",
					partitions[j], token, kernel) < 0)
				return -ENAMETOOLONG;
			if (root_has(root, path) || root_has(root, linux_path))
				return format_path(out, 256, "%s", path);
		}
	}
	return -ENOENT;
}

static int boot_image(enum family family, const char *kernel, char out[256])
{
	switch (family) {
	case FAMILY_DEBIAN:
		return format_path(out, 256, "boot/initrd.img-%s", kernel);
	case FAMILY_SUSE:
		return format_path(out, 256, "boot/initrd-%s", kernel);
	case FAMILY_OTHER:
		break;
	}
	return format_path(out, 256, "boot/initramfs-%s.img", kernel);
}

/* An image that is in /boot (or, in images of bootc, beside the modules) by any of its names. */
static int find_boot_image(const struct root *root, const char *kernel, char out[256])
{
	static const enum family families[] = { FAMILY_OTHER, FAMILY_DEBIAN, FAMILY_SUSE };
	char path[256];

	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (boot_image(families[i], kernel, path) == 0 && root_has(root, path))
			return format_path(out, 256, "%s", path);
	if (format_path(path, sizeof(path), "usr/lib/modules/%s/initramfs.img", kernel) == 0 &&
	    root_has(root, path))
		return format_path(out, 256, "%s", path);
	return -ENOENT;
}

int initramfs_path(const struct root *root, enum generator generator, const char *kernel,
		   char out[256])
{
	enum family family = find_family(root);
	char usual[256];

	if (generator == GENERATOR_INITRAMFS_TOOLS)
		return boot_image(FAMILY_DEBIAN, kernel, out);
	int r = boot_image(family, kernel, usual);
	if (r < 0)
		return r;
	/* Debian makes its image in /boot in any case and kernel-install(8) takes a copy. */
	if (family == FAMILY_DEBIAN && root_has(root, usual))
		return format_path(out, 256, "%s", usual);
	if (makes_ukis(root) && find_uki(root, kernel, out))
		return 0;
	r = find_entry_image(root, kernel, out);
	if (r == -ENOENT && root_has(root, usual))
		return format_path(out, 256, "%s", usual);
	if (r == -ENOENT)
		r = find_boot_image(root, kernel, out);
	return r == -ENOENT ? format_path(out, 256, "%s", usual) : r;
}

bool initramfs_is_fixed(const struct root *root)
{
	return is_booted_ostree(root);
}

/*
 * With `update_initramfs=no` in its file, update-initramfs -u says so and succeeds. That is
 * meant for upgrades of packages; who calls us wants the image.
 */
static bool updates_are_off(const struct root *root)
{
	static const char key[] = "update_initramfs=";
	AUTO_FREE char *data = NULL;
	size_t length;
	bool off = false;
	int r = root_read(root, "etc/initramfs-tools/update-initramfs.conf", SCRIPT_SIZE_MOST,
			  &data, &length);

	root_note_trouble(r);
	if (r < 0)
		return false;
	/* A shell reads the file: the last line counts. */
	for (const char *line = data; line != NULL;) {
		line += strspn(line, " \t");
		if (strncmp(line, key, strlen(key)) == 0) {
			line += strlen(key);
			off = has_word(line, strcspn(line, " \t;\n"), "no");
		}
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	return off;
}

static int add_update_initramfs(const struct root *root, const char *kernel, const char *image,
				const char *title, struct command_lines *commands)
{
	char program[COMMAND_PATH_SIZE];
	bool update = root_has(root, image) && !updates_are_off(root);

	if (!command_find(root, "update-initramfs", program))
		return -ENOENT;
	return command_lines_add(commands, title, program, update ? "-u" : "-c", "-k", kernel,
				 (const char *)NULL);
}

static bool ends_with(const char *string, const char *end)
{
	size_t length = strlen(string);
	size_t end_length = strlen(end);

	return length >= end_length && strcmp(string + length - end_length, end) == 0;
}

/*
 * dracut copies the finished image over the old one (bin/dracut), and a power cut at that moment
 * leaves half of one: it writes beside it instead. A tree's image is not for the builder's
 * hardware, whatever dracut.conf has for later; since 109 dracut leaves drivers out unless it
 * is told not to, and without /sys that means nearly all of them.
 */
static int add_dracut(const struct root *root, const char *kernel, const char *image,
		      const char *title, struct command_lines *commands)
{
	char program[COMMAND_PATH_SIZE];
	char file[264];

	if (!command_find(root, "dracut", program))
		return -ENOENT;
	int r = root_staged_path(image, file + 1, sizeof(file) - 1);
	file[0] = '/';
	if (r == 0)
		r = command_lines_add(commands, title, program, "--force", "--kver", kernel,
				      file,
				      root->is_host ? (const char *)NULL : "--no-hostonly",
				      (const char *)NULL);
	if (r < 0)
		return r;
	struct command_line *line = &commands->items[commands->count - 1];
	line->staged = strdup(image);
	return line->staged == NULL ? -ENOMEM : 0;
}

/*
 * Debian's package dracut has a command that also calls the hooks in post-update.d. It hands no
 * --no-hostonly on, which a tree needs.
 */
static bool has_dracuts_update_initramfs(const struct root *root, const char *image)
{
	return root->is_host && strncmp(image, "boot/initrd.img-", 16) == 0 &&
	       owner_of_update_initramfs(root) == GENERATOR_DRACUT;
}

int initramfs_add_rebuild(const struct root *root, enum generator generator, const char *kernel,
			  struct command_lines *commands)
{
	char image[256];
	char title[256];

	if (generator == GENERATOR_NONE)
		return -EINVAL;
	int r = initramfs_path(root, generator, kernel, image);
	if (r == 0)
		r = format_path(title, sizeof(title), "initramfs of %s", kernel);
	if (r < 0)
		return r;
	if (generator == GENERATOR_INITRAMFS_TOOLS || has_dracuts_update_initramfs(root, image))
		return add_update_initramfs(root, kernel, image, title, commands);
	/* Where kernel-install makes unified images, an image in /boot would be nobody's. */
	if (ends_with(image, "/initrd") || ends_with(image, ".efi") ||
	    (makes_ukis(root) && !root_has(root, image))) {
		r = kernel_install_add(root, kernel, title, commands);
		if (r != -ENOENT)
			return r;
	}
	return add_dracut(root, kernel, image, title, commands);
}
