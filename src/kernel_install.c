// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel_install.h"

/*
 * Beside its modules is where kernel-install's own callers take it from (man 8 kernel-install);
 * lib/modules is for trees whose /usr is not merged, and Debian keeps it in /boot.
 */
bool kernel_file_find(const struct root *root, const char *version, char out[KERNEL_FILE_SIZE])
{
	static const struct {
		const char *before;
		const char *after;
	} places[] = { { "/usr/lib/modules/", "/vmlinuz" },
		       { "/lib/modules/", "/vmlinuz" },
		       { "/boot/vmlinuz-", "" } };

	if (*version == '\0' || strchr(version, '/') != NULL)
		return false;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		int length = snprintf(out, KERNEL_FILE_SIZE, "%s%s%s", places[i].before,
				      version, places[i].after);

		if (length < KERNEL_FILE_SIZE && root_has(root, out + 1))
			return true;
	}
	return false;
}

int kernel_install_add(const struct root *root, const char *version, const char *title,
		       struct command_lines *commands)
{
	char program[COMMAND_PATH_SIZE];
	char kernel[KERNEL_FILE_SIZE];

	if (!kernel_file_find(root, version, kernel) ||
	    !command_find(root, "kernel-install", program))
		return -ENOENT;
	return command_lines_add(commands, title, program, "add", version, kernel,
				 (const char *)NULL);
}
