// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the lines of the files in which something may be left over. */
#include "leftovers.h"

#include <errno.h>
#include <string.h>

#include "leftover_parts.h"
#include "text.h"

static char *next_word(char **rest)
{
	char *word;

	do
		word = strsep(rest, " \t\r");
	while (word != NULL && *word == '\0');
	return word;
}

static int check_modprobe_line(struct finder *finder, char *line)
{
	char *rest = line;
	const char *verb = next_word(&rest);
	const char *module = next_word(&rest);

	if (verb == NULL || module == NULL)
		return 0;
	if (strcmp(verb, "options") == 0)
		return leftover_module(finder, module, rest ? rest : "");
	if (strcmp(verb, "install") == 0 && leftover_same_module(module, "vfio_pci"))
		return diagnostics_add(finder->warnings, finder->file, finder->line,
				       "an install command for vfio-pci is not run by the boot "
				       "helper; claims do the work of such scripts, remove it");
	return 0;
}

static int check_modules_line(struct finder *finder, char *line)
{
	char *rest = line;
	const char *module = next_word(&rest);

	return module == NULL ? 0 : leftover_module(finder, module, rest ? rest : "");
}

/*
 * Quotes of a shell assignment end words as blanks do; so does the = of GRUB_CMDLINE_LINUX=.
 * EDPM keeps edpm_kernel_args in a variable that it adds to that one: GRUB_EDPM_KERNEL_ARGS
 * (edpm-ansible, roles/edpm_kernel/tasks/kernelargs.yml).
 */
static int check_arguments_line(struct finder *finder, char *line)
{
	char *rest = line;
	int r = 0;

	if (finder->kind == LEFTOVER_SHELL) {
		bool cmdline = strstr(line, "CMDLINE") != NULL;
		const char *name = strsep(&rest, "=");

		finder->generated = strstr(name, "KERNEL_ARGS") != NULL;
		if (!finder->generated && !cmdline)
			return 0;
	}
	while (r == 0 && rest != NULL) {
		const char *word = strsep(&rest, " \t\r\"'[]");

		if (*word != '\0')
			r = leftover_argument(finder, word);
	}
	return r;
}

/* driverctl(8) sets the override when udev has found the device, over what is there already. */
static int check_driverctl_line(struct finder *finder, char *line)
{
	char *rest = line;
	const char *driver = next_word(&rest);

	return driver == NULL ? 0 : leftover_driverctl(finder, driver);
}

static int check_line(struct finder *finder, char *line)
{
	line += strspn(line, " \t");
	if (*line == '#' || *line == '\0')
		return 0;
	if (finder->kind == LEFTOVER_MODPROBE)
		return check_modprobe_line(finder, line);
	if (finder->kind == LEFTOVER_MODULES)
		return check_modules_line(finder, line);
	if (finder->kind == LEFTOVER_DRIVERCTL)
		return check_driverctl_line(finder, line);
	if (finder->kind == LEFTOVER_SCRIPT)
		return leftover_script(finder, line);
	return check_arguments_line(finder, line);
}

int leftovers_find(enum leftover_file kind, const char *file, const char *text,
		   const struct leftover_view *view, struct diagnostics *warnings)
{
	struct finder finder = { .kind = kind,
				 .file = file,
				 .view = view,
				 .before = warnings->count,
				 .warnings = warnings };
	AUTO_FREE char *copy = strdup(text);
	char *rest = copy;
	int r = 0;

	if (copy == NULL)
		return -ENOMEM;
	if (kind == LEFTOVER_SCRIPT)
		finder.named = leftover_script_names(&view->config->claims, text);
	while (r == 0 && rest != NULL) {
		char *line = strsep(&rest, "\n");

		finder.line++;
		r = check_line(&finder, line);
	}
	return r;
}
